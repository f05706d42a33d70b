/** Idefics3's and SmolVLM's way from many image tokens to few: a square of tokens becomes one token, channels side by side. */
import { reshape, type Tensor, transpose } from "@bidden/tensor";
import { BiddenError } from "@bidden/runtime";

/**
 * float32[images, side², width] to [images, (side/factor)², width·factor²]; channel (dy·factor + dx)·width + c of place (i, j)
 * is channel c of token (i·factor + dy, j·factor + dx). The reference takes every image for a square of tokens.
 */
export function pixelShuffle(tokens: Tensor, factor: number): Tensor {
  const [images, count, width] = tokens.shape as unknown as readonly [number, number, number];
  const side = Math.round(Math.sqrt(count));
  if (side * side !== count || side % factor !== 0) {
    throw new BiddenError(
      "bad-shape",
      `Pixel shuffle by ${factor} wants a square of image tokens with a side that ${factor} divides; came ${count} tokens.`,
      { count, factor },
    );
  }
  const few = side / factor;
  const apart = reshape(tokens, [images, few, factor, few, factor, width]);
  return reshape(transpose(apart, [0, 1, 3, 2, 4, 5]), [images, few * few, factor * factor * width]);
}
