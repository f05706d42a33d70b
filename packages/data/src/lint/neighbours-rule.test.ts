import { createRng } from "@bidden/runtime";
import { expect, it } from "vitest";
import { checkNeighbours } from "./neighbours-rule.ts";
import type { RawDataset, RawFrames } from "./types.ts";

type Poison = (episode: number, action: number[]) => number[];

const GOAL = [0.5, -0.2, 0.1];

/** Demonstrations of one task: from a random place to a goal; the action is the step towards it, with noise. */
function demonstrations(
  seed: number,
  episodes: number,
  poison: Poison,
  source: (episode: number) => string,
): RawDataset {
  const rng = createRng(seed);
  const frames = new Map<number, RawFrames>();
  for (let episode = 0; episode < episodes; episode++) {
    const position = Array.from({ length: 3 }, () => 2 * rng.uniform() - 1);
    const [states, actions]: [number[], number[]] = [[], []];
    for (let frame = 0; frame < 40; frame++) {
      const action = position.map((x, d) => 0.15 * ((GOAL[d] as number) - x) + 0.01 * rng.normal());
      states.push(...position);
      actions.push(...poison(episode, action));
      for (const [d, step] of action.entries()) position[d] = (position[d] as number) + step;
    }
    const numbers = new Map([
      ["observation.state", { dims: 3, values: Float64Array.from(states) }],
      ["action", { dims: 3, values: Float64Array.from(actions) }],
    ]);
    const texts = new Map([["collector", Array.from({ length: 40 }, () => source(episode))]]);
    frames.set(episode, { path: "", table: {} as RawFrames["table"], row: 0, length: 40, numbers, texts });
  }
  const features = { collector: { dtype: "string" as const, shape: [1] } };
  return { frames, features } as unknown as RawDataset;
}

const honest: Poison = (_, action) => action;

it("names the episodes whose actions others do not take, and no honest one", () => {
  for (const seed of [1, 2, 3, 4]) {
    expect(
      checkNeighbours(
        demonstrations(seed, 24, honest, () => "a"),
        new Set(),
      ),
    ).toEqual([]);
    const turned = (e: number, action: number[]): number[] => (e === 5 || e === 17 ? action.map((x) => -x) : action);
    const found = checkNeighbours(
      demonstrations(seed, 24, turned, () => "a"),
      new Set(),
    );
    expect(found.map(({ rule, episode }) => [rule, episode])).toEqual([
      ["action-outlier", 5],
      ["action-outlier", 17],
    ]);
    expect(
      checkNeighbours(
        demonstrations(seed, 24, turned, () => "a"),
        new Set([5, 17]),
      ),
    ).toEqual([]);
  }
});

it("names a source whose episodes are all off", () => {
  const source = (episode: number): string => (episode % 3 === 0 ? "mallory" : "alice");
  const turned = (e: number, action: number[]): number[] => (e % 3 === 0 ? action.map((x) => -x) : action);
  const found = checkNeighbours(demonstrations(3, 24, turned, source), new Set());
  expect(found.map(({ rule, column }) => [rule, column])).toEqual([["action-outlier", "collector"]]);
  expect(found[0]?.evidence).toMatch(/the 8 episodes with collector "mallory"/);
});

it("says nothing about few episodes", () => {
  expect(
    checkNeighbours(
      demonstrations(1, 4, honest, () => "a"),
      new Set(),
    ),
  ).toEqual([]);
});
