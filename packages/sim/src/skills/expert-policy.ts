/**
 * The scripted expert behind the `Policy` interface. It does not look through cameras: it reads the whole state out of the
 * world, and its sentences by grammar. It drives only where it is asked for by name, and says "expert" in every chunk.
 */
import type { ActionChunk, Belief, InferRequest, Intent, Observation, Policy } from "@bidden/runtime";
import { type Parsed, parseInstruction } from "../language/parse/parse-instruction.ts";
import { sceneNow } from "../language/scene-now.ts";
import type { Scene, SceneObject, Task, Vec3 } from "../types.ts";
import type { World } from "../world.ts";
import { createExpert } from "./expert/expert.ts";
import { rolesOf } from "./roles.ts";

const DIM = 7;
const HORIZON = 8;
/** Its law holds for the present state; the steps after that only fade out what was begun, should the next chunk be late. */
const FADE = 0.6;
/** After a pause this long the same sentence is a new instruction, and is read in the scene as it stands then, ns. */
const NEW_AFTER_NS = 500_000_000n;

export type ExpertPolicy = Policy & {
  /** `infer` without its promise, for a thread that blocks and never turns its event loop. */
  readonly think: (observation: Observation, request: InferRequest) => ActionChunk;
};

/** @param world the very world that the loop drives. */
export function createExpertPolicy(world: World): ExpertPolicy {
  const { stateNames, actionSpace } = world.robot.embodiment;
  const reader = new Reader(world);
  const think = (observation: Observation, request: InferRequest): ActionChunk => {
    const startMs = performance.now();
    const parsed = reader.read(observation);
    const task = parsed.kind === "task" ? parsed.task : null;
    const values = task === null ? standStill(observation, stateNames) : act(world, task);
    const belief = beliefOf(world, parsed, task);
    const origin = {
      source: "expert",
      modelDigest: "",
      observationId: observation.id,
      seed: request.seed,
      stageMs: { expert: performance.now() - startMs },
    };
    return { values, horizon: HORIZON, space: actionSpace, startNs: observation.captureNs, origin, belief };
  };
  return {
    info: {
      name: "expert",
      modelDigest: "",
      space: actionSpace,
      horizon: HORIZON,
      cameras: {},
      stateNames,
      historyLength: 0,
      heads: ["expert"],
    },
    think,
    infer: (observation, request) => Promise.resolve(think(observation, request)),
    close: () => Promise.resolve(),
  };
}

/** Reads an instruction once, in the scene as it stood when it was given: *the left block* stays the same one on its way. */
class Reader {
  readonly #world: World;
  #text: string | null = null;
  /** What a person pointed out, as text: an answer to *which one?* is read at once, however quickly it comes. */
  #hint = "";
  #seed = 0;
  #lastNs = 0n;
  #parsed: Parsed = { kind: "unknown" };

  constructor(world: World) {
    this.#world = world;
  }

  read({ instruction, captureNs, hints }: Observation): Parsed {
    const { scene } = this.#world;
    const gap = captureNs - this.#lastNs;
    const meant = hints?.act ?? hints?.place;
    const hint = meant?.join() ?? "";
    const same = instruction === this.#text && hint === this.#hint && scene.seed === this.#seed;
    const known = same && gap >= 0n && gap < NEW_AFTER_NS;
    if (!known) {
      const now = sceneNow(scene, this.#world.objects());
      this.#parsed = decided(parseInstruction(instruction, now), instruction, now, meant);
    }
    this.#text = instruction;
    this.#hint = hint;
    this.#seed = scene.seed;
    this.#lastNs = captureNs;
    return this.#parsed;
  }
}

/** Of several things that could be meant, the one that a person pointed out: the others are left out of the scene. */
function decided(parsed: Parsed, instruction: string, scene: Scene, at: Vec3 | undefined): Parsed {
  if (parsed.kind !== "ambiguous" || at === undefined) return parsed;
  const distance = ({ start }: SceneObject): number => Math.hypot(start[0] - at[0], start[1] - at[1], start[2] - at[2]);
  const meant = scene.objects.filter(({ id }) => parsed.candidates.includes(id));
  const chosen = meant.toSorted((a, b) => distance(a) - distance(b))[0];
  const objects = scene.objects.filter((object) => object === chosen || !meant.includes(object));
  return parseInstruction(instruction, { ...scene, objects });
}

/** float32[8, 7]: the law's step, then ever smaller ones of the same direction. */
function act(world: World, task: Task): Float32Array {
  const step = createExpert(task).act(world);
  const values = new Float32Array(HORIZON * DIM);
  for (let row = 0; row < HORIZON; row++) {
    for (let i = 0; i < DIM - 1; i++) values[row * DIM + i] = (step[i] ?? 0) * FADE ** row;
    values[row * DIM + DIM - 1] = step[DIM - 1] ?? 1;
  }
  return values;
}

function standStill(observation: Observation, stateNames: readonly string[]): Float32Array {
  const gripper = observation.state[stateNames.indexOf("gripperCommand")] ?? 1;
  return Float32Array.from({ length: HORIZON * DIM }, (_, i) => (i % DIM === DIM - 1 ? gripper : 0));
}

function beliefOf(world: World, parsed: Parsed, task: Task | null): Belief {
  const done = task !== null && createExpert(task).done(world) ? 1 : 0;
  const at = (id: string | null): SceneObject["start"] | null =>
    world.objects().find((state) => state.id === id)?.position ?? null;
  const roles = task === null ? null : rolesOf(task);
  return {
    intent: intentOf(world, parsed),
    done,
    pointing: [
      { channel: "act", at: at(roles?.act ?? null), nowhere: roles === null ? 1 : 0, heat: {} },
      { channel: "place", at: at(roles?.place ?? null), nowhere: (roles?.place ?? null) === null ? 1 : 0, heat: {} },
    ],
  };
}

function intentOf(world: World, parsed: Parsed): Intent {
  switch (parsed.kind) {
    case "task":
      return { kind: "obey" };
    case "ambiguous":
      return { ...which(world, parsed.candidates), about: parsed.role };
    case "impossible":
      return { kind: "refuse", reason: `I cannot do that: there is no ${bare(parsed.missing)} here that would fit.` };
    case "forbidden":
      return { kind: "refuse", reason: `I will not do that: ${parsed.why}.` };
    case "question":
      return { kind: "hold", reason: "That is a question, and I can only act." };
    case "garbage":
      return { kind: "refuse", reason: "I do not understand that as an instruction." };
    case "unknown":
      return { kind: "hold", reason: "I do not know how to do that." };
    default:
      return parsed satisfies never;
  }
}

function which(world: World, ids: readonly string[]): Extract<Intent, { kind: "ask" }> {
  const states = world.objects();
  const candidates = world.scene.objects.flatMap((object, i) => {
    const position = states[i]?.position;
    if (!ids.includes(object.id) || position === undefined) return [];
    return [{ at: position, mass: 1 / ids.length, label: `the ${object.size} ${object.colour} ${object.kind}` }];
  });
  const labels = candidates.map(({ label }) => label);
  return { kind: "ask", question: `Which one do you mean: ${labels.join(" or ")}?`, candidates };
}

/** Without its article: "there is no the red cube" would not do. */
function bare(phrase: string): string {
  return phrase.replace(/^(the|a|an|that|this|my|your)\s+/i, "");
}
