/** The JPEG codec's WebAssembly, from the package on the disk. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

export function readJpegWasm(): Promise<Uint8Array<ArrayBuffer>> {
  const path = createRequire(import.meta.url).resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  return readFile(path);
}
