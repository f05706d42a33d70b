/**
 * Thresholds of the policy's doubts, fitted on scenes and sentences that it was not trained on: each alarm may wrongly stop
 * only a small share of ordinary instructions, and within that bound is as eager as possible.
 */
import { type Calibration, DEFAULT_CALIBRATION, doubtsOf, type TabletopPolicy } from "@bidden/models";
import { createRng, type Observation } from "@bidden/runtime";
import {
  askQuestion,
  createScene,
  rolesOf,
  sayTask,
  sayUnclear,
  stateVector,
  type Task,
  tasksOf,
  UNCLEAR_KINDS,
  type World,
} from "@bidden/sim";

/** One sentence over one scene at its start, and what the network made of it. */
export type DoubtSample = {
  readonly kind: "task" | "question" | (typeof UNCLEAR_KINDS)[number];
  readonly text: string;
  /** Probabilities, 0..1. */
  readonly doubts: Calibration;
  /** Distance of the pointer's place from the true one, metres; null where there is none or it should point nowhere. */
  readonly actErrorM: number | null;
  readonly placeErrorM: number | null;
};

/** What the policy sees in the world as it stands, with an instruction. */
function look(world: World, { info }: TabletopPolicy, instruction: string): Observation {
  const cameras = Object.fromEntries(
    Object.entries(info.cameras).map(([name, size]) => [name, world.render(name, size)]),
  );
  return {
    id: `seed-${world.scene.seed}`,
    captureNs: 0n,
    cameras,
    state: stateVector(world, 1),
    history: [],
    instruction,
  };
}

/** Doubts about one ordinary instruction, one question and each unclear kind, in the scene of each seed. */
export async function sampleDoubts(
  world: World,
  policy: TabletopPolicy,
  seeds: Iterable<number>,
): Promise<DoubtSample[]> {
  const samples: DoubtSample[] = [];
  for (const seed of seeds) {
    const rng = createRng(seed).fork("doubts");
    const scene = createScene(seed);
    world.reset(scene);
    const task = rng.pick(tasksOf(scene));
    const sentences: { kind: DoubtSample["kind"]; text: string; task: Task | null }[] = [
      { kind: "task", text: sayTask(scene, task, rng, { split: "any" }).text, task },
      { kind: "question", text: askQuestion(scene, rng, { split: "any" }).text, task: null },
    ];
    for (const kind of UNCLEAR_KINDS) {
      const unclear = sayUnclear(scene, kind, rng, { split: "any" });
      if (unclear !== null) sentences.push({ kind, text: unclear.text, task: null });
    }
    for (const { kind, text, task: asked } of sentences) {
      const raw = await policy.inspect(look(world, policy, text));
      const roles = asked === null ? null : rolesOf(asked);
      const error = (id: string | null | undefined, channel: number): number | null => {
        const at = world.objects().find((object) => object.id === id)?.position;
        const [x, y] = raw.coordinates.subarray(channel * 3, channel * 3 + 2);
        return at === undefined ? null : Math.hypot((x as number) - at[0], (y as number) - at[1]);
      };
      samples.push({
        kind,
        text,
        doubts: doubtsOf(raw),
        actErrorM: error(roles?.act, 0),
        placeErrorM: error(roles?.place, 1),
      });
    }
  }
  return samples;
}

/**
 * All alarms together stop at most this share of ordinary instructions. Most of those are misunderstood, and better asked about
 * than done wrongly.
 */
const FALSE_ALARMS = 0.1;
/** Shares that each alarm alone may stop, most eager first. */
const EACH = [0.04, 0.03, 0.025, 0.02, 0.015, 0.01, 0.0075, 0.005, 0.0025, 0] as const;
/** No threshold of what sentence and picture say together is fitted outside this range: tails of a few hundred samples are noise. */
const RANGE = [0.2, 0.9] as const;
/**
 * What the sentence alone says wavers with words that were never trained on (*hoist*, *tuck*). Harm and nonsense are believed
 * at even odds; that something is a question, or no skill of this arm, must be all but certain before it stops a deed.
 */
const LEAST: Partial<Calibration> = { garbage: 0.5, forbidden: 0.5, question: 0.97, outside: 0.97, misuse: 0.8 };

/** The most eager thresholds under which all alarms together wrongly stop few enough ordinary instructions. */
export function fitCalibration(samples: readonly DoubtSample[]): Calibration {
  const ordinary = samples.filter(({ kind }) => kind === "task").map(({ doubts }) => doubts);
  const fits = EACH.map((share) => thresholdsFor(ordinary, share));
  const stopped = (limits: Calibration): number =>
    ordinary.filter((doubts) => doubtful(doubts, limits)).length / Math.max(1, ordinary.length);
  return fits.find((limits) => stopped(limits) <= FALSE_ALARMS) ?? (fits.at(-1) as Calibration);
}

/** Thresholds that each stop at most this share. */
function thresholdsFor(ordinary: readonly Calibration[], share: number): Calibration {
  const fit = (name: keyof Calibration): number => {
    const values = ordinary.map((doubts) => doubts[name]).sort((a, b) => a - b);
    const threshold = values[Math.ceil((1 - share) * values.length) - 1] ?? DEFAULT_CALIBRATION[name];
    const bounded = Math.min(RANGE[1], Math.max(RANGE[0], threshold));
    return Number(Math.max(bounded, LEAST[name] ?? 0).toFixed(3));
  };
  return {
    garbage: fit("garbage"),
    forbidden: fit("forbidden"),
    question: fit("question"),
    outside: fit("outside"),
    ambiguous: fit("ambiguous"),
    missing: fit("missing"),
    misuse: fit("misuse"),
    nowhere: fit("nowhere"),
  };
}

/** Whether any alarm sounds. */
export function doubtful(doubts: Calibration, limits: Calibration): boolean {
  return (Object.keys(limits) as (keyof Calibration)[]).some((name) => doubts[name] > limits[name]);
}
