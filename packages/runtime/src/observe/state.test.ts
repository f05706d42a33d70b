import { expect, test } from "vitest";
import type { RobotState } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { StateAssembler, StateHistory } from "./state.ts";

const at = (jointRad: readonly number[], jointRadS: readonly number[] = jointRad.map(() => 0)): RobotState => ({
  stampMs: 0,
  jointRad: Float64Array.from(jointRad),
  jointRadS: Float64Array.from(jointRadS),
  gripperWidthM: 0.03,
});

const named = (assembler: StateAssembler): Record<string, number> => {
  const vector = assembler.vector();
  return Object.fromEntries(pandaLike.stateNames.map((name, i) => [name, vector[i]!]));
};

test("fills every name in the embodiment's order", () => {
  const assembler = new StateAssembler(pandaLike);
  assembler.read(at(pandaLike.homeRad), 0.25);
  const chain = new Chain(pandaLike);
  chain.forward(pandaLike.homeRad);
  const state = named(assembler);
  expect(state["joint4Rad"]).toBeCloseTo(-2.4, 6);
  expect(state["toolXM"]).toBeCloseTo(chain.toolPos[0]!, 6);
  expect(state["toolRzRad"]).toBeCloseTo(0, 6);
  expect(state).toMatchObject({ gripperCommand: 0.25, toolSpeedMS: 0 });
  expect(state["gripperWidthM"]).toBeCloseTo(0.03, 6);
});

test("turning the last joint turns the tool about z, relative to home", () => {
  const assembler = new StateAssembler(pandaLike);
  const q = [...pandaLike.homeRad];
  q[6] = q[6]! + 0.3;
  assembler.read(at(q), 1);
  const { toolRxRad, toolRyRad, toolRzRad } = named(assembler);
  expect(Math.hypot(toolRxRad!, toolRyRad!, toolRzRad!)).toBeCloseTo(0.3, 5);
  expect(Math.abs(toolRzRad!)).toBeGreaterThan(0.29);
});

test("tool speed is the base joint's speed times the reach", () => {
  const assembler = new StateAssembler(pandaLike);
  assembler.read(at(pandaLike.homeRad, [1, 0, 0, 0, 0, 0, 0]), 1);
  const { toolXM, toolYM } = named(assembler);
  expect(assembler.toolSpeedMS).toBeCloseTo(Math.hypot(toolXM!, toolYM!), 6);
});

test("a state name without a source is an error that names it", () => {
  expect(() => new StateAssembler({ ...pandaLike, stateNames: ["joint9Rad"] })).toThrow(/"joint9Rad" has no source/);
});

test("history is padded with the oldest and keeps the newest", () => {
  const history = new StateHistory(2);
  const state = (x: number) => Float32Array.of(x);
  expect(history.before(state(1)).map(([x]) => x)).toEqual([1, 1]);
  history.push(state(1));
  expect(history.before(state(2)).map(([x]) => x)).toEqual([1, 1]);
  history.push(state(2));
  history.push(state(3));
  expect(history.before(state(4)).map(([x]) => x)).toEqual([2, 3]);
  history.clear();
  expect(history.before(state(5)).map(([x]) => x)).toEqual([5, 5]);
});
