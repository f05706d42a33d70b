/** Any dataset as a stream of steps: a bounded stretch of frames is in memory, whatever the episodes' lengths. */

import type { Image } from "@bidden/runtime";
import { elementsOf } from "./columns.ts";
import type { Column, Dataset, NumberArray } from "./types.ts";

/** Numbers are views of one frame; pictures are decoded when asked for. */
export type StepValue =
  | { readonly kind: "numbers"; readonly values: NumberArray; readonly shape: readonly number[] }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "json"; readonly value: unknown }
  | { readonly kind: "image"; encoded(): Uint8Array | null; image(): Promise<Image> };

export type Step = {
  readonly episode: number;
  readonly frame: number;
  readonly task: string;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly values: Readonly<Record<string, StepValue>>;
};

export type StreamOptions = {
  readonly columns?: readonly string[];
  /** Numbers of episodes; all in their order when absent. */
  readonly episodes?: Iterable<number>;
  /** Frames read at once. 256 when absent. */
  readonly chunk?: number;
};

export async function* streamSteps(
  dataset: Dataset,
  { columns, episodes, chunk = 256 }: StreamOptions = {},
): AsyncGenerator<Step> {
  const all = episodes ?? Array.from({ length: dataset.episodeCount }, (_, i) => i);
  for (const episode of all) {
    const { length } = await dataset.episode(episode);
    for (let from = 0; from < length; from += chunk) {
      const to = Math.min(length, from + chunk);
      const part = await dataset.read(episode, columns === undefined ? { from, to } : { columns, from, to });
      for (let i = 0; i < part.length; i++) {
        const frame = from + i;
        const values: Record<string, StepValue> = {};
        for (const [name, column] of Object.entries(part.columns)) values[name] = valueAt(column, i);
        const task = part.tasks[i] ?? "";
        yield { episode, frame, task, isFirst: frame === 0, isLast: frame === length - 1, values };
      }
    }
  }
}

function valueAt(column: Column, i: number): StepValue {
  switch (column.kind) {
    case "numbers": {
      const size = elementsOf(column.shape);
      return { kind: "numbers", shape: column.shape, values: column.values.subarray(i * size, (i + 1) * size) };
    }
    case "text":
      return { kind: "text", value: column.values[i] ?? "" };
    case "json":
      return { kind: "json", value: column.values[i] };
    case "images":
      return { kind: "image", encoded: () => column.encoded(i), image: () => column.image(i) };
    default:
      return column satisfies never;
  }
}
