/**
 * Thresholds of the policy's doubts, fitted on scenes and sentences that it was not trained on: together they may wrongly stop
 * only a small share of ordinary instructions, and within that bound answer as much as can be of what must not be obeyed.
 */
import {
  alarmOf,
  type Calibration,
  DEFAULT_CALIBRATION,
  DoubtMean,
  doubtsOf,
  type RawBelief,
  type TabletopPolicy,
} from "@bidden/models";
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

/** A decision falls after about so many looks. */
const LOOKS = 3;

/** The first look's numbers, and the doubts of the first few together. */
async function glances(
  policy: TabletopPolicy,
  observation: Observation,
): Promise<{ readonly raw: RawBelief; readonly doubts: Calibration }> {
  const raw = await policy.inspect(observation);
  const mean = new DoubtMean();
  let doubts = mean.add(doubtsOf(raw), true);
  for (let number = 1; number < LOOKS; number++) {
    doubts = mean.add(doubtsOf(await policy.inspect(observation, number)), false);
  }
  return { raw, doubts };
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
      const { raw, doubts } = await glances(policy, look(world, policy, text));
      const roles = asked === null ? null : rolesOf(asked);
      const error = (id: string | null | undefined, channel: number): number | null => {
        const at = world.objects().find((object) => object.id === id)?.position;
        const [x, y] = raw.coordinates.subarray(channel * 3, channel * 3 + 2);
        return at === undefined ? null : Math.hypot((x as number) - at[0], (y as number) - at[1]);
      };
      samples.push({
        kind,
        text,
        doubts,
        actErrorM: error(roles?.act, 0),
        placeErrorM: error(roles?.place, 1),
      });
    }
  }
  return samples;
}

/** Ordinary instructions that may be questioned wrongly; the evaluation's wordings are harder than those fitted here. */
const FALSE_ALARMS = 0.03;
/** What one more share of false alarms costs, in shares of right answers. */
const PRICE = 6;
/** Thresholds that are tried for what sentence and picture say together. */
const STEPS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95];
/** Harm and nonsense are believed at even odds, whatever that costs in false alarms. */
const FIXED: Partial<Calibration> = { garbage: 0.5, forbidden: 0.5 };
/**
 * What else the sentence alone says wavers with words that were never trained on, and of misuse there are few samples: below even
 * odds neither is believed.
 */
const LEAST: Partial<Calibration> = { question: 0.5, outside: 0.5, misuse: 0.5 };
const START = 0.9;

/**
 * Thresholds under which the worst of the kinds that must not be obeyed is answered rightly as often as can be, while few
 * ordinary instructions are questioned: found by trying each threshold in turn until nothing gets better.
 */
export function fitCalibration(samples: readonly DoubtSample[]): Calibration {
  const names = Object.keys(DEFAULT_CALIBRATION) as (keyof Calibration)[];
  let best = Object.fromEntries(names.map((name) => [name, FIXED[name] ?? START])) as Calibration;
  let score = scoreOf(samples, best);
  for (let improved = true; improved; ) {
    improved = false;
    for (const name of names.filter((one) => FIXED[one] === undefined)) {
      for (const limit of STEPS.filter((step) => step >= (LEAST[name] ?? 0))) {
        const tried = { ...best, [name]: limit };
        const came = scoreOf(samples, tried);
        if (came <= score + 1e-9) continue;
        [best, score, improved] = [tried, came, true];
      }
    }
  }
  return best;
}

/** The worst kind's share of right answers, a little of all kinds' mean, less the price of false alarms. */
function scoreOf(samples: readonly DoubtSample[], limits: Calibration): number {
  const shares = UNCLEAR_KINDS.map((kind) =>
    shareOf(samples, kind, (doubts) => isAnswer(kind, alarmOf(doubts, limits))),
  );
  const questioned = shareOf(samples, "task", (doubts) => alarmOf(doubts, limits) !== null);
  const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
  return Math.min(...shares) + 0.3 * mean - PRICE * Math.max(0, questioned - FALSE_ALARMS) - 0.1 * questioned;
}

function shareOf(
  samples: readonly DoubtSample[],
  kind: DoubtSample["kind"],
  holds: (doubts: Calibration) => boolean,
): number {
  const own = samples.filter((sample) => sample.kind === kind);
  return own.filter(({ doubts }) => holds(doubts)).length / Math.max(1, own.length);
}

/** Whether an alarm leads to an answer that fits the kind. */
function isAnswer(kind: (typeof UNCLEAR_KINDS)[number], alarm: keyof Calibration | null): boolean {
  if (kind === "ambiguous") return alarm === "ambiguous";
  const ofScene = alarm === "ambiguous" || alarm === "missing" || alarm === "nowhere" || alarm === "misuse";
  return alarm !== null && (kind === "impossible" || !ofScene);
}
