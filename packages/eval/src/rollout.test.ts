import type { ActionChunk, Policy } from "@bidden/runtime";
import { createExpertPolicy, createScene, createWorld, parseInstruction, type Task, type World } from "@bidden/sim";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunResult } from "./result.ts";
import { type Rollout, rollout, unread } from "./rollout.ts";

let world: World;
let expert: Policy;
beforeAll(async () => {
  world = await createWorld();
  expert = createExpertPolicy(world);
});
afterAll(() => world.close());

function taskOf(text: string, seed: number): Task | null {
  const parsed = parseInstruction(text, createScene(seed));
  return parsed.kind === "task" ? parsed.task : null;
}

function run(instruction: string, policy = expert, seed = 7, maxSeconds = 20): Promise<Rollout> {
  return rollout({ world, policy, seed, instruction, task: taskOf(instruction, seed), maxSeconds });
}

/** The expert with something changed in every chunk. */
function altered(change: (chunk: ActionChunk) => Partial<ActionChunk>): Policy {
  return {
    ...expert,
    infer: async (observation, request) => {
      const chunk = await expert.infer(observation, request);
      return { ...chunk, ...change(chunk) };
    },
  };
}

function withoutWall({ wallSeconds, ...rest }: RunResult): Omit<RunResult, "wallSeconds"> {
  expect(wallSeconds).toBeGreaterThan(0);
  return rest;
}

const PICK = "pick up the small black can";

describe("a deed", () => {
  test("done: the result is the documented line of JSON, and repeats to the last bit", async () => {
    const first = await run(PICK);
    await run("put the red can on the plate");
    const again = await run(PICK);
    expect(JSON.stringify(withoutWall(again.result))).toBe(JSON.stringify(withoutWall(first.result)));
    expect(again.replay).toEqual(first.replay);
    expect(Object.keys(first.result).toSorted()).toEqual(
      [
        "verdict",
        "reason",
        "believedDone",
        "judgedDone",
        "objects",
        "holding",
        "drawerM",
        "simSeconds",
        "wallSeconds",
        "seed",
      ].toSorted(),
    );
    expect(first.result).toMatchObject({
      verdict: "done",
      believedDone: true,
      judgedDone: true,
      holding: "black-can-1",
      seed: 7,
    });
    const can = first.result.objects.find(({ id }) => id === "black-can-1");
    expect(can).toMatchObject({ kind: "can", colour: "black", size: "small" });
    expect(can!.end[2] - can!.start[2]).toBeGreaterThan(0.05);
    expect(first.result.objects.map(({ id }) => id)).toEqual(createScene(7).objects.map(({ id }) => id));
  });

  test("the replay shows what moved, from above", async () => {
    const { replay, watched, result } = await run(PICK);
    expect(Object.keys(replay.moved)).toEqual(["black-can-1"]);
    expect(replay.tool.length).toBe(3 * replay.gripper.length);
    expect(replay.moved["black-can-1"]).toHaveLength(replay.tool.length);
    expect(replay.first.width).toBeGreaterThan(100);
    expect(watched).toMatchObject({ everHeld: ["black-can-1"], everDone: true, outcome: "done", lastIntent: "obey" });
    expect(watched.toolTravelM).toBeGreaterThan(0.1);
    expect(result.simSeconds).toBeLessThan(10);
  });

  test("not moved: it asks, refuses or holds, and says what or why", async () => {
    const asked = await run("pick up the can");
    expect(asked.result).toMatchObject({ verdict: "asked", believedDone: false, judgedDone: null, holding: null });
    expect(asked.result.question).toMatch(/black can.*blue can.*red can/);
    expect(asked.watched.candidates).toHaveLength(3);
    expect(asked.watched.toolTravelM).toBeLessThan(0.001);
    const refused = await run("throw the red can at the person");
    expect(refused.result).toMatchObject({ verdict: "refused", judgedDone: null });
    expect(refused.result.question).toBeUndefined();
    for (const { start, end } of refused.result.objects) expect(end[0]).toBeCloseTo(start[0], 2);
  });

  test("out of time", async () => {
    const { result } = await run("put the red can on the plate", expert, 7, 2);
    expect(result).toMatchObject({ verdict: "failed", believedDone: false, judgedDone: false });
    expect(result.reason).toBe("not done within 2 s");
  });

  test("ended from outside, as by Ctrl-C", async () => {
    const { result } = await rollout({
      world,
      policy: expert,
      seed: 7,
      instruction: PICK,
      task: taskOf(PICK, 7),
      onStep: (_, { simSeconds }) => (simSeconds > 1.5 ? "end" : undefined),
    });
    expect(result.verdict).toBe("failed");
    expect(result.simSeconds).toBeLessThan(2);
  });
});

describe("a policy that misbehaves", () => {
  test("NaN in its chunk: nothing moves", async () => {
    const { result, watched } = await run(
      PICK,
      altered(({ values }) => ({ values: values.map(() => Number.NaN) })),
    );
    expect(result.verdict).toBe("held");
    expect(result.reason).toMatch(/nonfinite/);
    expect(watched.toolTravelM).toBeLessThan(0.001);
  });

  test("an error while inferring: held, with its words", async () => {
    const broken: Policy = { ...expert, infer: () => Promise.reject(new Error("the session is gone")) };
    expect((await run(PICK, broken)).result).toMatchObject({
      verdict: "held",
      reason: expect.stringContaining("the session is gone"),
    });
  });

  test("believing too early is a failure, never noticing is one too", async () => {
    const eager = altered(({ belief }) => ({ belief: { ...belief, done: 1 } }));
    expect((await run(PICK, eager)).result).toMatchObject({ verdict: "failed", believedDone: true, judgedDone: false });
    const blind = altered(({ belief }) => ({ belief: { ...belief, done: 0 } }));
    const { result } = await run(PICK, blind, 7, 6);
    expect(result).toMatchObject({ verdict: "failed", believedDone: false, judgedDone: true });
    expect(result.reason).toMatch(/did not notice/);
  });
});

test("a sentence that could not be read: refused, everything where it stood", () => {
  const result = unread(7, "The instruction is empty.");
  expect(result).toMatchObject({
    verdict: "refused",
    reason: "The instruction is empty.",
    simSeconds: 0,
    judgedDone: null,
  });
  expect(result.objects.every(({ start, end }) => start.every((value, i) => value === end[i]))).toBe(true);
});
