/** Cutting tokens out of a sequence. */
import { reshape, slice, type Tensor } from "@bidden/tensor";

/** Elements `start` (inclusive) to `end` (exclusive) of an axis. */
export function range(x: Tensor, axis: number, start: number, end: number): Tensor {
  return slice(x, { axis, start, end });
}

/** Tokens `from` (inclusive) to `to` (exclusive) of [b, t, width]. */
export function tokens(x: Tensor, from: number, to: number): Tensor {
  return range(x, 1, from, to);
}

/** Token `at` of [b, t, width] as [b, width]. */
export function token(x: Tensor, at: number): Tensor {
  const [b, , width] = x.shape as readonly [number, number, number];
  return reshape(tokens(x, at, at + 1), [b, width]);
}

/** Of `every` consecutive rows the first: [b * every, ...] -> [b, ...]. */
export function firstOf(x: Tensor, every: number): Tensor {
  const [rows, ...rest] = x.shape as readonly [number, ...number[]];
  const batch = rows / every;
  return reshape(range(reshape(x, [batch, every, ...rest]), 1, 0, 1), [batch, ...rest]);
}
