import { describe, expect, test } from "vitest";
import type { Command, Embodiment, Observation, Policy, Robot } from "../contract/types.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { createToyPolicy } from "../testing/toy-policy.ts";
import { ToyPlant } from "../testing/toy-plant.ts";
import { checkPolicy } from "./check-policy.ts";
import { checkRobot } from "./check-robot.ts";

const observation = (index: number): Observation => ({
  id: `o${index}`,
  captureNs: BigInt(index) * 1_000_000n,
  cameras: {},
  state: Float32Array.from(pandaLike.stateNames, (_name, i) => i / 10),
  history: [],
  instruction: "go",
});

const toy = (): Policy => createToyPolicy({ goal: [0.5, 0, 0.1], stateNames: pandaLike.stateNames });
const whats = (findings: readonly { what: string }[]): string[] => findings.map(({ what }) => what);

describe("checkPolicy", () => {
  test("passes a policy that keeps the contract", async () => {
    expect(await checkPolicy(toy(), { observation })).toEqual([]);
  });

  test.each([
    ["chunk.values", { values: new Float32Array(56).fill(Number.NaN) }],
    ["chunk.values", { values: new Float32Array(55) }],
    ["chunk.startNs", { startNs: 99n }],
    ["belief.done", { belief: { intent: { kind: "obey" }, done: 1.5, pointing: [] } }],
    ["belief.intent", { belief: { intent: { kind: "refuse", reason: "" }, done: 0, pointing: [] } }],
  ] as const)("finds a wrong %s", async (what, wrong) => {
    const good = toy();
    const infer: Policy["infer"] = async (seen, request) => ({ ...(await good.infer(seen, request)), ...wrong });
    expect(whats(await checkPolicy({ ...good, infer }, { observation }))).toContain(what);
  });

  test("finds a policy that throws, is never the same, or draws on what it was given", async () => {
    const good = toy();
    const throws: Policy = { ...good, infer: () => Promise.reject(new TypeError("no weights")) };
    expect(await checkPolicy(throws, { observation })).toMatchObject([{ what: "infer", found: "no weights" }]);
    let calls = 0;
    const fickle: Policy["infer"] = async (seen, request) => {
      const chunk = await good.infer(seen, request);
      calls += 1;
      return { ...chunk, values: chunk.values.map((x) => x + calls * 1e-6) };
    };
    expect(whats(await checkPolicy({ ...good, infer: fickle }, { observation }))).toContain("infer");
    expect(await checkPolicy({ ...good, infer: fickle }, { observation, repeatable: false })).toEqual([]);
    const scribbler: Policy["infer"] = async (seen, request) => {
      const chunk = await good.infer(seen, request);
      seen.state.fill(0);
      return chunk;
    };
    expect(whats(await checkPolicy({ ...good, infer: scribbler }, { observation }))).toContain("observation.state");
  });
});

describe("checkRobot", () => {
  const check = (embodiment: Embodiment, bend: (robot: Robot) => Robot = (robot) => robot) => {
    const plant = new ToyPlant(embodiment);
    return checkRobot(bend(plant.robot), { advance: (ms) => plant.step(ms), nowMs: () => plant.timeMs });
  };

  test("passes a robot that keeps the contract", async () => {
    expect(await check(pandaLike)).toEqual([]);
  });

  test("finds degrees, a tool outside its workspace, a state without a source", async () => {
    const degrees = pandaLike.joints.map((joint) => ({ ...joint, minRad: -166, maxRad: 166 }));
    expect(whats(await check({ ...pandaLike, joints: degrees }))).toContain("joint joint1");
    const envelope = { ...pandaLike.envelope, workspaceMax: [0.3, 0.1, 0.1] as const };
    expect(whats(await check({ ...pandaLike, envelope }))).toContain("envelope");
    expect(whats(await check({ ...pandaLike, stateNames: ["mood"] }))).toContain("stateNames");
  });

  test("finds a robot that mixes up its joints, one that is deaf, one that throws", async () => {
    const mixed = (robot: Robot): Robot => ({
      ...robot,
      send: (command) => {
        const { jointRad } = command;
        [jointRad[0], jointRad[1]] = [jointRad[1]!, jointRad[0]!];
        robot.send(command);
      },
    });
    expect(whats(await check(pandaLike, mixed))).toContain("send, joint joint1");
    const deaf = (robot: Robot): Robot => ({ ...robot, send: () => {} });
    expect(whats(await check(pandaLike, deaf))).toContain("send, gripper 0");
    const throwing = (robot: Robot): Robot => ({
      ...robot,
      send: (_command: Command) => {
        throw new TypeError("cable");
      },
    });
    expect(whats(await check(pandaLike, throwing))).toEqual(["read or send"]);
  });
});
