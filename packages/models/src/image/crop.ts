/** Crops of torchvision and of the OpenVLA evaluation code. */
import type { Image } from "@bidden/runtime";
import { type FloatImage, roundHalfEven, toBytes } from "./float-image.ts";
import { cropAndResize, type Size } from "./resize.ts";

/** torchvision's CenterCrop: the offset is round-half-even((H - h) / 2); what is larger than the image is padded with 0. */
export function centreCrop(image: FloatImage, [height, width]: Size): FloatImage {
  const { channels } = image;
  const data = new Float32Array(height * width * channels);
  const top = offset(image.height, height);
  const left = offset(image.width, width);
  for (let y = 0; y < height; y++) {
    const fromY = y + top;
    if (fromY < 0 || fromY >= image.height) continue;
    for (let x = 0; x < width; x++) {
      const fromX = x + left;
      if (fromX < 0 || fromX >= image.width) continue;
      for (let c = 0; c < channels; c++) {
        data[(y * width + x) * channels + c] = image.data[(fromY * image.width + fromX) * channels + c] as number;
      }
    }
  }
  return { width, height, channels, data };
}

function offset(size: number, wanted: number): number {
  return size >= wanted ? roundHalfEven((size - wanted) / 2) : -Math.floor((wanted - size) / 2);
}

/** torchvision's Resize(int): the short side becomes `side`, the long one int(side * long / short). */
export function shortSideSize(image: { readonly width: number; readonly height: number }, side: number): Size {
  const { width, height } = image;
  return width <= height ? [Math.trunc((side * height) / width), side] : [side, Math.trunc((side * width) / height)];
}

/**
 * OpenVLA's evaluation crop: the centre 90 % of the area, back to the full size by tf.image.crop_and_resize. Bytes through
 * tf.image.convert_image_dtype: v / 255 on the way in, (v * 255.5) truncated on the way out.
 */
export function cropNinety(image: Image, area = 0.9): Image {
  const side = Math.fround(Math.sqrt(Math.fround(area)));
  const from = Math.fround(Math.fround(1 - side) / 2);
  const to = Math.fround(from + side);
  const scale = Math.fround(1 / 255);
  const floats = { ...image, channels: 3, data: Float32Array.from(image.data, (v) => v * scale) };
  const cropped = cropAndResize(floats, [from, from, to, to], [image.height, image.width]);
  return toBytes(cropped, 255.5, "truncate");
}
