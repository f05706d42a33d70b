/** What a chunk went through before it was stored (HDF5 File Format Specification 3.0, IV.A.2.l), undone. */

import { BiddenError } from "@bidden/runtime";
import { inflate } from "../bytes/inflate.ts";
import { unpackScaleOffset } from "./scale-offset.ts";

export type Filter = { readonly id: number; readonly name: string; readonly values: readonly number[] };

const DEFLATE = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;
const SCALE_OFFSET = 6;
const LZF = 32000;
const NAMES: Readonly<Record<number, string>> = {
  4: "szip",
  5: "nbit",
  307: "bzip2",
  32001: "blosc",
  32004: "lz4",
  32008: "bitshuffle",
  32015: "zstd",
};

/**
 * @param mask bit i: filter i was left out for this chunk.
 * @param size bytes of the chunk when all is undone.
 */
export async function unfilter(
  stored: Uint8Array,
  filters: readonly Filter[],
  mask: number,
  size: number,
): Promise<Uint8Array> {
  let bytes = stored;
  for (let i = filters.length - 1; i >= 0; i--) {
    if ((mask >>> i) & 1) continue;
    bytes = await undo(bytes, filters[i] as Filter, size);
  }
  if (bytes.length < size)
    throw new BiddenError("bad-dataset", `a chunk has ${bytes.length} bytes, ${size} are expected`);
  return bytes;
}

async function undo(bytes: Uint8Array, { id, name, values }: Filter, size: number): Promise<Uint8Array> {
  switch (id) {
    case DEFLATE:
      return inflate(bytes, "deflate", "a chunk");
    case SHUFFLE:
      return unshuffle(bytes, values[0] ?? 1);
    case FLETCHER32:
      return checked(bytes);
    case SCALE_OFFSET:
      return unpackScaleOffset(bytes, values, size);
    case LZF:
      return expandLzf(bytes, size);
    default:
      throw new BiddenError(
        "unsupported",
        `filter ${NAMES[id] ?? name} (${id}) is not read; gzip, LZF, shuffle, fletcher32 and scale-offset are`,
        { filter: id },
      );
  }
}

/** Byte k of all elements stood together. */
function unshuffle(bytes: Uint8Array, width: number): Uint8Array {
  if (width <= 1) return bytes;
  const count = Math.floor(bytes.length / width);
  const out = bytes.slice();
  for (let k = 0; k < width; k++) for (let i = 0; i < count; i++) out[i * width + k] = bytes[k * count + i] as number;
  return out;
}

/** The checksum of 16-bit words (H5_checksum_fletcher32) that stands behind the data; old libraries swapped its bytes. */
function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) throw new BiddenError("bad-dataset", "a chunk is too short for its checksum");
  const data = bytes.subarray(0, -4);
  const stored = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
  const sum = fletcher32(data);
  const swapped = ((sum & 0x00ff00ff) << 8) | ((sum >>> 8) & 0x00ff00ff);
  if (stored !== sum && stored !== swapped >>> 0)
    throw new BiddenError("bad-dataset", "the checksum of a chunk does not match (fletcher32)");
  return data;
}

export function fletcher32(data: Uint8Array): number {
  let [a, b] = [0, 0];
  for (let i = 0; i < data.length; i += 2) {
    a = (a + (((data[i] as number) << 8) | (data[i + 1] ?? 0))) % 65535;
    b = (b + a) % 65535;
  }
  // The library folds carries instead of taking remainders: where that gives 65535, this gives 0.
  const fold = (sum: number): number => (sum === 0 && data.some((byte) => byte !== 0) ? 65535 : sum);
  return ((fold(b) << 16) | fold(a)) >>> 0;
}

/** LibLZF, as h5py's filter has it: runs of literals and copies of what came before. */
export function expandLzf(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const cut = (): BiddenError => new BiddenError("bad-dataset", "a chunk is no valid LZF");
  let to = 0;
  for (let at = 0; at < bytes.length; ) {
    const control = bytes[at++] as number;
    if (control < 32) {
      const run = control + 1;
      if (at + run > bytes.length || to + run > size) throw cut();
      out.set(bytes.subarray(at, at + run), to);
      at += run;
      to += run;
      continue;
    }
    let length = (control >> 5) + 2;
    if (length === 9) length += bytes[at++] ?? 0;
    let from = to - (((control & 31) << 8) | (bytes[at++] ?? 0)) - 1;
    if (from < 0 || at > bytes.length || to + length > size) throw cut();
    // Byte by byte: what is copied may reach into the copy.
    for (; length > 0; length--) out[to++] = out[from++] as number;
  }
  if (to !== size) throw cut();
  return out;
}
