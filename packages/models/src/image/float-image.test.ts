import type { Image } from "@bidden/runtime";
import { expect, test } from "vitest";
import { checkImage } from "./float-image.ts";

const image = (data: unknown): Image => ({ width: 2, height: 1, data: data as Uint8Array });

test("images are bytes: floats, which may hold NaN, are refused and not read as black", () => {
  expect(() => checkImage(image(new Uint8Array(6)))).not.toThrow();
  expect(() => checkImage(image(new Uint8ClampedArray(6)))).not.toThrow();
  expect(() => checkImage(image(new Float32Array(6)))).toThrow("an RGB image of bytes, 0..255; came Float32Array.");
  expect(() => checkImage(image(Float32Array.of(0, 0, Number.NaN, 0, 0, 0)))).toThrow("number 2 is NaN");
  expect(() => checkImage(image(new Uint8Array(5)))).toThrow("came 2x1 with 5 bytes");
});
