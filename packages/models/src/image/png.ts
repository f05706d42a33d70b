/** PNG files as RGB images: grey becomes three equal channels, transparency is dropped. */
import { BiddenError, type Image, messageOf } from "@bidden/runtime";
import { decode } from "fast-png";

/** Larger pictures than any camera's are refused before their pixels are inflated. */
const MAX_PIXELS = 64_000_000;

export function readPng(bytes: Uint8Array, name = "PNG"): Image {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33 || view.getUint32(0) !== 0x89504e47) {
    throw new BiddenError("bad-file", `${name}: expected a PNG; came ${bytes.length} bytes of something else.`, {
      name,
    });
  }
  if (view.getUint32(16) * view.getUint32(20) > MAX_PIXELS) {
    throw new BiddenError("bad-file", `${name}: expected at most ${MAX_PIXELS} pixels.`, { name });
  }
  try {
    const { width, height, data, channels, depth, palette } = decode(bytes, { checkCrc: true });
    const shift = depth === 16 ? 8 : 0;
    const grey = channels < 3;
    const scale = depth < 8 && palette === undefined ? 255 / (2 ** depth - 1) : 1;
    const out = new Uint8Array(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      const entry = palette?.[data[i] as number];
      for (let c = 0; c < 3; c++) {
        const value = entry?.[c] ?? data[i * channels + (grey ? 0 : c)] ?? 0;
        out[i * 3 + c] = (value >> shift) * scale;
      }
    }
    return { width, height, data: out };
  } catch (error) {
    throw new BiddenError("bad-file", `${name} could not be read: ${messageOf(error)}.`, { name }, error);
  }
}
