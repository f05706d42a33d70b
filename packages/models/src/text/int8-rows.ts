/**
 * Matrices in 8 bits: each row (output feature, or word) is scaled by its own largest magnitude / 127. Stored in safetensors
 * as `<name>` (I8 [rows, columns]) beside `<name>.scale` (F32 [rows]).
 */
import { BiddenError } from "@bidden/runtime";
import type { TensorData } from "@bidden/tensor";

export type Int8Rows = {
  readonly values: Int8Array;
  readonly scales: Float32Array;
  readonly rows: number;
  readonly columns: number;
};

export function packRows(data: Float32Array, rows: number, columns: number): Int8Rows {
  const values = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) largest = Math.max(largest, Math.abs(data[i] as number));
    const scale = largest / 127 || 1;
    scales[row] = scale;
    for (let i = row * columns; i < (row + 1) * columns; i++) values[i] = Math.round((data[i] as number) / scale);
  }
  return { values, scales, rows, columns };
}

/** Writes one row as float32 into `out` from `offset` on. */
export function unpackRow(packed: Int8Rows, row: number, out: Float32Array, offset: number): void {
  const scale = packed.scales[row] as number;
  const from = row * packed.columns;
  for (let i = 0; i < packed.columns; i++) out[offset + i] = (packed.values[from + i] as number) * scale;
}

export function unpackRows(packed: Int8Rows): Float32Array {
  const out = new Float32Array(packed.rows * packed.columns);
  for (let row = 0; row < packed.rows; row++) unpackRow(packed, row, out, row * packed.columns);
  return out;
}

/** Finds a packed matrix in a safetensors file. */
export function int8RowsOf(tensors: ReadonlyMap<string, TensorData>, name: string): Int8Rows {
  const values = tensors.get(name);
  const scales = tensors.get(`${name}.scale`);
  if (!(values?.data instanceof Int8Array) || !(scales?.data instanceof Float32Array) || values.shape.length !== 2) {
    throw new BiddenError(
      "bad-checkpoint",
      `expected "${name}" as I8 [rows, columns] with F32 "${name}.scale" beside it.`,
      { name },
    );
  }
  const [rows, columns] = values.shape as readonly [number, number];
  return { values: values.data, scales: scales.data, rows, columns };
}
