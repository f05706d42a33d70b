/**
 * Questions about a scene with their answers: where a thing is (points), whether something is so (yes or no), and words
 * from a closed vocabulary. They train and test what the policy sees; they steer nothing.
 */
import type { Rng } from "@bidden/runtime";
import { COLOURS, type Colour, KINDS, type Kind, type ObjectState, type Scene, type SceneObject } from "../types.ts";
import { describe, isDescribable, refer, simpleReferences } from "./describe.ts";
import { type Meaning, meaning } from "./meaning.ts";
import { partsOf } from "./parts.ts";
import { type Relation, resolve, resolveClearly } from "./reference.ts";
import { renderReference } from "./render-reference.ts";
import { roughen } from "./roughen.ts";
import { sceneNow } from "./scene-now.ts";
import { COLOUR_SAYINGS, KIND_SAYINGS, type Split, sayPlural, sayWord } from "./words.ts";

const NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"];

/** All that a `words` question is answered with. */
export const ANSWERS: readonly string[] = [...COLOURS, ...KINDS, ...NUMBERS, "nothing"];

export type Answer =
  /** The things asked for; none: there is no such thing. */
  | { readonly kind: "point"; readonly ids: readonly string[] }
  | { readonly kind: "yes-no"; readonly yes: boolean }
  /** One or more of `ANSWERS`, such as "red block". */
  | { readonly kind: "words"; readonly words: string };

export type Question = {
  readonly text: string;
  readonly answer: Answer;
  readonly template: string;
  /** What the words say of the thing that is pointed at; null where none is. */
  readonly about: Meaning | null;
};

export type QuestionOptions = {
  readonly split?: Split;
  /** Where things are now, where that is no longer where they started. */
  readonly states?: readonly ObjectState[];
  /** How far the drawer stands open now, metres. */
  readonly drawerM?: number;
};

type Draft = {
  readonly frames: readonly string[];
  readonly slots: Readonly<Record<string, string>>;
  readonly answer: Answer;
  readonly about?: Meaning;
};
type Asker = (scene: Scene, rng: Rng, split: Split) => Draft | null;

/** Weighted by repetition: pointing teaches most. */
const ASKERS: readonly (readonly [string, Asker])[] = [
  ["where", askWhere],
  ["where", askWhere],
  ["where", askWhere],
  ["where-none", askWhereNone],
  ["drawer", askDrawer],
  ["exists", askExists],
  ["on", askOn],
  ["relation", askRelation],
  ["what-side", askWhatSide],
  ["colour", askColour],
  ["count", askCount],
  ["size", askSize],
];

export function askQuestion(scene: Scene, rng: Rng, options: QuestionOptions = {}): Question {
  const { split = "any", states, drawerM = scene.drawerStartM } = options;
  const now: Scene = { ...(states ? sceneNow(scene, states) : scene), drawerStartM: drawerM };
  for (;;) {
    const [name, ask] = rng.pick(ASKERS);
    // Some questions make no sense in some scenes; "is there a ...?" and counting always do, so this ends.
    const draft = ask(now, rng, split);
    if (draft === null) continue;
    const frame = rng.pick(partsOf(draft.frames, split));
    const text = frame.replace(/\{(\w+)\}/g, (_, slot: string) => draft.slots[slot] ?? "");
    const template = `ask-${name}/${draft.frames.indexOf(frame) + 1}`;
    return { text: roughen(text, rng, 0.04), answer: draft.answer, template, about: draft.about ?? null };
  }
}

const WHERE = [
  "where is {o}?",
  "where's {o}?",
  "can you see {o}?",
  "say where {o} is",
  "where can I find {o}?",
  "in which place is {o}?",
  "tell me where {o} is",
  "do you know where {o} is?",
  "which one is {o}?",
  "where do you see {o}?",
];

function askWhere(scene: Scene, rng: Rng, split: Split): Draft | null {
  const objects = scene.objects.filter((one) => isDescribable(scene, one.id));
  if (objects.length === 0) return null;
  const object = rng.pick(objects);
  const phrase = refer(scene, object.id, rng, { split });
  return {
    frames: WHERE.filter((frame) => !frame.startsWith("can you")),
    slots: { o: phrase.text },
    answer: { kind: "point", ids: [object.id] },
    about: phrase.meaning,
  };
}

function askWhereNone(scene: Scene, rng: Rng, split: Split): Draft | null {
  const pair = absentPair(scene, rng);
  if (pair === null) return null;
  return {
    frames: WHERE.filter((frame) => !frame.startsWith("can you")),
    slots: { o: `the ${sayPair(pair, rng, split)}` },
    answer: { kind: "point", ids: [] },
    about: meaning(pair),
  };
}

function askDrawer(scene: Scene, rng: Rng, split: Split): Draft | null {
  const drawer = scene.objects.find((one) => one.kind === "drawer");
  // Between a crack and half open nobody should be asked.
  if (!drawer || (scene.drawerStartM > 0.015 && scene.drawerStartM < 0.05)) return null;
  const open = scene.drawerStartM >= 0.05;
  const asksOpen = rng.uniform() < 0.6;
  const word = asksOpen ? rng.pick(["open", "open", "opened"]) : rng.pick(["closed", "shut"]);
  return {
    frames: [
      "is {o} {w}?",
      "is {o} {w} now?",
      "do you see whether {o} is {w}?",
      "is it true that {o} is {w}?",
      "has {o} been left {w}?",
    ],
    slots: { o: describe(scene, drawer.id, rng, { split }), w: word },
    answer: { kind: "yes-no", yes: open === asksOpen },
  };
}

function askExists(scene: Scene, rng: Rng, split: Split): Draft | null {
  const there = rng.uniform() < 0.5;
  const absent = absentPair(scene, rng);
  if (!there && absent === null) return null;
  const object = rng.pick(scene.objects);
  const pair = there || absent === null ? object : absent;
  const words = sayPair(pair, rng, split);
  return {
    frames: [
      "is there {a}?",
      "do you see {a}?",
      "can you see {a}?",
      "is there {a} on the table?",
      "does the table have {a}?",
    ],
    slots: { a: `${/^[aeiou]/.test(words) ? "an" : "a"} ${words}` },
    answer: { kind: "yes-no", yes: there },
  };
}

function askOn(scene: Scene, rng: Rng, split: Split): Draft | null {
  const bases = scene.objects.filter(
    (one) => ["plate", "bowl", "square", "block"].includes(one.kind) && named(scene, one),
  );
  if (bases.length === 0) return null;
  const base = rng.pick(bases);
  const tops = scene.objects.filter((one) => one.id !== base.id && named(scene, one) && one.kind !== "drawer");
  if (tops.length === 0) return null;
  const riders = resolve(scene, { kind: null, relation: { name: "on", to: { kind: base.kind, colour: base.colour } } });
  const resting = tops.filter((one) => riders.clear.some((rider) => rider.id === one.id));
  const top = resting.length > 0 && rng.uniform() < 0.6 ? rng.pick(resting) : rng.pick(tops);
  const [o, t] = [
    describe(scene, top.id, rng, { split, avoid: [base.id] }),
    describe(scene, base.id, rng, { split, avoid: [top.id] }),
  ];
  const preposition = base.kind === "bowl" ? "in" : "on";
  return {
    frames: [
      "is {o} {p} {t}?",
      "is {o} lying {p} {t}?",
      "is it true that {o} is {p} {t}?",
      "can you see {o} {p} {t}?",
      "has {o} been put {p} {t}?",
    ],
    slots: { o, t, p: preposition },
    answer: { kind: "yes-no", yes: resting.includes(top) },
  };
}

const SIDES: readonly (readonly [Relation, string, Relation])[] = [
  ["left", "left of", "right"],
  ["right", "right of", "left"],
  ["behind", "behind", "front"],
  ["front", "in front of", "behind"],
];

function askRelation(scene: Scene, rng: Rng, split: Split): Draft | null {
  const pair = twoNamed(scene, rng);
  if (!pair) return null;
  const [a, b] = pair;
  const [name, words, opposite] = rng.pick(SIDES);
  const holds = (relation: Relation): boolean =>
    resolve(scene, { kind: null, relation: { name: relation, to: { kind: b.kind, colour: b.colour } } }).clear.includes(
      a,
    );
  const yes = holds(name);
  if (!yes && !holds(opposite)) return null;
  return {
    frames: [
      "is {o} {r} {t}?",
      "does {o} stand {r} {t}?",
      "is it true that {o} is {r} {t}?",
      "would you say that {o} is {r} {t}?",
      "do you see {o} {r} {t}?",
    ],
    slots: { o: sayNamed(scene, a, rng, split), t: sayNamed(scene, b, rng, split), r: words },
    answer: { kind: "yes-no", yes },
  };
}

/** *What is left of the bowl?* where at most one thing is, with nothing in doubt. */
function askWhatSide(scene: Scene, rng: Rng, split: Split): Draft | null {
  const anchors = scene.objects.filter((one) => named(scene, one));
  if (anchors.length === 0) return null;
  const anchor = rng.pick(anchors);
  const [name, words] = rng.pick([...SIDES, ["near", "next to", "far"] as const]);
  const { clear, possible } = resolve(scene, {
    kind: null,
    relation: { name, to: { kind: anchor.kind, colour: anchor.colour } },
  });
  if (possible.length > 1 || clear.length !== possible.length) return null;
  const found = clear[0];
  return {
    frames: [
      "what is {r} {t}?",
      "what's {r} {t}?",
      "which thing is {r} {t}?",
      "what stands {r} {t}?",
      "tell me what is {r} {t}",
    ],
    slots: { t: sayNamed(scene, anchor, rng, split), r: words },
    answer: { kind: "words", words: found ? `${found.colour} ${found.kind}` : "nothing" },
  };
}

function askColour(scene: Scene, rng: Rng, split: Split): Draft | null {
  const single = scene.objects.filter((one) => resolveClearly(scene, { kind: one.kind }));
  if (single.length === 0) return null;
  const object = rng.pick(single);
  return {
    frames: [
      "what colour is {o}?",
      "what color is {o}?",
      "which colour does {o} have?",
      "what is the colour of {o}?",
      "tell me the colour of {o}",
    ],
    slots: { o: renderReference({ kind: object.kind }, rng, split, false) },
    answer: { kind: "words", words: object.colour },
  };
}

function askCount(scene: Scene, rng: Rng, split: Split): Draft | null {
  const present = [...new Set(scene.objects.map((one) => one.kind))];
  const kind = rng.uniform() < 0.85 ? rng.pick(present) : rng.pick(KINDS);
  const colour = rng.uniform() < 0.25 ? rng.pick(COLOURS) : null;
  const count = scene.objects.filter((one) => one.kind === kind && (colour === null || one.colour === colour)).length;
  const noun = sayPlural(KIND_SAYINGS[kind], rng, split);
  return {
    frames: [
      "how many {n} are there?",
      "how many {n} do you see?",
      "how many {n} are on the table?",
      "count the {n}",
      "what is the number of {n}?",
    ],
    slots: { n: colour ? `${sayWord(COLOUR_SAYINGS[colour], rng, split)} ${noun}` : noun },
    answer: { kind: "words", words: NUMBERS[count] ?? "eight" },
  };
}

function askSize(scene: Scene, rng: Rng, split: Split): Draft | null {
  const pair = twoNamed(scene, rng);
  if (!pair) return null;
  const [a] = pair;
  // Sizes tell only among things of one kind.
  const rivals = scene.objects.filter((one) => one.kind === a.kind && one.size !== a.size);
  if (rivals.length === 0) return null;
  const asked = rng.pick(["small", "large", "big"]);
  return {
    frames: [
      "is {o} {s}?",
      "is {o} a {s} one?",
      "would you call {o} {s}?",
      "is it true that {o} is {s}?",
      "do you think {o} is {s}?",
    ],
    slots: { o: renderReference({ kind: a.kind, colour: a.colour }, rng, split, false), s: asked },
    answer: { kind: "yes-no", yes: (asked === "small") === (a.size === "small") },
  };
}

/** Told by colour and kind alone. */
function named(scene: Scene, object: SceneObject): boolean {
  return resolveClearly(scene, { kind: object.kind, colour: object.colour }) !== null;
}

function sayNamed(scene: Scene, object: SceneObject, rng: Rng, split: Split): string {
  const choices = simpleReferences(scene, object).filter(({ reference }) => reference.kind !== null);
  return renderReference(rng.pick(choices).reference, rng, split, false);
}

function twoNamed(scene: Scene, rng: Rng): readonly [SceneObject, SceneObject] | null {
  const objects = scene.objects.filter((one) => named(scene, one));
  if (objects.length < 2) return null;
  const a = rng.pick(objects);
  return [a, rng.pick(objects.filter((one) => one.id !== a.id))];
}

type Pair = { readonly kind: Kind; readonly colour: Colour };

/** A colour and a kind that are not there together; mostly both are there apart. */
function absentPair(scene: Scene, rng: Rng): Pair | null {
  const near = rng.uniform() < 0.7;
  const kinds = near ? [...new Set(scene.objects.map((one) => one.kind))] : [...KINDS];
  const colours = near ? [...new Set(scene.objects.map((one) => one.colour))] : [...COLOURS];
  const absent = kinds.flatMap((kind) =>
    colours
      .filter((colour) => !scene.objects.some((o) => o.kind === kind && o.colour === colour))
      .map((colour) => ({ kind, colour })),
  );
  return absent.length > 0 ? rng.pick(absent) : null;
}

function sayPair({ kind, colour }: Pair, rng: Rng, split: Split): string {
  return `${sayWord(COLOUR_SAYINGS[colour], rng, split)} ${sayWord(KIND_SAYINGS[kind], rng, split)}`;
}
