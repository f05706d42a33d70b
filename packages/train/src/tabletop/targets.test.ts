import { describe, expect, it } from "vitest";
import { MAX_OBJECTS } from "../collect/columns.ts";
import { chunkTarget, pointTarget, seenTarget } from "./targets.ts";

function coverOf(
  patches: number,
  entries: readonly (readonly [patch: number, thing: number, pixels: number])[],
): Uint8Array {
  const cover = new Uint8Array(patches * MAX_OBJECTS);
  for (const [patch, thing, pixels] of entries) cover[patch * MAX_OBJECTS + thing] = pixels;
  return cover;
}

describe("pointTarget", () => {
  it("shares the mass among patches by pixels and among cameras by how well they see", () => {
    // Camera 0 has patches 0..2 and sees 40 pixels (clear); camera 1 has patches 3..4 and sees 15 (half clear).
    const cover = coverOf(5, [
      [0, 2, 10],
      [1, 2, 30],
      [4, 2, 15],
    ]);
    const out = new Float32Array(6);
    expect(pointTarget(cover, [3, 2], [2], out)).toBe(1);
    expect(Array.from(out, (x) => Number(x.toFixed(4)))).toEqual([0.1667, 0.5, 0, 0, 0.3333, 0]);
  });

  it("points nowhere for nothing, and equally at several", () => {
    const cover = coverOf(2, [
      [0, 0, 50],
      [1, 1, 5],
    ]);
    const out = new Float32Array(3);
    expect(pointTarget(cover, [2], [], out)).toBe(1);
    expect([...out]).toEqual([0, 0, 1]);
    pointTarget(cover, [2], [0, 1], out);
    expect([...out]).toEqual([0.5, 0.5, 0]);
  });

  it("teaches nothing about a hidden thing", () => {
    expect(pointTarget(coverOf(2, [[0, 0, 2]]), [2], [0], new Float32Array(3))).toBe(0);
  });
});

describe("chunkTarget", () => {
  const scale = [0.03, 0.03, 0.03, 0.1, 0.1, 0.1, 1];
  it("normalises, goes on with the last action, and stops counting after a disturbance", () => {
    const actions = Float32Array.from([0.03, 0, 0, 0, 0, 0, 1, 0, 0.015, 0, 0, 0, 0, 0]);
    const out = { actions: new Float32Array(4 * 7), weights: new Float32Array(4) };
    chunkTarget({ actions, disturbed: [false, false], count: 2 }, scale, 4, out);
    expect(out.actions[0]).toBeCloseTo(1);
    expect(out.actions[6]).toBe(1);
    expect(out.actions[7 + 1]).toBeCloseTo(0.5);
    expect(out.actions[3 * 7 + 6]).toBe(-1);
    expect(out.weights[3]).toBeGreaterThan(0.5);
    chunkTarget({ actions, disturbed: [true, false], count: 2 }, scale, 4, out);
    expect([...out.weights]).toEqual([1, 0, 0, 0]);
  });
});

const attributes = [
  { name: "colour", values: ["red", "blue"] },
  { name: "kind", values: ["block", "ball", "bowl"] },
];
const things = [
  { colour: "red", kind: "bowl" },
  { colour: "blue", kind: "ball" },
];

describe("seenTarget", () => {
  it("shares attributes by pixels, and guesses the centre of what takes most of a patch", () => {
    const cover = coverOf(3, [
      [0, 0, 12],
      [0, 1, 4],
      [2, 1, 8],
    ]);
    const centres = new Float32Array(MAX_OBJECTS * 3).map((_, i) => i);
    const out = {
      values: new Float32Array(3 * 5),
      weight: new Float32Array(3),
      present: new Float32Array(3),
      centre: new Float32Array(9),
      centreWeight: new Float32Array(3),
    };
    seenTarget(cover, centres, things, attributes, out);
    expect([...out.values]).toEqual([0.75, 0.25, 0, 0.25, 0.75, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0]);
    expect([...out.present]).toEqual([1, 0, 0.5]);
    expect([...out.weight]).toEqual([1, 0, 0.5]);
    expect([...out.centre]).toEqual([0, 1, 2, 0, 0, 0, 3, 4, 5]);
    expect([...out.centreWeight]).toEqual([0.75, 0, 0.5]);
  });
});
