/** From the network's numbers to what the policy believes: clear or not, where it points, what it would answer. */
import { type Belief, type Candidate, type Intent, nounPhrases, type PlaceHints, type Pointing } from "@bidden/runtime";
import { patchCount } from "../image/patches.ts";
import { CHANNELS, SCENE_INTENTS, SKILLS, TEXT_INTENTS, type TabletopConfig } from "./config.ts";
import { askedWidth, STRANGE, UNSAID } from "./understand.ts";

/** Thresholds fitted on held-out scenes; see `calibrate`. Probabilities, 0..1. */
export type Calibration = {
  /** Above: the sentence is treated as garbage, forbidden, a question, something that no skill here can do. */
  readonly garbage: number;
  readonly forbidden: number;
  readonly question: number;
  readonly outside: number;
  /** Above: several things could be meant; something is missing; it is there but not to be used so. */
  readonly ambiguous: number;
  readonly missing: number;
  readonly misuse: number;
  /** Pointer's mass on "nowhere" above which the thing counts as missing. */
  readonly nowhere: number;
};

export const DEFAULT_CALIBRATION: Calibration = {
  garbage: 0.5,
  forbidden: 0.5,
  question: 0.5,
  outside: 0.5,
  ambiguous: 0.5,
  missing: 0.5,
  misuse: 0.5,
  nowhere: 0.6,
};

/** The graph's outputs for one observation, as flat arrays. */
export type RawBelief = {
  /** float32[2, patches + 1], each channel sums to 1. */
  readonly pointing: Float32Array;
  /** float32[patches, 3]: where each patch's thing has its centre, metres. */
  readonly guesses: Float32Array;
  /** float32[2, 3], metres. */
  readonly coordinates: Float32Array;
  readonly done: Float32Array;
  readonly textIntent: Float32Array;
  readonly sceneIntent: Float32Array;
  readonly skill: Float32Array;
  readonly answer: Float32Array;
  /** float32[2, askedWidth]: what the words ask for, by attribute, each with "unsaid" and "strange" sums to 1. */
  readonly asked: Float32Array;
};

/** Skills that put something somewhere. */
const PLACING: readonly string[] = ["put", "push", "stack"];
/** Patches whose guesses lie within this distance speak of one thing, metres. */
const SAME_THING_M = 0.045;
/** A candidate has at least this share of the pointer's mass. */
const CANDIDATE_MASS = 0.12;

/** What is known of a scene beside this look at it. */
export type Known = {
  /** Places that a person pointed out, or that are remembered. */
  readonly places: PlaceHints;
  /** Whether it was clear before what is meant: then doubts of this look are put down to what the hand hides. */
  readonly meant: boolean;
  /** Doubts, if not those of this look alone. */
  readonly doubts?: Calibration;
};

export function beliefOf(
  config: TabletopConfig,
  raw: RawBelief,
  instruction: string,
  calibration: Calibration,
  { places, meant, doubts = doubtsOf(raw) }: Known = { places: {}, meant: false },
): Belief {
  const answer = answerOf(config, raw);
  const question = doubts.question > calibration.question;
  const alarm = alarmOf(doubts, meant ? { ...calibration, ...NO_SCENE_ALARM } : calibration);
  return {
    intent: intentOf(config, raw, instruction, alarm),
    done: 1 / (1 + Math.exp(-(raw.done[0] as number))),
    pointing: CHANNELS.map((channel, index) => {
      const pointing = pointingOf(config, raw, channel, index);
      return { ...pointing, at: places[channel] ?? pointing.at };
    }),
    ...(question && answer !== null ? { answer } : {}),
  };
}

/** Whether nothing has to be asked, refused or held; a question that a person has answered already is none. */
export function isClear(
  config: TabletopConfig,
  raw: RawBelief,
  alarm: keyof Calibration | null,
  told: PlaceHints,
): boolean {
  return (
    alarm === null || (alarm === "ambiguous" && told[mostDivided(config, raw, isPlacing(raw)).about] !== undefined)
  );
}

function probability<N extends string>(values: Float32Array, names: readonly N[], name: N): number {
  return values[names.indexOf(name)] as number;
}

/** The probabilities that the thresholds are fitted to and compared with. */
export function doubtsOf(raw: RawBelief): Calibration {
  const text = (name: (typeof TEXT_INTENTS)[number]): number => probability(raw.textIntent, TEXT_INTENTS, name);
  const scene = (name: (typeof SCENE_INTENTS)[number]): number => probability(raw.sceneIntent, SCENE_INTENTS, name);
  return {
    garbage: text("garbage"),
    forbidden: text("forbidden"),
    question: text("question"),
    outside: text("outside"),
    ambiguous: scene("ambiguous"),
    missing: scene("missing"),
    misuse: scene("misuse"),
    nowhere: Math.max(nowhereOf(raw, 0), isPlacing(raw) ? nowhereOf(raw, 1) : 0),
  };
}

export function isPlacing(raw: RawBelief): boolean {
  return PLACING.includes(SKILLS[indexOfLargest(raw.skill)] as string);
}

/** What is doubted first is answered first: harm before nonsense, what the sentence says before what the picture shows. */
const ALARMS = ["forbidden", "garbage", "outside", "question", "nowhere", "missing", "misuse", "ambiguous"] as const;

/** Limits that no doubt about the scene exceeds. */
const NO_SCENE_ALARM: Partial<Calibration> = { nowhere: 1, missing: 1, misuse: 1, ambiguous: 1 };

/** The first alarm that sounds, or null where the sentence is to be obeyed. */
export function alarmOf(doubts: Calibration, limits: Calibration): keyof Calibration | null {
  return ALARMS.find((name) => doubts[name] > limits[name]) ?? null;
}

function intentOf(
  config: TabletopConfig,
  raw: RawBelief,
  instruction: string,
  alarm: keyof Calibration | null,
): Intent {
  switch (alarm) {
    case null:
      return { kind: "obey" };
    case "forbidden":
      return { kind: "refuse", reason: "That could hurt someone or break something, so I will not do it." };
    case "garbage":
      return { kind: "refuse", reason: "I do not understand that as something to do here." };
    case "outside":
      return { kind: "refuse", reason: "That is not something that I can do here." };
    case "question":
      return { kind: "hold", reason: "That is a question; I answer it and do not move." };
    case "nowhere":
    case "missing":
      return { kind: "refuse", reason: missingReason(phraseOf(config, raw, lostChannel(raw), instruction)) };
    case "misuse":
      return { kind: "refuse", reason: misuseReason(phraseOf(config, raw, "act", instruction)) };
    case "ambiguous":
      return whichOne(config, raw, instruction);
    default:
      return alarm satisfies never;
  }
}

/** The channel that is the more surely nowhere. */
function lostChannel(raw: RawBelief): "act" | "place" {
  return isPlacing(raw) && nowhereOf(raw, 1) > nowhereOf(raw, 0) ? "place" : "act";
}

function whichOne(config: TabletopConfig, raw: RawBelief, instruction: string): Intent {
  const { about, candidates } = mostDivided(config, raw, isPlacing(raw));
  const phrase = phraseOf(config, raw, about, instruction);
  const question = phrase === undefined ? "Which one do you mean?" : `Which ${phrase} do you mean?`;
  return { kind: "ask", question, candidates, about };
}

/** Said before the noun in this order, whatever the order in which attributes are told apart. */
const SPOKEN_ORDER = ["size", "colour", "kind"];

/** What was understood, in the policy's own words; where that is nothing or nothing known here, the words that were typed. */
function phraseOf(
  config: TabletopConfig,
  raw: RawBelief,
  channel: (typeof CHANNELS)[number],
  instruction: string,
): string | undefined {
  let start = CHANNELS.indexOf(channel) * askedWidth(config);
  const words = new Map<string, string>();
  for (const { name, values } of config.attributes) {
    const shares = raw.asked.subarray(start, start + values.length + 2);
    start += shares.length;
    const most = indexOfLargest(shares);
    if (most === values.length + STRANGE) return nounPhrases(instruction)[channel];
    if (most !== values.length + UNSAID) words.set(name, values[most] as string);
  }
  if (words.size === 0) return nounPhrases(instruction)[channel];
  const spoken = SPOKEN_ORDER.flatMap((name) => words.get(name) ?? []);
  return (words.has("kind") ? spoken : [...spoken, "thing"]).join(" ");
}

function missingReason(phrase: string | undefined): string {
  return phrase === undefined ? "I do not see what that speaks of." : `I see no ${phrase} here.`;
}

function misuseReason(phrase: string | undefined): string {
  return phrase === undefined ? "I cannot do that with what is here." : `I cannot do that with the ${phrase}.`;
}

export function nowhereOf(raw: RawBelief, channel: number): number {
  const width = raw.pointing.length / CHANNELS.length;
  return raw.pointing[(channel + 1) * width - 1] as number;
}

/** The channel whose pointer is more divided among things, with those things. */
function mostDivided(
  config: TabletopConfig,
  raw: RawBelief,
  placing: boolean,
): { about: (typeof CHANNELS)[number]; candidates: Candidate[] } {
  const act = candidatesOf(config, raw, 0);
  const place = placing ? candidatesOf(config, raw, 1) : [];
  const largest = (list: readonly Candidate[]): number => Math.max(0, ...list.map(({ mass }) => mass));
  return place.length > 1 && largest(place) < largest(act)
    ? { about: "place", candidates: place }
    : { about: "act", candidates: act };
}

/** Things that a channel points at: patches gathered by where they say the thing's centre is. */
export function candidatesOf(config: TabletopConfig, raw: RawBelief, channel: number): Candidate[] {
  const width = raw.pointing.length / CHANNELS.length;
  const patches = config.cameras.reduce((sum, { grid }) => sum + patchCount(grid), 0);
  const left = raw.pointing.slice(channel * width, channel * width + patches);
  const guess = (patch: number, axis: number): number => raw.guesses[patch * 3 + axis] as number;
  const found: Candidate[] = [];
  for (;;) {
    const top = indexOfLargest(left);
    if (!((left[top] as number) > 0.01) || found.length === 5) break;
    const sums = [0, 0, 0];
    let mass = 0;
    const centre = [guess(top, 0), guess(top, 1)] as const;
    for (let patch = 0; patch < patches; patch++) {
      const share = left[patch] as number;
      if (share === 0 || Math.hypot(guess(patch, 0) - centre[0], guess(patch, 1) - centre[1]) > SAME_THING_M) continue;
      for (let axis = 0; axis < 3; axis++) sums[axis] = (sums[axis] as number) + share * guess(patch, axis);
      mass += share;
      left[patch] = 0;
    }
    if (mass < CANDIDATE_MASS) continue;
    found.push({ at: [(sums[0] as number) / mass, (sums[1] as number) / mass, (sums[2] as number) / mass], mass });
  }
  return found;
}

function pointingOf(config: TabletopConfig, raw: RawBelief, channel: "act" | "place", index: number): Pointing {
  const width = raw.pointing.length / CHANNELS.length;
  const nowhere = nowhereOf(raw, index);
  const at = raw.coordinates.subarray(index * 3, index * 3 + 3);
  const heat: Record<string, { rows: number; cols: number; values: Float32Array }> = {};
  let start = index * width;
  for (const { name, grid } of config.cameras) {
    const count = patchCount(grid);
    heat[name] = {
      rows: grid.height / grid.stride,
      cols: grid.width / grid.stride,
      values: raw.pointing.slice(start, start + count),
    };
    start += count;
  }
  const place = [at[0] as number, at[1] as number, at[2] as number] as const;
  return { channel, at: nowhere > 0.5 ? null : place, nowhere, heat };
}

/** The most probable word, or two where they share the mass ("red block"). */
function answerOf(config: TabletopConfig, raw: RawBelief): string | null {
  const order = [...raw.answer.keys()].sort((a, b) => (raw.answer[b] as number) - (raw.answer[a] as number));
  const chosen = order.slice(0, 2).filter((index) => (raw.answer[index] as number) > 0.3);
  if (chosen.length === 0) return null;
  return chosen
    .sort((a, b) => a - b)
    .map((index) => config.answers[index])
    .join(" ");
}

function indexOfLargest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}
