/** Steps of an episode as plain JSON, one object a step: for jq, and to compare datasets with each other. */

import type { Image } from "@bidden/runtime";
import { elementsOf } from "../dataset/columns.ts";
import type { Column, Dataset, ReadOptions } from "../dataset/types.ts";

/** What stands for a picture: a hash, the name of a file it was written to ... */
export type ImageSink = (image: Image, column: string, frame: number) => Promise<unknown>;

/** How many frames are read at once. */
const BATCH = 64;

/**
 * Every column under its own name, and `episode`, `frame`, `task` where no column is called so. Not-a-number and infinities
 * become "nan", "inf", "-inf"; integers beyond 2^53 become strings.
 */
export async function* catEpisode(
  dataset: Dataset,
  episode: number,
  sink: ImageSink,
  { from = 0, to, ...options }: ReadOptions = {},
): AsyncGenerator<Record<string, unknown>> {
  const end = Math.min(to ?? Number.POSITIVE_INFINITY, (await dataset.episode(episode)).length);
  for (let start = from; start < end; start += BATCH) {
    const data = await dataset.read(episode, { ...options, from: start, to: Math.min(end, start + BATCH) });
    for (let i = 0; i < data.length; i++) {
      const step: Record<string, unknown> = { episode, frame: start + i, task: data.tasks[i] ?? "" };
      for (const [name, column] of Object.entries(data.columns)) {
        step[name] = column.kind === "images" ? await sink(await column.image(i), name, start + i) : cellOf(column, i);
      }
      yield step;
    }
  }
}

function cellOf(column: Exclude<Column, { kind: "images" }>, frame: number): unknown {
  if (column.kind === "text") return column.values[frame];
  if (column.kind === "json") return plain(column.values[frame]);
  const { shape, values, dtype } = column;
  const cell = (at: number): unknown => {
    const value = values[at] as number | bigint;
    return dtype === "bool" ? value === 1 : plain(value);
  };
  const nest = (axes: readonly number[], at: number): unknown => {
    const [first, ...rest] = axes;
    if (first === undefined) return cell(at);
    const step = elementsOf(rest);
    return Array.from({ length: first }, (_, i) => nest(rest, at + i * step));
  };
  const scalar = shape.length === 1 && shape[0] === 1;
  return nest(scalar ? [] : shape, frame * elementsOf(shape));
}

/** Anything as JSON. */
export function plain(value: unknown): unknown {
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value ?? null;
}
