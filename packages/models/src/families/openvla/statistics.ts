/** Statistics of the data that a checkpoint was trained on (`norm_stats`, `dataset_statistics.json`): from model units and back. */
import { BiddenError } from "@bidden/runtime";
import { some } from "../../checkpoint/checkpoint.ts";
import type { Fields } from "../../checkpoint/json.ts";

/** "bounds" is the whole range of the data, "bounds_q99" the range between its 1 % and 99 % quantiles. */
export type Bounds = "bounds" | "bounds_q99";

/** One vector's range; what `mask` leaves out passes unchanged. */
export type Range = {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly mask: readonly boolean[];
};

/** The statistics of one data set. */
export type DatasetStatistics = { readonly key: string; readonly action: Fields; readonly proprio: Fields | null };

/**
 * Picks the data set whose statistics belong to the robot at hand.
 * @param all by name, as config.json's `norm_stats`
 * @param key which one; may be left out where there is only one
 */
export function chooseStatistics(all: Fields, key: string | undefined): DatasetStatistics {
  const keys = all.keys();
  const chosen = key ?? (keys.length === 1 ? keys[0] : undefined);
  if (chosen === undefined || !keys.includes(chosen)) {
    const came = key === undefined ? "none" : `"${key}"`;
    throw new BiddenError(
      "bad-argument",
      `Expected the data set whose statistics turn the model's numbers into motion, one of: ${some(keys, 40)}; came ${came}. Say it with --dataset.`,
      { field: "dataset", came: key ?? null, expected: keys.slice(0, 100) },
    );
  }
  const entry = all.object(chosen);
  return {
    key: chosen,
    action: entry.object("action"),
    proprio: entry.has("proprio") ? entry.object("proprio") : null,
  };
}

/** @param fields `action` or `proprio` of a data set */
export function rangeOf(fields: Fields, bounds: Bounds): Range {
  const [lowKey, highKey] = bounds === "bounds" ? ["min", "max"] : ["q01", "q99"];
  const low = fields.numbers(lowKey as string);
  const high = fields.numbers(highKey as string);
  if (low.length !== high.length || low.length === 0)
    throw fields.bad(highKey as string, `${low.length} numbers, as ${lowKey}`);
  const mask = fields.has("mask") ? fields.raw("mask") : low.map(() => true);
  const valid = Array.isArray(mask) && mask.length === low.length && mask.every((m: unknown) => typeof m === "boolean");
  if (!valid) throw fields.bad("mask", `${low.length} times true or false`);
  return { low, high, mask: mask as readonly boolean[] };
}

/**
 * Model units [-1, 1] to the data's own, row by row.
 * @param slack added to every range: 0 in OpenVLA, 1e-8 in OFT
 */
export function unnormalise(values: ArrayLike<number>, { low, high, mask }: Range, slack: number): Float32Array {
  const dim = low.length;
  return Float32Array.from(values, (value, i) => {
    const d = i % dim;
    if (mask[d] !== true) return value;
    const [from, to] = [low[d] as number, high[d] as number];
    return 0.5 * (value + 1) * (to - from + slack) + from;
  });
}

/** The data's units to [-1, 1], clipped there (OFT's proprioception). */
export function normalise(values: ArrayLike<number>, { low, high, mask }: Range): Float32Array {
  return Float32Array.from(values, (value, d) => {
    const [from, to] = [low[d] as number, high[d] as number];
    const scaled = mask[d] === true ? (2 * (value - from)) / (to - from + 1e-8) - 1 : value;
    return Math.min(1, Math.max(-1, scaled));
  });
}

/** What to say of actions that are no numbers; nothing when all are. */
export function notFinite(actions: Float32Array): string[] {
  const at = actions.findIndex((value) => !Number.isFinite(value));
  return at < 0 ? [] : [`the model gave ${actions[at]} as number ${at} of its actions`];
}
