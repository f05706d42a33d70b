/**
 * An inference thread for live tests: a script that knows the scene of its seed, picks up what it is told to, and puts it
 * where a hint says. It sees what a trained policy sees of the arm, and nothing of where things are now.
 */
import { workerData } from "node:worker_threads";
import { type ActionChunk, BiddenError, type Observation, type Policy } from "@bidden/runtime";
import { serveInference } from "@bidden/runtime/node";
import { createScene, pandaEmbodiment, parseInstruction, type Vec3 } from "@bidden/sim";
import type { FromPolicy, PolicyWorkerData } from "../policy-worker.ts";

const HORIZON = 8;
const STEP_M = 0.03;
const ABOVE_M = 0.12;
/** Thoughts that the fingers get to close or open. */
const PATIENCE = 8;

const { policy: seed, observations, thoughts, control } = workerData as PolicyWorkerData;
const scene = createScene(Number(seed));
const { stateNames, actionSpace } = pandaEmbodiment;

type Goal = { readonly to: Vec3; readonly gripper: 0 | 1; readonly wait?: number };

/** The way of one instruction, goal by goal. */
class Script {
  readonly #goals: readonly Goal[];
  #at = 0;
  #waited = 0;

  constructor(goals: readonly Goal[]) {
    this.#goals = goals;
  }

  get done(): boolean {
    return this.#at >= this.#goals.length;
  }

  /** One step from where the tool is. */
  next(tool: Vec3): readonly number[] {
    const goal = this.#goals[Math.min(this.#at, this.#goals.length - 1)]!;
    const away = goal.to.map((metres, i) => metres - tool[i]!);
    const distance = Math.hypot(...away);
    if (distance < 0.008) this.#waited += 1;
    if (this.#waited > (goal.wait ?? 0)) {
      this.#at += 1;
      this.#waited = 0;
    }
    const share = Math.min(1, STEP_M / Math.max(distance, 1e-9));
    return [...away.map((metres) => metres * share), 0, 0, 0, goal.gripper];
  }
}

const above = ([x, y, z]: Vec3): Vec3 => [x, y, z + ABOVE_M];

function pick(at: Vec3): Script {
  return new Script([
    { to: above(at), gripper: 1 },
    { to: at, gripper: 1 },
    { to: at, gripper: 0, wait: PATIENCE },
    { to: above(at), gripper: 0 },
  ]);
}

function putDown(at: Vec3): Script {
  return new Script([
    { to: above(at), gripper: 0 },
    { to: at, gripper: 0 },
    { to: at, gripper: 1, wait: PATIENCE },
    { to: above(at), gripper: 1 },
  ]);
}

/** Where the thing stands that is to be picked up. */
function thingOf(instruction: string): Vec3 {
  const parsed = parseInstruction(instruction, scene);
  const object = parsed.kind === "task" && "object" in parsed.task ? parsed.task.object : null;
  const start = scene.objects.find(({ id }) => id === object)?.start;
  if (start === undefined) throw new BiddenError("bad-instruction", `The script cannot "${instruction}".`);
  return start;
}

let running: { readonly instruction: string; readonly script: Script; readonly act: Vec3 } | null = null;

function begin({ instruction, hints }: Observation): typeof running & object {
  if (hints?.place !== undefined) return { instruction, script: putDown(hints.place), act: hints.place };
  const act = thingOf(instruction);
  return { instruction, script: pick(act), act };
}

function think(observation: Observation, chosen: number): ActionChunk {
  const { id, captureNs, state, instruction } = observation;
  if (running?.instruction !== instruction) running = begin(observation);
  const { script, act } = running;
  const from = stateNames.indexOf("toolXM");
  const step = script.next([state[from]!, state[from + 1]!, state[from + 2]!]);
  const values = new Float32Array(7 * HORIZON);
  for (let row = 0; row < HORIZON; row++) {
    for (let i = 0; i < 7; i++) values[7 * row + i] = i === 6 ? step[i]! : step[i]! * 0.6 ** row;
  }
  return {
    values,
    horizon: HORIZON,
    space: actionSpace,
    startNs: captureNs,
    origin: { source: "script", modelDigest: "", observationId: id, seed: chosen, stageMs: {} },
    belief: {
      intent: { kind: "obey" },
      done: script.done ? 1 : 0,
      pointing: [{ channel: "act", at: act, nowhere: 0, heat: {} }],
    },
  };
}

const policy: Policy = {
  info: {
    name: "script",
    modelDigest: "",
    space: actionSpace,
    horizon: HORIZON,
    cameras: { front: { width: 56, height: 40 } },
    stateNames,
    historyLength: 0,
    heads: ["script"],
  },
  infer: (observation, request) => Promise.resolve(think(observation, request.seed)),
  close: () => Promise.resolve(),
};
control.postMessage({ type: "ready", info: policy.info } satisfies FromPolicy);
serveInference({ policy, observations, thoughts });
