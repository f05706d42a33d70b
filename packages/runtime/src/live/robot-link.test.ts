import { expect, test } from "vitest";
import { VirtualClock } from "../contract/clock.ts";
import type { Command } from "../contract/types.ts";
import { Mint } from "../gate/mint.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { ToyPlant } from "../testing/toy-plant.ts";
import { createLinkedRobot, createRobotHost, createRobotLink } from "./robot-link.ts";
import { createStopFlag, createStopReader, raiseStopFlag } from "./stop-flag.ts";

function setUp() {
  const link = createRobotLink(7);
  const plant = new ToyPlant(pandaLike);
  const clock = new VirtualClock();
  clock.advanceMs(123);
  return { plant, clock, host: createRobotHost(link, plant.robot, clock), robot: createLinkedRobot(link, pandaLike) };
}

test("before the first state the robot is stale, not at zero", () => {
  expect(setUp().robot.read().stampMs).toBeNaN();
});

test("states come across, stamped with the clock that both sides share", () => {
  const { host, robot, plant } = setUp();
  host.publish(plant.robot.read());
  const state = robot.read();
  expect(state.stampMs).toBe(123);
  expect([...state.jointRad]).toEqual([...pandaLike.homeRad]);
  expect(state.gripperWidthM).toBe(0.08);
});

test("a command is delivered once, only the newest", () => {
  const { host, robot, plant } = setUp();
  const mint = new Mint(7);
  const command = (x: number): Command => mint.mint(new Float64Array(7).fill(x), 0.5);
  expect(host.deliver()).toBe(false);
  robot.send(command(0.1));
  robot.send(command(0.2));
  expect(host.deliver()).toBe(true);
  expect(host.deliver()).toBe(false);
  expect(plant.sent.map(({ jointRad }) => jointRad[0])).toEqual([0.2]);
});

test("a writer in the middle of writing leaves the reader with what it had", () => {
  const link = createRobotLink(7);
  const plant = new ToyPlant(pandaLike);
  const host = createRobotHost(link, plant.robot, new VirtualClock());
  const robot = createLinkedRobot(link, pandaLike);
  host.publish(plant.robot.read());
  expect(robot.read().stampMs).toBe(0);
  const words = new Int32Array(link.memory);
  Atomics.add(words, 0, 1);
  words.fill(-1, 2, 8);
  expect(robot.read().stampMs).toBe(0);
  expect([...robot.read().jointRad]).toEqual([...pandaLike.homeRad]);
});

test("the stop flag is seen once for every time that it was raised, by whoever reads it", () => {
  const flag = createStopFlag();
  const seen = createStopReader(flag);
  expect(seen()).toBe(false);
  raiseStopFlag(flag);
  expect([seen(), seen()]).toEqual([true, false]);
  raiseStopFlag({ memory: flag.memory });
  expect(seen()).toBe(true);
});
