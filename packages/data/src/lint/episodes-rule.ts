/** Rules that compare episodes with each other: units, gripper, copies, lag between action and state. */

import { ACTION, medianOf, type Series, spread, STATE, seriesOf } from "./content.ts";
import type { Finding, RawDataset, RawFrames } from "./types.ts";

export function checkEpisodes(raw: RawDataset): Finding[] {
  const frames = [...raw.frames].filter(([, own]) => everyFinite(own));
  return [...units(frames), ...gripper(raw, frames), ...copies(frames), ...lag(raw, frames)];
}

type Owned = readonly (readonly [number, RawFrames])[];

function everyFinite(frames: RawFrames): boolean {
  return [STATE, ACTION].every((column) => seriesOf(frames, column)?.values.every(Number.isFinite) ?? true);
}

/** An episode whose joints move about 57.3 times as much as elsewhere is in degrees (or the others are). */
function units(frames: Owned): Finding[] {
  if (frames.length < 3) return [];
  return [STATE, ACTION].flatMap((column) => {
    const spreads = frames.flatMap(([episode, own]) => {
      const series = seriesOf(own, column);
      return series === null ? [] : [{ episode, values: spread(series) }];
    });
    const dims = spreads[0]?.values.length ?? 0;
    const usual = Array.from({ length: dims }, (_, d) => medianOf(spreads.map((own) => own.values[d] as number)));
    return spreads.flatMap(({ episode, values }): Finding[] => {
      const ratios = values.map((value, d) => value / Math.max(1e-9, usual[d] as number));
      const large = ratios.map((ratio, d) => ({ ratio, d })).filter(({ ratio }) => ratio > 12 && ratio < 270);
      const ratio = Math.exp(large.reduce((sum, own) => sum + Math.log(own.ratio), 0) / Math.max(1, large.length));
      if (large.length < Math.max(1, dims / 3) || ratio < 30 || ratio > 110) return [];
      return [
        {
          rule: "unit-mix",
          severity: "error",
          episode,
          column,
          evidence: `numbers ${large.map((own) => own.d).join(", ")} of ${column} move ${ratio.toFixed(1)} times as much as in other episodes: degrees among radians`,
        },
      ];
    });
  });
}

/** Where the gripper stands in the vector: by name, else the last number if it keeps within 0..1. */
function gripperDim(raw: RawDataset, column: string, frames: Owned): number {
  const { names, shape } = raw.features[column] ?? { names: null, shape: [] };
  const list = Array.isArray(names) ? names : Object.values(names ?? {}).flat();
  const named = list.findIndex((name) => /gripper/i.test(String(name)));
  if (named >= 0) return named;
  const last = (shape[0] ?? 0) - 1;
  const unit = frames.every(([, own]) => {
    const series = seriesOf(own, column);
    if (series === null || last < 0) return false;
    for (let i = last; i < series.values.length; i += series.dims)
      if (Math.abs((series.values[i] as number) - 0.5) > 0.55) return false;
    return true;
  });
  return unit ? last : -1;
}

/** In nearly all episodes it goes one way from start to end, in a few the other. */
function gripper(raw: RawDataset, frames: Owned): Finding[] {
  for (const column of [ACTION, STATE]) {
    const d = gripperDim(raw, column, frames);
    if (d < 0) continue;
    const trends = frames.map(([episode, own]) => {
      const { dims, values } = seriesOf(own, column) as Series;
      const change = (values[values.length - dims + d] as number) - (values[d] as number);
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = d; i < values.length; i += dims) {
        low = Math.min(low, values[i] as number);
        high = Math.max(high, values[i] as number);
      }
      // One that opens and closes again, or only trembles, has no direction.
      return { episode, change: Math.abs(change) > 0.6 * (high - low) ? change : 0 };
    });
    // Grippers are counted in shares, metres, degrees or percent.
    const most = Math.max(...trends.map(({ change }) => Math.abs(change)));
    const moving = trends.filter(({ change }) => Math.abs(change) > 0.3 * most);
    const up = moving.filter(({ change }) => change > 0);
    const rare = up.length * 2 < moving.length ? up : moving.filter(({ change }) => change < 0);
    if (moving.length < 5 || rare.length === 0 || rare.length > 0.2 * moving.length) continue;
    return rare.map(
      ({ episode, change }): Finding => ({
        rule: "gripper-polarity",
        severity: "warning",
        episode,
        column,
        evidence: `the gripper (number ${d} of ${column}) goes ${change > 0 ? "up" : "down"} in this episode and ${change > 0 ? "down" : "up"} in ${moving.length - rare.length} others`,
      }),
    );
  }
  return [];
}

const OFFSETS = 12;

/** Same numbers, or the same up to little noise, perhaps shifted by some frames. */
function copies(frames: Owned): Finding[] {
  const out: Finding[] = [];
  const scale = Math.max(
    1e-9,
    medianOf(frames.flatMap(([, own]) => spread(seriesOf(own, STATE) ?? { dims: 1, values: new Float64Array(1) }))),
  );
  for (const [i, [b, later]] of frames.entries()) {
    for (const [a, earlier] of frames.slice(0, i)) {
      const distance = distanceOf(earlier, later);
      if (distance === null || distance > 0.01 * scale) continue;
      const exact = distance === 0 && earlier.length === later.length;
      out.push({
        rule: exact ? "duplicate-episode" : "near-duplicate-episode",
        severity: exact ? "warning" : "info",
        episode: b,
        evidence: exact
          ? `state and action are those of episode ${a}, bit for bit`
          : `the trajectory is that of episode ${a} up to ${distance.toExponential(1)}`,
      });
      break;
    }
  }
  return out;
}

/** Mean difference at the best shift; null when a few probes already differ. */
function distanceOf(a: RawFrames, b: RawFrames): number | null {
  const [x, y] = [seriesOf(a, STATE) ?? seriesOf(a, ACTION), seriesOf(b, STATE) ?? seriesOf(b, ACTION)];
  if (x === null || y === null || x.dims !== y.dims || Math.min(a.length, b.length) < 8) return null;
  let best: number | null = null;
  for (let shift = -OFFSETS; shift <= OFFSETS; shift++) {
    const from = Math.max(0, -shift);
    const to = Math.min(a.length, b.length - shift);
    if (to - from < 0.6 * Math.max(a.length, b.length)) continue;
    const limit = best ?? Number.POSITIVE_INFINITY;
    let sum = 0;
    const steps = to - from;
    for (let k = 0; k < steps && sum / steps <= limit; k++) {
      for (let d = 0; d < x.dims; d++)
        sum +=
          Math.abs(
            (x.values[(from + k) * x.dims + d] as number) - (y.values[(from + k + shift) * x.dims + d] as number),
          ) / x.dims;
    }
    if (sum / steps < limit) best = sum / steps;
  }
  return best;
}

const LAGS = 8;

/** Where action and state are the same quantities, an action is where the state will be; it must not be where it was. */
function lag(raw: RawDataset, frames: Owned): Finding[] {
  const same = JSON.stringify(raw.features[STATE]?.names ?? 0) === JSON.stringify(raw.features[ACTION]?.names ?? 1);
  const dims = raw.features[STATE]?.shape[0] ?? 0;
  if (!same || raw.features[ACTION]?.shape[0] !== dims) return [];
  const errors = Array.from({ length: 2 * LAGS + 1 }, () => 0);
  for (const [, own] of frames) {
    const [state, action] = [seriesOf(own, STATE), seriesOf(own, ACTION)];
    if (state === null || action === null || own.length < 4 * LAGS) continue;
    for (let shift = -LAGS; shift <= LAGS; shift++) {
      for (let frame = LAGS; frame < own.length - LAGS; frame++) {
        for (let d = 0; d < dims; d++) {
          const difference =
            (action.values[frame * dims + d] as number) - (state.values[(frame + shift) * dims + d] as number);
          errors[shift + LAGS] = (errors[shift + LAGS] as number) + Math.abs(difference);
        }
      }
    }
  }
  const best = errors.indexOf(Math.min(...errors)) - LAGS;
  const now = errors[LAGS] as number;
  // No episode was long enough.
  if (now === 0 || best >= 0 || (errors[best + LAGS] as number) > 0.7 * now) return [];
  return [
    {
      rule: "action-lag",
      severity: "warning",
      column: ACTION,
      evidence: `action[t] is closest to ${STATE}[t${best}]: actions come ${1 - best} frames later than those that lead to the next state`,
    },
  ];
}
