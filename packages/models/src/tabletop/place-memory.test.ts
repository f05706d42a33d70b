import type { Observation, PlaceHints } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { type Found, PlaceMemory } from "./place-memory.ts";

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
const nothing: Found = { at: [0, 0, 0], nowhere: 1, byPlace: false, things: () => [] };
const at = (x: number, y: number, z = 0.02, byPlace = false): Found => ({
  at: [x, y, z],
  nowhere: 0,
  byPlace,
  things: () => [thing(x, y, z)],
});
const among = (...things: readonly ReturnType<typeof thing>[]): Found => ({
  ...at(0.1, 0.1),
  things: () => things,
});

/** A memory that looks every 100 ms; answers what it recalled before each look. */
function watching(from = new PlaceMemory(names)) {
  let ms = 0;
  const see = (act: Found, place: Found, { clear = true, state = open as readonly number[], times = 1 } = {}) => {
    let recalled: PlaceHints = {};
    for (let i = 0; i < times; i++) {
      recalled = from.recall(look((ms += 100), state));
      from.learn({ act, place }, clear);
    }
    return recalled;
  };
  return { memory: from, see, recall: (state = open) => from.recall(look(ms + 50, state)) };
}

describe("what a person pointed out", () => {
  test("without it there is nothing", () => {
    expect(new PlaceMemory(names).recall(look(0, open))).toEqual({});
  });

  test("is followed, and no other thing; the place stays", () => {
    const memory = new PlaceMemory(names);
    expect(memory.recall(look(10, open, hints))).toEqual(hints);
    memory.learn({ act: among(thing(0.58, 0.1), thing(0.52, 0.11), thing(0.3, 0)), place: at(0.3, 0.3) }, true);
    expect(memory.recall(look(110, open, hints))).toEqual({ ...hints, act: [0.52, 0.11, 0.02] });
    memory.learn({ act: among(thing(0.7, 0.1)), place: nothing }, true);
    expect(memory.recall(look(210, open, hints)).act).toEqual([0.52, 0.11, 0.02]);
  });

  test("is where the tool is once it is in the hand", () => {
    const memory = new PlaceMemory(names);
    memory.recall(look(10, open, hints));
    const held = (z: number) => [0.5, 0.1, z, 0.036, 0];
    for (const z of [0.03, 0.06, 0.1]) {
      const { act } = memory.recall(look(z * 1000, held(z), hints));
      expect(act?.[2]).toBeCloseTo(z, 6);
    }
  });

  test.each([
    ["another instruction", look(110, open, hints, "push the block")],
    ["the same after a pause", look(910, open, hints)],
    ["another place", look(110, open, { act: [0.5, 0.101, 0.02] })],
  ])("%s begins anew", (_, next) => {
    const memory = new PlaceMemory(names);
    memory.recall(look(10, open, hints));
    memory.learn({ act: at(0.52, 0.12), place: nothing }, true);
    expect(memory.recall(next).act).toEqual(next.hints?.act);
  });
});

describe("what was seen", () => {
  const [block, plate] = [at(0.5, 0.1), at(0.4, -0.2, 0)];

  test("is known after four clear looks, and not through unclear ones", () => {
    const { memory, see } = watching();
    see(block, plate, { times: 3 });
    expect(memory.knows(true)).toBe(false);
    see(block, plate, { clear: false });
    see(block, plate, { times: 3 });
    expect(memory.knows(true)).toBe(false);
    see(block, plate);
    expect(memory.knows(true)).toBe(true);
  });

  test("needs no place for skills without one", () => {
    const { memory, see } = watching();
    see(block, nothing, { times: 4 });
    expect([memory.knows(false), memory.knows(true)]).toEqual([true, false]);
  });

  test("is kept while the hand hides it, and forgotten after three seconds", () => {
    const { memory, see, recall } = watching();
    see(block, plate, { times: 5 });
    see(block, nothing, { clear: false, times: 30 });
    expect(recall().place?.[0]).toBeCloseTo(0.4, 6);
    expect(memory.knows(true)).toBe(true);
    see(block, nothing, { clear: false });
    expect(memory.knows(true)).toBe(false);
  });

  test("a place is the mean of its looks, what is acted upon is where it was last", () => {
    const { see, recall } = watching();
    for (const x of [0.4, 0.41, 0.4, 0.41]) see(at(0.5 + x / 10, 0.1), at(x, -0.2, 0));
    expect(recall().place?.[0]).toBeCloseTo(0.405, 6);
    see(among(thing(0.54, 0.1)), plate);
    expect(recall().act).toEqual([0.54, 0.1, 0.02]);
  });

  test("stays what it was when another thing fits the words by now", () => {
    const { see, recall } = watching();
    see(at(0.5, 0.1, 0.02, true), plate, { times: 4 });
    see(at(0.3, 0.2, 0.02, true), plate, { times: 20 });
    expect(recall().act).toEqual([0.5, 0.1, 0.02]);
  });

  test("is believed to be elsewhere once it has long been seen there, unless that is the hand or in the hand", () => {
    const { see, recall } = watching();
    see(block, plate, { times: 4 });
    see(block, at(0.6, 0.2, 0), { times: 7 });
    expect(recall().place?.[0]).toBeCloseTo(0.4, 6);
    see(block, at(0.6, 0.2, 0), { times: 2 });
    expect(recall().place?.[0]).toBeCloseTo(0.6, 6);
    see(block, at(0.45, 0.02, 0), { state: [0.45, 0, 0.04, 0.08, 1], times: 20 });
    expect(recall().place?.[0]).toBeCloseTo(0.6, 6);
    const holding = [0.5, 0.1, 0.08, 0.03, 0];
    see(block, plate, { state: [0.5, 0.1, 0.03, 0.03, 0] });
    see(at(0.5, 0.1, 0.04), plate, { state: [0.5, 0.1, 0.06, 0.03, 0] });
    see(at(0.3, 0.3), plate, { state: holding, times: 12 });
    expect(recall(holding).act?.map((x) => Number(x.toFixed(6)))).toEqual([0.5, 0.1, 0.08]);
  });
});
