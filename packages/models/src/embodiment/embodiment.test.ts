import { type BiddenError, createRng, type Observation } from "@bidden/runtime";
import { checkPolicy } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import type { FamilyChunk, FamilyInfo, FamilyObservation, PublishedPolicy } from "../checkpoint/family.ts";
import { Fields } from "../checkpoint/json.ts";
import { matchEmbodiment, readEmbodimentMap } from "./match.ts";
import { asPolicy } from "./published-policy.ts";

const robot = {
  name: "arm",
  cameras: ["front", "wrist"],
  stateNames: ["aRad", "bRad", "gripper"],
  actionSpace: { kind: "ee-delta-7", dim: 7, stepMs: 100 },
  commandPeriodMs: 10,
  joints: [{ name: "shoulder" }, { name: "elbow" }],
} as const;

/** One whose state names its joints. */
const jointed = { ...robot, stateNames: ["joint1Rad", "joint2Rad", "gripper"] } as const;

const info: FamilyInfo = {
  family: "made",
  variant: "",
  parameters: 1,
  weightBytes: {},
  cameras: [
    { name: "observation.images.front", width: 8, height: 6, optional: false },
    { name: "observation.images.empty_camera_0", width: 8, height: 6, optional: true },
  ],
  state: { dim: 2, names: ["bRad", "gripper"], normalisation: "identity" },
  action: { dim: 7, names: ["dxM", "dyM", "dzM", "rxRad", "ryRad", "rzRad", "gripper"], normalisation: "identity" },
  chunk: 2,
  executed: 2,
  steps: 1,
  rateHz: 10,
  licence: null,
  memoryBytes: 0,
  flops: 0,
  notes: [],
};

const map = (value: unknown): ReturnType<typeof readEmbodimentMap> =>
  readEmbodimentMap(new Fields(value as Record<string, never>, "embodiment.json"));

describe("the match of a checkpoint and a robot", () => {
  test("names that are the same need no word", () => {
    const match = matchEmbodiment(info, robot);
    expect([...match.cameras]).toEqual([["observation.images.front", "front"]]);
    expect(match.state).toEqual([1, 2]);
    expect(match.action.order).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test.each([
    ["a camera", { cameras: [{ name: "top", width: 8, height: 6, optional: true }] }, "cameras.top"],
    ["the state's order", { state: { dim: 3, names: [], normalisation: "" } }, "state"],
    ["a state that the robot lacks", { state: { dim: 1, names: ["cRad"], normalisation: "" } }, "state"],
    ["the meaning of actions", { action: { dim: 7, names: [], normalisation: "" } }, "action"],
    ["the rate", { rateHz: null }, "stepMs"],
    ["a rate that the robot cannot follow", { rateHz: 200 }, "stepMs"],
  ])("stops at %s that is not said", (_, change, field) => {
    expect(() => matchEmbodiment({ ...info, ...change }, robot)).toThrow(
      expect.objectContaining({ code: "embodiment-mismatch", fields: expect.objectContaining({ fields: [field] }) }),
    );
  });

  test("a person can say all of it", () => {
    const silent: FamilyInfo = {
      ...info,
      cameras: [
        { name: "top", width: 8, height: 6, optional: false },
        { name: "side", width: 8, height: 6, optional: true },
      ],
      state: { dim: 2, names: [], normalisation: "" },
      action: { dim: 8, names: [], normalisation: "" },
      rateHz: null,
    };
    const said = map({
      cameras: { top: "wrist", side: null },
      state: ["aRad", "aRad"],
      action: { kind: "ee-delta-7", order: [7, 6, 5, 4, 3, 2, 1] },
      stepMs: 100,
    });
    const match = matchEmbodiment(silent, robot, said);
    expect([...match.cameras]).toEqual([["top", "wrist"]]);
    expect(match.state).toEqual([0, 0]);
    expect(match.action.order[0]).toBe(7);
  });

  test("what is said must be true", () => {
    expect(() => matchEmbodiment(info, robot, map({ cameras: { top: "front" } }))).toThrow("has no such camera");
    expect(() => matchEmbodiment(info, robot, map({ state: ["aRad"] }))).toThrow("reads 2 numbers, and 1 are named");
    expect(() =>
      matchEmbodiment(info, robot, map({ action: { kind: "ee-delta-7", order: [0, 1, 2, 3, 4, 5, 9] } })),
    ).toThrow("number 9");
    expect(() => map({ camera: {} })).toThrow('field "camera": expected no such field');
    expect(() => map({ action: "joints" })).toThrow('expected one of "ee-delta-7", "ee-pose-8", "joint-position"');
    expect(() => map({ action: { kind: "joint-delta", fom: "observed" } })).toThrow('field "action.fom"');
    expect(() => map({ action: { kind: "ee-pose-8", toolTurn: [1, 1, 0, 0] } })).toThrow("a unit quaternion");
    expect(() => map({ stepMs: "fast" })).toThrow("a number");
  });

  test("another rate than the robot's is kept: the loop takes actions as long as they last", () => {
    expect(matchEmbodiment({ ...info, rateHz: 50 }, robot).space.stepMs).toBe(20);
  });
});

describe("the meaning of actions", () => {
  const silent: FamilyInfo = { ...info, state: { dim: 0, names: [], normalisation: "" } };
  const withAction = (dim: number, names: readonly string[] = []): FamilyInfo => ({
    ...silent,
    action: { dim, names, normalisation: "" },
  });
  const fieldsOf = (given: FamilyInfo, action: unknown, on: typeof robot | typeof jointed = jointed): unknown => {
    try {
      matchEmbodiment(given, on, map({ action }));
      return null;
    } catch (thrown) {
      return (thrown as BiddenError).fields.fields;
    }
  };

  test.each([
    ["joint-position", { kind: "joint-position" }, 3, { kind: "joint-position", dim: 3 }],
    [
      "joint-delta from the action before",
      { kind: "joint-delta", from: "previous" },
      3,
      { kind: "joint-delta", dim: 3 },
    ],
    [
      "joint-delta from the observation",
      { kind: "joint-delta", from: "observed" },
      3,
      { kind: "joint-position", dim: 3 },
    ],
    ["a pose", { kind: "ee-pose-8", rotation: "quaternion-xyzw" }, 8, { kind: "ee-pose-8", dim: 8 }],
    [
      "a pose with six numbers of rotation",
      { kind: "ee-pose-8", rotation: "rotation-6d" },
      10,
      { kind: "ee-pose-8", dim: 8 },
    ],
  ])("%s gives the robot its own space", (_, action, dim, space) => {
    expect(matchEmbodiment(withAction(dim), jointed, map({ action })).space).toEqual({ ...space, stepMs: 100 });
  });

  test("names of the robot's joints need no word", () => {
    const { action } = matchEmbodiment(withAction(3, ["joint1Rad", "joint2Rad", "gripper"]), jointed);
    expect(action).toMatchObject({ kind: "joint-position", order: [0, 1, 2] });
  });

  test.each([
    ["how a rotation is written", withAction(8), { kind: "ee-pose-8" }, ["action.rotation"]],
    ["what changes start from", withAction(3), "joint-delta", ["action.from"]],
    ["which number is which", withAction(14), "joint-position", ["action.order"]],
    ["one number too few", withAction(3), { kind: "joint-position", order: [0, 1] }, ["action.order"]],
    ["a number that is not there", withAction(2), { kind: "joint-position", order: [0, 1, 5] }, ["action.order"]],
    [
      "units for all of them",
      withAction(3),
      { kind: "joint-position", scale: [0.1], offset: [1, 2] },
      ["action.scale", "action.offset"],
    ],
  ])("stops at %s", (_, given, action, fields) => {
    expect(fieldsOf(given, action)).toEqual(fields);
  });

  test("changes from the observation need its joints", () => {
    expect(fieldsOf(withAction(3), { kind: "joint-delta", from: "observed" }, robot)).toEqual(["action.from"]);
  });

  test("a gripper that the checkpoint lacks is said by its offset", async () => {
    const two = { ...withAction(2), chunk: 1 };
    const said = map({
      action: { kind: "joint-position", order: [1, 0, null], scale: [2, 1, 1], offset: [0, 0.5, 0.25] },
    });
    const { policy } = made({ actions: Float32Array.of(3, 4), horizon: 1, dim: 2 }, two);
    const facts = { robot: jointed, modelDigest: "", release: (): Promise<void> => Promise.resolve() };
    const matched = asPolicy(policy, matchEmbodiment(two, jointed, said), facts);
    const { values, space } = await matched.infer(observation(1), { seed: 1 });
    expect([...values]).toEqual([8, 3.5, 0.25]);
    expect(space).toEqual({ kind: "joint-position", dim: 3, stepMs: 100 });
  });

  test("changes from the observation become angles", async () => {
    const three = { ...withAction(3), chunk: 2 };
    const { policy } = made({ actions: Float32Array.of(0.1, 0.2, 1, 0.3, 0.4, 0), horizon: 2, dim: 3 }, three);
    const facts = { robot: jointed, modelDigest: "", release: (): Promise<void> => Promise.resolve() };
    const match = matchEmbodiment(three, jointed, map({ action: { kind: "joint-delta", from: "observed" } }));
    const { values } = await asPolicy(policy, match, facts).infer(observation(1), { seed: 1 });
    [1.1, 2.2, 1, 1.3, 2.4, 0].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 6));
  });
});

function made(
  change: Partial<FamilyChunk> = {},
  about: FamilyInfo = info,
): { policy: PublishedPolicy; seen: FamilyObservation[] } {
  const seen: FamilyObservation[] = [];
  const policy: PublishedPolicy = {
    info: about,
    predict: (observation, { seed }) => {
      seen.push(observation);
      const rng = createRng(seed);
      const actions = Float32Array.from({ length: 14 }, () => 0.01 * rng.uniform());
      const stageMs = { infer: 1 };
      const chunk = { actions, normalised: actions, horizon: 2, dim: 7, stageMs, warnings: [], executable: true };
      return Promise.resolve({ ...chunk, ...change });
    },
    reset: () => undefined,
    close: () => Promise.resolve(),
  };
  return { policy, seen };
}

const view = (value: number): Observation["cameras"][string] => ({
  image: { width: 8, height: 6, data: new Uint8Array(144).fill(value) },
  fovY: 1,
  baseFromCamera: new Float64Array(12),
});
const observation = (index: number): Observation => ({
  id: `o${index}`,
  captureNs: BigInt(index),
  cameras: { front: view(index), wrist: view(100) },
  state: Float32Array.of(1, 2, 3),
  history: [],
  instruction: "go",
});

describe("a published policy as a policy", () => {
  const facts = { robot, modelDigest: "ab".repeat(32), release: (): Promise<void> => Promise.resolve() };

  test("keeps the contract", async () => {
    const policy = asPolicy(made().policy, matchEmbodiment(info, robot), facts);
    expect(await checkPolicy(policy, { observation })).toEqual([]);
  });

  test("sees its own camera names, its own order of states, and gives units as they were said", async () => {
    const { policy, seen } = made({ actions: new Float32Array(14).fill(2) });
    const said = map({
      action: { kind: "ee-delta-7", scale: [0.5, 1, 1, 1, 1, 1, 0.1], offset: [0, 0, 0, 0, 0, 1, 0.5] },
    });
    const matched = asPolicy(policy, matchEmbodiment(info, robot, said), facts);
    const { values } = await matched.infer(observation(3), { seed: 1 });
    expect([...values.subarray(0, 7)]).toEqual([1, 2, 2, 2, 2, 3, expect.closeTo(0.7, 6)]);
    expect(Object.keys(seen[0]?.images ?? {})).toEqual(["observation.images.front"]);
    expect([...(seen[0]?.state ?? [])]).toEqual([2, 3]);
  });

  test("a chunk that must not be executed holds, and says why", async () => {
    const { policy } = made({ executable: false, warnings: ["The tokens cut a coefficient in two."] });
    const { belief } = await asPolicy(policy, matchEmbodiment(info, robot), facts).infer(observation(1), { seed: 1 });
    expect(belief.intent).toEqual({ kind: "hold", reason: "The tokens cut a coefficient in two." });
  });
});
