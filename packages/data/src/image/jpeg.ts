/** JPEG through mozjpeg in WebAssembly (@jsquash/jpeg), the same in Node and in a browser. */

import { BiddenError, type Image, messageOf } from "@bidden/runtime";
import decode, { init } from "@jsquash/jpeg/decode.js";

let ready: Promise<void> | null = null;

/** A browser fetches the WebAssembly itself; Node reads it from the package. */
async function load(): Promise<void> {
  if (typeof process !== "object" || process.versions?.node === undefined) return;
  const { readJpegWasm } = await import("./jpeg-wasm.node.ts");
  // What is wrong with a picture is in the error; the library's own lines would only litter the terminal.
  // The package's types leave out the second argument, which its code takes.
  const start = init as (module: WebAssembly.Module, options: object) => Promise<void>;
  await start(await WebAssembly.compile(await readJpegWasm()), { printErr: () => undefined });
}

/** Width and height from the frame header; null when there is none. */
export function jpegSize(bytes: Uint8Array): { width: number; height: number } | null {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1] as number;
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame) {
      return {
        height: ((bytes[at + 5] as number) << 8) | (bytes[at + 6] as number),
        width: ((bytes[at + 7] as number) << 8) | (bytes[at + 8] as number),
      };
    }
    at += 2 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
  }
  return null;
}

const MAX_PIXELS = 1 << 26;

/** @param where named in errors. */
export async function decodeJpeg(bytes: Uint8Array, where: string): Promise<Image> {
  const bad = (what: string, cause?: unknown): BiddenError =>
    new BiddenError("bad-dataset", `${where} is not a readable JPEG: ${what}.`, { where }, cause);
  const size = jpegSize(bytes);
  if (size === null || size.width * size.height === 0) throw bad("it has no frame header");
  if (size.width * size.height > MAX_PIXELS) throw bad(`it claims ${size.width} x ${size.height} pixels`);
  ready ??= load();
  await ready;
  let rgba: { width: number; height: number; data: Uint8ClampedArray };
  try {
    rgba = await decode(bytes.slice().buffer);
  } catch (error) {
    throw bad(messageOf(error), error);
  }
  const { width, height } = rgba;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += 4) {
    data[to++] = rgba.data[from] as number;
    data[to++] = rgba.data[from + 1] as number;
    data[to++] = rgba.data[from + 2] as number;
  }
  return { width, height, data };
}
