/** Writes safetensors bytes: same tensors, same bytes. */
import { BiddenError } from "@bidden/runtime";
import { bytesOf, bytesPerElement, sizeOf, type TensorData } from "../graph/dtype.ts";
import { codeOfDtype } from "./format.ts";

/** Widest elements first, then by name, so that every array is aligned; the header is padded with spaces to 8 bytes. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      bytesPerElement(b.dtype) - bytesPerElement(a.dtype) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const entries: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [["__metadata__", metadata]];
  let end = 0;
  for (const [name, { dtype, shape, data }] of order) {
    const bytes = sizeOf(shape) * bytesPerElement(dtype);
    if (name === "__metadata__" || data.byteLength !== bytes) {
      throw new BiddenError(
        "bad-checkpoint",
        `tensor "${name}": expected ${bytes} bytes for ${dtype} [${shape.join(", ")}]; came ${data.byteLength}.`,
        { tensor: name },
      );
    }
    entries.push([name, { dtype: codeOfDtype[dtype], shape, data_offsets: [end, end + bytes] }]);
    end += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const out = new Uint8Array(8 + headerBytes + end);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.fill(0x20, 8, 8 + headerBytes);
  out.set(json, 8);
  let at = 8 + headerBytes;
  for (const [, { data }] of order) {
    out.set(bytesOf(data), at);
    at += data.byteLength;
  }
  return out;
}
