import { matrixFromQuat } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import type { ActionMap } from "./action-map.ts";
import { quaternionOf, robotActions } from "./actions.ts";

const QUARTER = Math.PI / 2;
const half = Math.SQRT1_2;

/** A quarter turn about z: x goes to y, y to -x. */
const quarterAboutZ = [
  [0, -1, 0],
  [1, 0, 0],
  [0, 0, 1],
];

function matrixOf(quaternion: ArrayLike<number>): number[] {
  const out = new Float64Array(9);
  matrixFromQuat(quaternion, out);
  return [...out];
}

/** Six digits of each. */
function near(rows: readonly (readonly number[])[]): number[] {
  return rows.flat().map((value) => expect.closeTo(value, 6) as number);
}

describe("rotations in every form", () => {
  test.each([
    ["rotation-vector", [0, 0, QUARTER]],
    ["euler-xyz", [0, 0, QUARTER]],
    ["quaternion-wxyz", [half, 0, 0, half]],
    ["quaternion-xyzw", [0, 0, half, half]],
    ["quaternion-wxyz", [-3 * half, 0, 0, -3 * half]],
    // the first two columns, neither of length 1 nor at right angles
    ["rotation-6d", [0, 2, 0, -1, 0.5, 0]],
  ] as const)("%s %j is a quarter turn about z", (form, values) => {
    expect(matrixOf(quaternionOf(form, values))).toEqual(near(quarterAboutZ));
  });

  test("Euler angles turn about fixed axes, x first", () => {
    // x a quarter: y goes to z, z to -y; then z a quarter: x goes to y, y to -x. So y ends at z, z at x.
    expect(matrixOf(quaternionOf("euler-xyz", [QUARTER, 0, QUARTER]))).toEqual(
      near([
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0],
      ]),
    );
  });

  test("half a turn has no trace to divide by", () => {
    expect(matrixOf(quaternionOf("rotation-6d", [-1, 0, 0, 0, -1, 0]))).toEqual(
      near([
        [-1, 0, 0],
        [0, -1, 0],
        [0, 0, 1],
      ]),
    );
  });

  test.each([
    ["quaternion-wxyz", [0, 0, 0, 0]],
    ["quaternion-xyzw", [Number.NaN, 0, 0, 1]],
    ["rotation-6d", [1, 0, 0, 1, 0, 0]],
  ] as const)("%s %j is none, and says so", (form, values) => {
    expect(() => quaternionOf(form, values)).toThrow(/no rotation|no directions/);
  });
});

describe("poses between frames", () => {
  const plain = { order: [0, 1, 2, 3, 4, 5, 6], scale: [1, 1, 1, 1, 1, 1, 1], offset: [0, 0, 0, 0, 0, 0, 0] };
  const action = { actions: Float32Array.of(0.4, 0.1, 0.2, 0, 0, 0, 1.5), horizon: 1, dim: 7 };
  const pose = (turns: { readonly baseTurn: number[]; readonly toolTurn: number[] }): number[] => {
    const map: ActionMap = { kind: "ee-pose-8", rotation: "rotation-vector", ...plain, ...turns };
    return [...robotActions(map, action, [0])];
  };
  const none = [1, 0, 0, 0];

  test("the same frames: position, no rotation, gripper within 0..1", () => {
    expect(pose({ baseTurn: none, toolTurn: none })).toEqual(
      [0.4, 0.1, 0.2, 1, 0, 0, 0, 1].map((value) => expect.closeTo(value, 6) as number),
    );
  });

  test("a base that is turned turns places and tools, a tool that is turned only tools", () => {
    const about = [half, 0, 0, half];
    const based = pose({ baseTurn: about, toolTurn: none });
    [-0.1, 0.4, 0.2].forEach((value, i) => expect(based[i]).toBeCloseTo(value, 6));
    expect(matrixOf(based.slice(3, 7))).toEqual(near(quarterAboutZ));
    const tooled = pose({ baseTurn: none, toolTurn: about });
    [0.4, 0.1, 0.2].forEach((value, i) => expect(tooled[i]).toBeCloseTo(value, 6));
    expect(matrixOf(tooled.slice(3, 7))).toEqual(near(quarterAboutZ));
  });
});
