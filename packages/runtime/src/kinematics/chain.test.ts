import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createRng } from "../contract/rng.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { Chain, type ChainSpec } from "./chain.ts";
import { matrixFromQuat } from "./rotation.ts";

type Quat = [number, number, number, number];
type Vec = [number, number, number];
type Arm = {
  frames: { pos: Vec; quat: Quat; axis?: Vec }[];
  toolPos: Vec;
  cases: { q: number[]; toolPos: number[]; toolMatrix?: number[]; toolQuat?: Quat; jacobian: number[] }[];
};

const file = new URL("../../../../testdata/runtime/arms.json", import.meta.url);
const arms = JSON.parse(readFileSync(file, "utf8")) as Record<string, Arm>;

function chainOf(arm: Arm): ChainSpec {
  return {
    joints: arm.frames.map(({ pos, quat, axis }, index) => ({
      name: `joint${index + 1}`,
      parentFromJoint: { pos, quat },
      axis: axis ?? [0, 0, 1],
      minRad: -3,
      maxRad: 3,
      maxRadS: 1,
      maxRadS2: 1,
      maxTorqueNm: 1,
    })),
    lastFromTool: { pos: arm.toolPos, quat: [1, 0, 0, 0] },
  };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from({ length: a.length }, (_x, i) => Math.abs(a[i]! - b[i]!)));
}

describe.each(Object.entries(arms))("%s against MuJoCo", (_name, arm) => {
  const chain = new Chain(chainOf(arm));
  test("tool pose and Jacobian to 1e-8", () => {
    const jacobian = new Float64Array(6 * chain.dof);
    const matrix = new Float64Array(9);
    const wanted = new Float64Array(9);
    for (const { q, toolPos, toolMatrix, toolQuat, jacobian: golden } of arm.cases) {
      chain.forward(q);
      chain.jacobian(jacobian);
      matrixFromQuat(chain.toolQuat, matrix);
      if (toolQuat === undefined) wanted.set(toolMatrix!);
      else matrixFromQuat(toolQuat, wanted);
      expect(worst(chain.toolPos, toolPos)).toBeLessThan(1e-8);
      expect(worst(matrix, wanted)).toBeLessThan(1e-8);
      expect(worst(jacobian, golden)).toBeLessThan(1e-8);
    }
  });
});

test("the Jacobian's position rows are the derivative of the tool position", () => {
  const rng = createRng(1);
  const chain = new Chain(pandaLike);
  const jacobian = new Float64Array(6 * 7);
  for (let round = 0; round < 20; round++) {
    const q = pandaLike.joints.map(({ minRad, maxRad }) => minRad + rng.uniform() * (maxRad - minRad));
    chain.forward(q);
    chain.jacobian(jacobian);
    for (let j = 0; j < 7; j++) {
      const [ahead, behind] = [1e-6, -1e-6].map((h) => {
        chain.forward(q.map((angle, k) => (k === j ? angle + h : angle)));
        return Float64Array.from(chain.toolPos);
      });
      for (let r = 0; r < 3; r++) {
        expect((ahead![r]! - behind![r]!) / 2e-6).toBeCloseTo(jacobian[r * 7 + j]!, 7);
      }
    }
  }
});

test("a chain without joints is an error", () => {
  expect(() => new Chain({ joints: [], lastFromTool: pandaLike.lastFromTool })).toThrow(/at least one joint/);
});
