/** Pictures and heat on to canvases, straight from the frames' bytes. */
import type { HeatFrame } from "../../protocol/frames.ts";

/** The same colours as in style/base.css and in the 3-D view. */
const HEAT_RGB: Readonly<Record<HeatFrame["channel"], readonly [number, number, number]>> = {
  act: [240, 105, 28],
  place: [10, 163, 194],
};

/** rgb: uint8[height, width, 3] */
export function drawPicture(canvas: HTMLCanvasElement, width: number, height: number, rgb: Uint8Array): void {
  const image = sized(canvas, width, height);
  if (image === null) return;
  const { data } = image.pixels;
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    data[to] = rgb[from] ?? 0;
    data[to + 1] = rgb[from + 1] ?? 0;
    data[to + 2] = rgb[from + 2] ?? 0;
    data[to + 3] = 255;
  }
  image.context.putImageData(image.pixels, 0, 0);
}

/** One pixel a patch; the browser smooths it over the picture. Weak patches are left out, so that the picture stays clear. */
export function drawHeat(canvas: HTMLCanvasElement, heat: HeatFrame): void {
  const image = sized(canvas, heat.cols, heat.rows);
  if (image === null) return;
  const [r, g, b] = HEAT_RGB[heat.channel];
  const { data } = image.pixels;
  heat.values.forEach((value, patch) => {
    data.set([r, g, b, value < 20 ? 0 : Math.round(value * 0.8)], 4 * patch);
  });
  image.context.putImageData(image.pixels, 0, 0);
}

function sized(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): { context: CanvasRenderingContext2D; pixels: ImageData } | null {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  if (width === 0 || height === 0) return null;
  const context = canvas.getContext("2d");
  return context === null ? null : { context, pixels: context.createImageData(width, height) };
}
