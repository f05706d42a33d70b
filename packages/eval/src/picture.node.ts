/** Pictures of a report as `data:` addresses. */
import { deflateSync } from "node:zlib";
import { encodePng } from "@bidden/data";
import type { Image } from "@bidden/runtime";

export function encodePicture(image: Image): string {
  const png = encodePng(image, (bytes) => deflateSync(bytes, { level: 9 }));
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}
