/** Writes safetensors bytes: same tensors, same bytes. */
import { BiddenError } from "@bidden/runtime";
import { bytesOf, bytesPerElement, type DType, type Shape, sizeOf, type TensorData } from "../graph/dtype.ts";
import { codeOfDtype } from "./format.ts";

/** What a file holds, without its values. */
export type SafetensorsPlan = {
  /** Everything before the values: the length of the header and the header, padded with spaces to 8 bytes. */
  readonly head: Uint8Array;
  /** The tensors in the order of their values in the file. */
  readonly order: readonly string[];
  /** Length of the whole file, bytes. */
  readonly bytes: number;
};

/** Lays a file out: widest elements first, then by name, so that every array is aligned. */
export function planSafetensors(
  tensors: ReadonlyMap<string, { readonly dtype: DType; readonly shape: Shape }>,
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsPlan {
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const entries: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [["__metadata__", metadata]];
  let end = 0;
  for (const [name, { dtype, shape }] of order) {
    if (name === "__metadata__") {
      throw new BiddenError("bad-checkpoint", `No tensor can be named "${name}".`, { tensor: name });
    }
    const bytes = sizeOf(shape) * bytesPerElement(dtype);
    entries.push([name, { dtype: codeOfDtype[dtype], shape, data_offsets: [end, end + bytes] }]);
    end += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + headerBytes).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(headerBytes), true);
  head.set(json, 8);
  return { head, order: order.map(([name]) => name), bytes: head.length + end };
}

/** A whole file in memory: same tensors, same bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const { head, order, bytes } = planSafetensors(tensors, metadata);
  const out = new Uint8Array(bytes);
  out.set(head);
  let at = head.length;
  for (const name of order) {
    const { dtype, shape, data } = tensors.get(name) as TensorData;
    const expected = sizeOf(shape) * bytesPerElement(dtype);
    if (data.byteLength !== expected) {
      throw new BiddenError(
        "bad-checkpoint",
        `tensor "${name}": expected ${expected} bytes for ${dtype} [${shape.join(", ")}]; came ${data.byteLength}.`,
        { tensor: name },
      );
    }
    out.set(bytesOf(data), at);
    at += expected;
  }
  return out;
}
