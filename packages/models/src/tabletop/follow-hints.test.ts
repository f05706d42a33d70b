import type { Observation, PlaceHints } from "@bidden/runtime";
import { expect, test } from "vitest";
import { HintFollower } from "./follow-hints.ts";

const names = ["toolXM", "toolYM", "toolZM", "gripperWidthM", "gripperCommand"];
const look = (
  ms: number,
  state: readonly number[],
  hints?: PlaceHints,
  instruction = "pick up the block",
): Observation => ({
  id: `o${ms}`,
  captureNs: BigInt(ms) * 1_000_000n,
  cameras: {},
  state: Float32Array.from(state),
  history: [],
  instruction,
  ...(hints === undefined ? {} : { hints }),
});
const open = [0.45, 0, 0.25, 0.08, 1];
const hints: PlaceHints = { act: [0.5, 0.1, 0.02], place: [0.4, -0.2, 0] };
const thing = (x: number, y: number, z = 0.02) => ({ at: [x, y, z] as const, mass: 0.5 });

test("without hints there are none", () => {
  expect(new HintFollower(names).current(look(0, open))).toEqual({});
});

test("follows the thing that was pointed out, and no other; the place stays", () => {
  const follower = new HintFollower(names);
  expect(follower.current(look(0, open, hints))).toEqual(hints);
  follower.follow(() => [thing(0.58, 0.1), thing(0.52, 0.11), thing(0.3, 0)]);
  expect(follower.current(look(100, open, hints))).toEqual({ ...hints, act: [0.52, 0.11, 0.02] });
  follower.follow(() => [thing(0.7, 0.1)]);
  expect(follower.current(look(200, open, hints)).act).toEqual([0.52, 0.11, 0.02]);
});

test("what is in the hand is where the tool is", () => {
  const follower = new HintFollower(names);
  follower.current(look(0, open, hints));
  const held = (z: number) => [0.5, 0.1, z, 0.036, 0];
  for (const z of [0.03, 0.06, 0.1]) {
    const { act } = follower.current(look(z * 1000, held(z), hints));
    expect(act?.[2]).toBeCloseTo(z, 6);
  }
});

test.each([
  ["another instruction", look(100, open, hints, "push the block")],
  ["the same after a pause", look(900, open, hints)],
  ["another place", look(100, open, { act: [0.5, 0.101, 0.02] })],
])("%s begins anew", (_, next) => {
  const follower = new HintFollower(names);
  follower.current(look(0, open, hints));
  follower.follow(() => [thing(0.52, 0.12)]);
  expect(follower.current(next).act).toEqual(next.hints?.act);
});
