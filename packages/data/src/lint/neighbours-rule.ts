/**
 * Poisoned demonstrations: where other episodes stood in the same state, they did something else. Each action is compared with
 * those of the nearest states of other episodes; what is odd is an episode, or everything from one source, whose actions are
 * far off throughout. Frames in states that nobody else saw say nothing and are left out.
 */

import { ACTION, medianOf, STATE, seriesOf } from "./content.ts";
import type { Finding, RawDataset, RawFrames } from "./types.ts";

/** Frames compared, over all episodes: the work grows with the square. */
const MAX_FRAMES = 3000;
const NEIGHBOURS = 5;
const FEWEST_EPISODES = 6;
const FEWEST_FRAMES = 6;
/** Agreement (see `agreements`) below which an episode is odd, where the others usually agree by more than the second number. */
const ODD = 0.2;
const USUAL = 0.6;
/** The tenth of all frames in the loneliest states is left out. */
const KNOWN_SHARE = 0.9;
/** More than this share is no outlier but another way of working. */
const MOST_EPISODES = 0.25;

type Frames = {
  /** Standardised, float64[frames, dims]. */
  readonly states: Float64Array;
  readonly actions: Float64Array;
  readonly stateDims: number;
  readonly actionDims: number;
  readonly episodes: Int32Array;
};

type Agreement = { readonly episode: number; readonly value: number; readonly frames: number };

/** @param explained episodes about whose numbers another rule has already spoken. */
export function checkNeighbours(raw: RawDataset, explained: ReadonlySet<number>): Finding[] {
  const frames = gather(raw, explained);
  if (frames === null) return [];
  const all = agreements(frames);
  if (all.length < FEWEST_EPISODES) return [];
  const usual = medianOf(all.map(({ value }) => value));
  const odd = all.filter(({ value }) => value < ODD);
  if (odd.length > MOST_EPISODES * all.length) return sourcesOf(raw, all);
  if (usual < USUAL) return [];
  return odd.map(
    ({ episode, value, frames: compared }): Finding => ({
      rule: "action-outlier",
      severity: "warning",
      episode,
      column: ACTION,
      evidence: `in ${compared} frames its actions agree by ${value.toFixed(2)} with what other episodes did in the same states (1: the same, 0: unrelated, -1: the opposite); usual is ${usual.toFixed(2)}`,
    }),
  );
}

/** A whole source that is off is named by what its episodes have in common. */
function sourcesOf(raw: RawDataset, all: readonly Agreement[]): Finding[] {
  const columns = Object.keys(raw.features).filter((name) => raw.features[name]?.dtype === "string");
  return columns.flatMap((column): Finding[] => {
    const bySource = new Map<string, number[]>();
    for (const { episode, value: agreement } of all) {
      const values = new Set(raw.frames.get(episode)?.texts.get(column) ?? []);
      const [value] = values;
      // What changes within episodes is no source.
      if (values.size !== 1 || value === undefined) return [];
      bySource.set(value, [...(bySource.get(value) ?? []), agreement]);
    }
    if (bySource.size < 2 || bySource.size > all.length / 2) return [];
    const sources = [...bySource].map(([value, own]) => ({ value, agreement: medianOf(own), count: own.length }));
    const best = Math.max(...sources.map((source) => source.agreement));
    return sources
      .filter(({ agreement, count }) => count >= 2 && agreement < ODD && best - agreement > USUAL - ODD)
      .map(
        ({ value, agreement, count }): Finding => ({
          rule: "action-outlier",
          severity: "warning",
          column,
          evidence: `the actions of the ${count} episodes with ${column} ${JSON.stringify(value)} agree by ${agreement.toFixed(2)} with what others did in the same states; those of other sources by up to ${best.toFixed(2)}`,
        }),
      );
  });
}

function gather(raw: RawDataset, explained: ReadonlySet<number>): Frames | null {
  const usable = [...raw.frames].filter(
    ([episode, own]) => !explained.has(episode) && own.length >= FEWEST_FRAMES && bothFinite(own),
  );
  if (usable.length < FEWEST_EPISODES) return null;
  const stateDims = seriesOf((usable[0] as [number, RawFrames])[1], STATE)?.dims ?? 0;
  const actionDims = seriesOf((usable[0] as [number, RawFrames])[1], ACTION)?.dims ?? 0;
  const each = Math.max(FEWEST_FRAMES, Math.floor(MAX_FRAMES / usable.length));
  const rows: { episode: number; own: RawFrames; frame: number }[] = [];
  for (const [episode, own] of usable.slice(0, Math.floor(MAX_FRAMES / FEWEST_FRAMES))) {
    const step = Math.max(1, own.length / each);
    for (let at = 0; at < own.length; at += step) rows.push({ episode, own, frame: Math.floor(at) });
  }
  const states = new Float64Array(rows.length * stateDims);
  const actions = new Float64Array(rows.length * actionDims);
  for (const [i, { own, frame }] of rows.entries()) {
    const state = seriesOf(own, STATE)?.values.subarray(frame * stateDims, (frame + 1) * stateDims);
    const action = seriesOf(own, ACTION)?.values.subarray(frame * actionDims, (frame + 1) * actionDims);
    states.set(state ?? [], i * stateDims);
    actions.set(action ?? [], i * actionDims);
  }
  standardise(states, stateDims);
  standardise(actions, actionDims);
  return { states, actions, stateDims, actionDims, episodes: Int32Array.from(rows, (row) => row.episode) };
}

function bothFinite(own: RawFrames): boolean {
  return [STATE, ACTION].every((column) => {
    const series = seriesOf(own, column);
    return series !== null && series.dims > 0 && series.values.every(Number.isFinite);
  });
}

/** Mean 0 and deviation 1; what never changes becomes 0. */
function standardise(values: Float64Array, dims: number): void {
  const count = values.length / dims;
  for (let d = 0; d < dims; d++) {
    let mean = 0;
    for (let i = d; i < values.length; i += dims) mean += (values[i] as number) / count;
    let squares = 0;
    for (let i = d; i < values.length; i += dims) squares += ((values[i] as number) - mean) ** 2 / count;
    const scale = squares > 1e-18 ? 1 / Math.sqrt(squares) : 0;
    for (let i = d; i < values.length; i += dims) values[i] = ((values[i] as number) - mean) * scale;
  }
}

/**
 * How far the actions of each episode point where those of its neighbours point, as a cosine over all frames compared: large
 * actions weigh most, frames at rest nothing. Only frames count whose states others know too.
 */
function agreements(frames: Frames): Agreement[] {
  const count = frames.episodes.length;
  const distances = new Float64Array(count);
  const compared = Array.from({ length: count }, (_, i) => {
    const nearest = nearestOf(frames, i);
    distances[i] = nearest.at(-1)?.distance ?? Number.POSITIVE_INFINITY;
    return compare(
      frames,
      i,
      nearest.map((own) => own.index),
    );
  });
  const near = distances.slice().sort()[Math.floor(count * KNOWN_SHARE)] ?? 0;
  const byEpisode = new Map<number, { both: number; own: number; theirs: number; frames: number }>();
  for (const [i, { both, own, theirs }] of compared.entries()) {
    if ((distances[i] as number) > near) continue;
    const episode = frames.episodes[i] as number;
    const sum = byEpisode.get(episode) ?? { both: 0, own: 0, theirs: 0, frames: 0 };
    byEpisode.set(episode, {
      both: sum.both + both,
      own: sum.own + own,
      theirs: sum.theirs + theirs,
      frames: sum.frames + 1,
    });
  }
  return [...byEpisode]
    .filter(([, sum]) => sum.frames >= FEWEST_FRAMES)
    .map(([episode, sum]) => ({
      episode,
      value: sum.both / Math.max(1e-12, Math.sqrt(sum.own * sum.theirs)),
      frames: sum.frames,
    }));
}

type Near = { readonly index: number; readonly distance: number };

/** Of other episodes, nearest first; at most one of each, so that no single episode decides. */
function nearestOf({ states, stateDims, episodes }: Frames, i: number): Near[] {
  const best = new Map<number, Near>();
  let limit = Number.POSITIVE_INFINITY;
  for (let k = 0; k < episodes.length; k++) {
    const episode = episodes[k] as number;
    if (episode === episodes[i]) continue;
    let distance = 0;
    for (let d = 0; d < stateDims && distance < limit; d++) {
      distance += ((states[i * stateDims + d] as number) - (states[k * stateDims + d] as number)) ** 2;
    }
    if (distance >= limit || distance >= (best.get(episode)?.distance ?? Number.POSITIVE_INFINITY)) continue;
    best.set(episode, { index: k, distance });
    if (best.size <= NEIGHBOURS) continue;
    const [farthest] = [...best].sort(([, a], [, b]) => b.distance - a.distance);
    best.delete((farthest as [number, Near])[0]);
    limit = Math.max(...[...best.values()].map((own) => own.distance));
  }
  return [...best.values()].sort((a, b) => a.distance - b.distance);
}

/** Products of its action and the median of its neighbours': with each other, and each with itself. */
function compare(
  { actions, actionDims }: Frames,
  i: number,
  neighbours: readonly number[],
): { both: number; own: number; theirs: number } {
  let [both, own, theirs] = [0, 0, 0];
  for (let d = 0; d < actionDims; d++) {
    const mine = actions[i * actionDims + d] as number;
    const usual = medianOf(neighbours.map((k) => actions[k * actionDims + d] as number));
    both += mine * usual;
    own += mine * mine;
    theirs += usual * usual;
  }
  return { both, own, theirs };
}
