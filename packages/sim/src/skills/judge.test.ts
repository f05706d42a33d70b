import { describe, expect, it } from "vitest";
import type { Task, Vec3 } from "../types.ts";
import { isDone, violationsOf } from "./judge.ts";
import { standing, stateOf } from "./testing.ts";

const block = standing("block", 0.4, 0.1);
const plate = standing("plate", 0.55, -0.1);
const bowl = standing("bowl", 0.45, -0.2);
const square = standing("square", 0.6, 0.2);
const other = standing("block", 0.5, 0.25, "other");
const all = [block, plate, bowl, square, other];
const half = block.start[2];

const onPlate = (dx = 0): Vec3 => [0.55 + dx, -0.1, 0.008 + half];

describe("pick", () => {
  const task: Task = { skill: "pick", object: "block" };
  const lifted = { block: [0.4, 0.1, 0.2] as Vec3 };
  it("is done when the thing is held high", () =>
    expect(isDone(stateOf(all, { held: "block" }, lifted), task)).toBe(true));
  it("is not when it lies", () => expect(isDone(stateOf(all, { held: "block" }), task)).toBe(false));
  it("is not when something else is held", () =>
    expect(isDone(stateOf(all, { held: "other" }, lifted), task)).toBe(false));
});

describe("put", () => {
  const task: Task = { skill: "put", object: "block", target: "plate" };
  it("is done when it rests on the plate, let go", () =>
    expect(isDone(stateOf(all, {}, { block: onPlate() }), task)).toBe(true));
  it("is not beside the middle", () => expect(isDone(stateOf(all, {}, { block: onPlate(0.075) }), task)).toBe(false));
  it("is not while held or touched", () => {
    expect(isDone(stateOf(all, { held: "block" }, { block: onPlate() }), task)).toBe(false);
    expect(isDone(stateOf(all, { gripped: (id) => id === "block" }, { block: onPlate() }), task)).toBe(false);
  });
  it("is not while it moves", () => {
    expect(isDone(stateOf(all, { speeds: [0.1, 0, 0, 0, 0] }, { block: onPlate() }), task)).toBe(false);
  });
  it("is not in the air above the plate", () => {
    expect(isDone(stateOf(all, {}, { block: [0.55, -0.1, 0.1] }), task)).toBe(false);
  });
  it("in a bowl is done when it leans on the wall, not when it lies on the rim", () => {
    const inBowl: Task = { skill: "put", object: "block", target: "bowl" };
    expect(isDone(stateOf(all, {}, { block: [0.46, -0.2, 0.006 + half + 0.02] }), inBowl)).toBe(true);
    expect(isDone(stateOf(all, {}, { block: [0.46, -0.2, 0.05 + half] }), inBowl)).toBe(false);
  });
  it("follows a plate that was displaced", () => {
    const moved = { plate: [0.5, 0, 0.006] as Vec3 };
    expect(isDone(stateOf(all, {}, { ...moved, block: onPlate() }), task)).toBe(false);
    expect(isDone(stateOf(all, {}, { ...moved, block: [0.5, 0, 0.008 + half] }), task)).toBe(true);
  });
});

describe("push", () => {
  const task: Task = { skill: "push", object: "block", target: "square" };
  it("is done with the centre inside the edge by a margin", () => {
    expect(isDone(stateOf(all, {}, { block: [0.655, 0.2, half] }), task)).toBe(true);
    expect(isDone(stateOf(all, {}, { block: [0.663, 0.2, half] }), task)).toBe(false);
  });
  it("knows how the square is turned", () => {
    const state = stateOf(all, {}, { block: [0.6 + 0.06, 0.2 + 0.058, half] });
    const turn = Math.PI / 8;
    const objects = state.objects.map((object) =>
      object.id === "square"
        ? { ...object, quaternion: [Math.cos(turn), 0, 0, Math.sin(turn)] as [number, number, number, number] }
        : object,
    );
    expect(isDone(state, task)).toBe(true);
    expect(isDone({ ...state, objects }, task)).toBe(false);
  });
});

describe("stack, drawer, point", () => {
  it("stack is done on top, not beside", () => {
    const task: Task = { skill: "stack", object: "block", target: "other" };
    expect(isDone(stateOf(all, {}, { block: [0.505, 0.25, 3 * half] }), task)).toBe(true);
    expect(isDone(stateOf(all, {}, { block: [0.55, 0.25, half] }), task)).toBe(false);
  });
  it("a drawer is open from 8 cm and shut below 1 cm, let go", () => {
    const things = [standing("drawer", 0.45, 0.2)];
    const open: Task = { skill: "open-drawer", object: "drawer" };
    const close: Task = { skill: "close-drawer", object: "drawer" };
    expect(isDone(stateOf(things, { drawerM: 0.09 }), open)).toBe(true);
    expect(isDone(stateOf(things, { drawerM: 0.07 }), open)).toBe(false);
    expect(isDone(stateOf(things, { drawerM: 0.09, gripped: () => true }), open)).toBe(false);
    expect(isDone(stateOf(things, { drawerM: 0.005 }), close)).toBe(true);
    expect(isDone(stateOf(things, { drawerM: 0.02 }), close)).toBe(false);
  });
  it("point is done over the thing, still", () => {
    const task: Task = { skill: "point", object: "bowl" };
    expect(isDone(stateOf(all, { tool: [0.46, -0.21, 0.13] }), task)).toBe(true);
    expect(isDone(stateOf(all, { tool: [0.46, -0.21, 0.13], toolSpeedMS: 0.1 }), task)).toBe(false);
    expect(isDone(stateOf(all, { tool: [0.46, -0.1, 0.13] }), task)).toBe(false);
    expect(isDone(stateOf(all, { tool: [0.46, -0.21, 0.3] }), task)).toBe(false);
  });
});

describe("violations", () => {
  const task: Task = { skill: "pick", object: "block" };
  it("are none at the start", () => expect(violationsOf(stateOf(all), task)).toEqual([]));
  it("tell what fell and which bystander was displaced, not what the task moves", () => {
    const at = {
      block: [0.4, 0.2, 0.3] as Vec3,
      other: [0.56, 0.25, half] as Vec3,
      plate: [0.55, -0.8, 0.006] as Vec3,
    };
    expect(violationsOf(stateOf(all, {}, at), task)).toEqual([
      { object: "plate", what: "off-table" },
      { object: "other", what: "moved" },
    ]);
  });
});
