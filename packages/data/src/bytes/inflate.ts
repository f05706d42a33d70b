/** zlib and gzip through the platform's own DecompressionStream (Node 18+, browsers), with a bound on the result. */

import { BiddenError, messageOf } from "@bidden/runtime";

/** Largest share of output to input that DEFLATE can reach is about 1032. */
const MAX_RATIO = 1100;

export type Compression = "deflate" | "gzip" | "deflate-raw";

/** @param where named in errors. */
export async function inflate(bytes: Uint8Array, format: Compression, where: string): Promise<Uint8Array> {
  const limit = bytes.length * MAX_RATIO + 1024;
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream(format));
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > limit) throw new BiddenError("bad-dataset", "it expands beyond what its format allows");
      parts.push(value);
    }
  } catch (error) {
    throw new BiddenError("bad-dataset", `${where}: cannot be decompressed (${messageOf(error)}).`, { where }, error);
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
