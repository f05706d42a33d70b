/**
 * The scripted expert as a policy: it reads the sentence with the simulator's grammar and looks at the full state of the
 * world instead of at pictures. It drives only where it was asked for by name, and everything it drives says so.
 */
import {
  type ActionChunk,
  type Belief,
  type Candidate,
  createRng,
  type Intent,
  type Observation,
  type PlaceHints,
  type Pointing,
  type Policy,
  type PolicyInfo,
} from "@bidden/runtime";
import {
  createExpert,
  describe,
  isDescribable,
  type Parsed,
  parseInstruction,
  rolesOf,
  type Scene,
  sceneNow,
  type Task,
  type Vec3,
  type World,
} from "@bidden/sim";

/** The same action is offered for so many steps; the next chunk comes after one. */
const HORIZON = 2;

export type ExpertPolicy = Policy & {
  /** `infer` without a promise, for a thread that never turns its event loop. */
  readonly think: (observation: Observation) => ActionChunk;
};

type Reading = { readonly text: string; readonly scene: Scene; readonly hints: string; readonly parsed: Parsed };

export function createExpertPolicy(world: World): ExpertPolicy {
  const info = infoOf(world);
  let reading: Reading | null = null;
  const think = (observation: Observation): ActionChunk => {
    const startMs = performance.now();
    const { instruction, hints } = observation;
    // The sentence is read once: "the block left of the bowl" stays the same block while it moves.
    const hintsKey = JSON.stringify(hints ?? null);
    if (
      reading === null ||
      reading.text !== instruction ||
      reading.scene !== world.scene ||
      reading.hints !== hintsKey
    ) {
      reading = { text: instruction, scene: world.scene, hints: hintsKey, parsed: read(world, instruction, hints) };
    }
    const readMs = performance.now() - startMs;
    const { values, belief } = answer(world, reading.parsed, observation);
    return {
      values,
      horizon: HORIZON,
      space: info.space,
      startNs: observation.captureNs,
      belief,
      origin: {
        source: "expert",
        modelDigest: "",
        observationId: observation.id,
        seed: 0,
        stageMs: { read: readMs, act: performance.now() - startMs - readMs },
      },
    };
  };
  return { info, think, infer: (observation) => Promise.resolve(think(observation)), close: () => Promise.resolve() };
}

function infoOf(world: World): PolicyInfo {
  const { actionSpace, stateNames } = world.robot.embodiment;
  return {
    name: "scripted expert",
    modelDigest: "",
    space: actionSpace,
    horizon: HORIZON,
    cameras: {},
    stateNames,
    historyLength: 0,
    heads: [],
  };
}

/** What the sentence means now; a click on one of several things decides between them. */
function read(world: World, text: string, hints: PlaceHints | undefined): Parsed {
  const scene = sceneNow(world.scene, world.objects());
  const parsed = parseInstruction(text, scene);
  const at = hints?.act ?? hints?.place;
  if (parsed.kind !== "ambiguous" || at === undefined) return parsed;
  const chosen = nearest(world, parsed.candidates, at);
  const named = text.replace(/\s+/g, " ").trim();
  return chosen === null ? parsed : readWith(named, scene, parsed, chosen);
}

/** The ambiguous sentence again, in a scene in which the things that were not chosen are out of the way. */
function readWith(text: string, scene: Scene, parsed: Parsed & { kind: "ambiguous" }, chosen: string): Parsed {
  const rivals = parsed.candidates.filter((id) => id !== chosen);
  return parseInstruction(text, { ...scene, objects: scene.objects.filter(({ id }) => !rivals.includes(id)) });
}

function nearest(world: World, ids: readonly string[], at: Vec3): string | null {
  let best: { id: string; distance: number } | null = null;
  for (const { id, position } of world.objects()) {
    const distance = Math.hypot(position[0] - at[0], position[1] - at[1], position[2] - at[2]);
    if (ids.includes(id) && (best === null || distance < best.distance)) best = { id, distance };
  }
  return best?.id ?? null;
}

function answer(world: World, parsed: Parsed, observation: Observation): { values: Float32Array; belief: Belief } {
  const still = stillAction(observation);
  if (parsed.kind !== "task") {
    return { values: still, belief: { intent: intentOf(world, parsed), done: 0, pointing: [] } };
  }
  const expert = createExpert(parsed.task);
  const done = expert.done(world);
  const action = expert.act(world);
  const values = new Float32Array(7 * HORIZON);
  for (let row = 0; row < HORIZON; row++) values.set(action, 7 * row);
  const pointing = pointingOf(world, parsed.task);
  return { values, belief: { intent: { kind: "obey" }, done: done ? 1 : 0, pointing } };
}

/** No motion, the gripper as it was last commanded. */
function stillAction({ state }: Observation): Float32Array {
  const values = new Float32Array(7 * HORIZON);
  const gripper = state[state.length - 2] ?? 1;
  for (let row = 0; row < HORIZON; row++) values[7 * row + 6] = gripper;
  return values;
}

function intentOf(world: World, parsed: Exclude<Parsed, { kind: "task" }>): Intent {
  switch (parsed.kind) {
    case "ambiguous": {
      const candidates = candidatesOf(world, parsed.candidates);
      return { kind: "ask", question: "Which one do you mean?", candidates };
    }
    case "impossible":
      return {
        kind: "refuse",
        reason: `I see no ${parsed.missing.replace(/^(the|a|an) /, "")} that I could use for this.`,
      };
    case "forbidden":
      return { kind: "refuse", reason: `I will not do that: ${parsed.why}.` };
    case "garbage":
      return { kind: "refuse", reason: "I do not understand this as something to do on the table." };
    case "unknown":
      return { kind: "hold", reason: "This is beyond the grammar that the scripted expert reads." };
    case "question":
      return { kind: "hold", reason: "The scripted expert answers no questions." };
    default:
      return parsed satisfies never;
  }
}

function candidatesOf(world: World, ids: readonly string[]): Candidate[] {
  const scene = sceneNow(world.scene, world.objects());
  return ids.map((id) => ({ at: placeOf(world, id) ?? [0, 0, 0], mass: 1 / ids.length, label: labelOf(scene, id) }));
}

/** The plainest phrase that tells it from the others. */
function labelOf(scene: Scene, id: string): string {
  const object = scene.objects.find((candidate) => candidate.id === id);
  if (object === undefined) return id;
  const plain = `the ${object.colour} ${object.kind}`;
  const rivals = scene.objects.filter(({ kind, colour }) => kind === object.kind && colour === object.colour);
  if (rivals.length === 1) return plain;
  if (rivals.filter(({ size }) => size === object.size).length === 1)
    return `the ${object.size} ${object.colour} ${object.kind}`;
  return isDescribable(scene, id) ? describe(scene, id, createRng(1), { split: "train" }) : plain;
}

function pointingOf(world: World, task: Task): Pointing[] {
  const roles = rolesOf(task);
  const act: Pointing = { channel: "act", at: placeOf(world, roles.act), nowhere: 0, heat: {} };
  if (roles.place === null) return [act];
  return [act, { channel: "place", at: placeOf(world, roles.place), nowhere: 0, heat: {} }];
}

function placeOf(world: World, id: string): Vec3 | null {
  return world.objects().find((object) => object.id === id)?.position ?? null;
}
