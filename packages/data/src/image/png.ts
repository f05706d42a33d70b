/** PNG (ISO/IEC 15948): writing 8-bit grey and RGB, reading everything that fast-png reads, as RGB. */

import { BiddenError, type Image, messageOf } from "@bidden/runtime";
import { decode } from "fast-png";
import { crc32 } from "../bytes/crc.ts";
import { isPng, PNG_SIGNATURE } from "./kinds.ts";

/** zlib-wrapped DEFLATE: `node:zlib`'s deflateSync, or any other. */
export type Deflate = (bytes: Uint8Array) => Uint8Array;

/** Every row is filtered with "up": cheap, and good for pictures with large even areas. */
export function encodePng(image: Image, deflate: Deflate): Uint8Array {
  const { width, height, data } = image;
  const stride = width * 3;
  if (data.length !== stride * height || width < 1 || height < 1) {
    throw new BiddenError(
      "bad-argument",
      `Expected an image of ${width} x ${height} x 3 = ${stride * height} bytes; got ${data.length}.`,
    );
  }
  const rows = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const to = y * (stride + 1);
    const from = y * stride;
    rows[to] = 2;
    if (y === 0) {
      rows.set(data.subarray(0, stride), 1);
      continue;
    }
    for (let x = 0; x < stride; x++) {
      rows[to + 1 + x] = (data[from + x] as number) - (data[from - stride + x] as number);
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8);
  return assemble([
    ["IHDR", header],
    ["IDAT", deflate(rows)],
    ["IEND", new Uint8Array(0)],
  ]);
}

function assemble(chunks: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((sum, [, body]) => sum + 12 + body.length, 8));
  const view = new DataView(out.buffer);
  out.set(PNG_SIGNATURE);
  let at = 8;
  for (const [name, body] of chunks) {
    view.setUint32(at, body.length);
    for (let i = 0; i < 4; i++) out[at + 4 + i] = name.charCodeAt(i);
    out.set(body, at + 8);
    view.setUint32(at + 8 + body.length, crc32(out.subarray(at + 4, at + 8 + body.length)));
    at += 12 + body.length;
  }
  return out;
}

/** Largest picture that is decoded: 64 megapixels. */
const MAX_PIXELS = 1 << 26;

/** @param where named in errors. Grey becomes RGB, transparency is dropped, 16 bits keep the upper 8. */
export function decodePng(bytes: Uint8Array, where: string): Image {
  const bad = (what: string, cause?: unknown): BiddenError =>
    new BiddenError("bad-dataset", `${where} is not a readable PNG: ${what}.`, { where }, cause);
  if (!isPng(bytes) || bytes.length < 33) throw bad("its signature is missing");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixels = view.getUint32(16) * view.getUint32(20);
  if (pixels === 0 || pixels > MAX_PIXELS) throw bad(`it claims ${view.getUint32(16)} x ${view.getUint32(20)} pixels`);
  let png: ReturnType<typeof decode>;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw bad(messageOf(error), error);
  }
  const { width, height } = png;
  if (png.palette !== undefined) throw bad("palettes are not supported");
  const { channels, depth } = png;
  if (depth < 8) throw bad(`${depth} bits a channel are not supported`);
  const source = png.data;
  if (depth === 8 && channels === 3 && source instanceof Uint8Array) return { width, height, data: source };
  const data = new Uint8Array(width * height * 3);
  const shift = depth === 16 ? 8 : 0;
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) {
      data[i * 3 + c] = (source[i * channels + (channels < 3 ? 0 : c)] as number) >> shift;
    }
  }
  return { width, height, data };
}
