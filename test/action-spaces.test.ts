import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rollout } from "@bidden/eval";
import { familyByName, type WrittenFiles } from "@bidden/models";
import { loadPolicy, writeCheckpoint } from "@bidden/models/node";
import { Chain, type LoopEvent } from "@bidden/runtime";
import { createWorld, pandaEmbodiment, type World } from "@bidden/sim";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * Published checkpoints whose actions are no ee-delta-7, in the simulator: through the match, the loop and the gate. Scales of 0
 * leave of the random network only the offsets, so that it is known where the arm must end.
 */
const folder = mkdtempSync(join(tmpdir(), "bidden-spaces-"));
const GOAL = pandaEmbodiment.homeRad.map((angle, j) => angle + [0.25, 0.1, -0.1, 0.1, 0, 0.1, 0.2][j]!);
const chain = new Chain(pandaEmbodiment);
chain.forward(GOAL);
const goalPose = [...chain.toolPos, ...chain.toolQuat];
let world: World;

beforeAll(async () => {
  world = await createWorld();
  const dims = { cameras: 1, image: [32, 48], state_dim: 3, action_dim: 5, chunk_size: 8, n_action_steps: 8 };
  await writeCheckpoint(
    join(folder, "act"),
    familyByName("act").make?.({ size: "tiny", dims, seed: 1 }) as WrittenFiles,
  );
});
afterAll(() => {
  world.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Drives for three seconds; answers the tool's pose at the end and what was recorded. */
async function drive(action: object, stepMs = 100) {
  const map = {
    cameras: { "observation.images.cam0": "front" },
    state: ["joint1Rad", "toolXM", "gripperCommand"],
    action,
    stepMs,
  };
  writeFileSync(join(folder, "act", "embodiment.json"), JSON.stringify(map));
  const policy = await loadPolicy(join(folder, "act"), { embodiment: pandaEmbodiment, session: { threads: 1 } });
  const steps: Extract<LoopEvent, { type: "step" }>[] = [];
  const record = (event: LoopEvent): void => {
    if (event.type === "step") steps.push(event);
  };
  await rollout({ world, policy, seed: 7, instruction: "go", task: null, maxSeconds: 3, record });
  await policy.close();
  chain.forward(world.robot.read().jointRad);
  return { steps, pos: [...chain.toolPos], quat: [...chain.toolQuat] };
}

const fixed = (values: readonly number[]): object => ({
  order: values.map(() => null),
  scale: values.map(() => 0),
  offset: values,
});

/** How far from the goal: m and rad. */
function apart({ pos, quat }: { readonly pos: readonly number[]; readonly quat: readonly number[] }): [number, number] {
  const cos = Math.abs(quat.reduce((sum, w, i) => sum + w * goalPose[3 + i]!, 0));
  return [Math.hypot(...pos.map((at, i) => at - goalPose[i]!)), 2 * Math.acos(Math.min(1, cos))];
}

describe("a checkpoint's own action space on the robot", () => {
  test("absolute joint positions, with a gripper", async () => {
    const ended = await drive({ kind: "joint-position", ...fixed([...GOAL, 0.2]) });
    const [metres, radians] = apart(ended);
    expect(metres).toBeLessThan(6e-3);
    expect(radians).toBeLessThan(0.03);
    expect(ended.steps.at(-1)!.action[6]).toBeCloseTo(0.2, 5);
  });

  test("joint changes, a step each", async () => {
    const perStep = GOAL.map((angle, j) => (angle - pandaEmbodiment.homeRad[j]!) / 10);
    const { steps } = await drive({ kind: "joint-delta", from: "previous", ...fixed([...perStep, 1]) });
    const [first, later] = [steps[5]!, steps[15]!];
    perStep.forEach((change, j) => {
      // a joint that met its limit or the workspace on the way would show here
      expect((later.jointRad[j]! - first.jointRad[j]!) / 10).toBeCloseTo(change, 2);
    });
  });

  test("absolute poses of the tool, at another rate", async () => {
    const [x, y, z, qw, qx, qy, qz] = goalPose;
    const [metres, radians] = apart(
      await drive(
        { kind: "ee-pose-8", rotation: "quaternion-xyzw", ...fixed([x!, y!, z!, qx!, qy!, qz!, qw!, 1]) },
        50,
      ),
    );
    expect(metres).toBeLessThan(6e-3);
    expect(radians).toBeLessThan(0.03);
  });

  test("what the network says reaches the joints by its place, its scale and its offset", async () => {
    const wiggle = { order: [0, 1, 2, 3, null, null, null, 4], scale: [0.02, 0.02, 0.02, 0.02, 0, 0, 0, 1] };
    const { steps } = await drive({ kind: "joint-position", ...wiggle, offset: [...GOAL, 0] });
    const end = steps.at(-1)!.jointRad;
    [4, 5, 6].forEach((j) => expect(end[j]).toBeCloseTo(GOAL[j]!, 1));
    expect([0, 1, 2, 3].some((j) => Math.abs(end[j]! - GOAL[j]!) > 1e-3)).toBe(true);
  });

  test("what is not said stops before anything moves, with the field's name", async () => {
    await expect(drive({ kind: "joint-position" })).rejects.toThrow(
      /action\.order: joint-position on "panda" has 8 numbers/,
    );
    await expect(drive({ kind: "ee-pose-8" })).rejects.toThrow("action.rotation");
  });
});
