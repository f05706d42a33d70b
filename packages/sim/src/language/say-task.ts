/** Puts a task into a sentence: template, phrases for the things, politeness, typing errors, casing. */
import { BiddenError, invariant, type Rng } from "@bidden/runtime";
import type { Kind, Scene, Skill, Task } from "../types.ts";
import { withAside } from "./asides.ts";
import { refer } from "./describe.ts";
import type { Meaning, Meanings, Phrase } from "./meaning.ts";
import { roughen } from "./roughen.ts";
import { targetOf } from "./tasks.ts";
import { TEMPLATES, type Template } from "./templates.ts";
import type { Split } from "./words.ts";

export type SayOptions = {
  /** Which templates; default "any". */
  readonly split?: Split;
  /** Which synonyms for things, colours and sizes; default: those of `split`. */
  readonly words?: Split;
  /** Probability that the sentence has a typing error, 0..1; default 0.06. */
  readonly typos?: number;
  /** Probability of small talk around the instruction (*for my next trick, ...*), 0..1; default 0.07. */
  readonly asides?: number;
  /** How often things are told by their places where other words would do, 0..1; default 0.16. */
  readonly placed?: number;
  /** False: no politeness, casing or punctuation is added; default true. */
  readonly decorate?: boolean;
};

export type Said = { readonly text: string; readonly template: string; readonly meanings: Meanings };

const OPENINGS = ["please", "please", "now", "ok,", "hey robot,", "robot,", "alright,", "hi,", "now please", "just"];
const CLOSINGS = [
  "please",
  "please",
  ", please",
  "for me",
  "now",
  ", thanks",
  ", thank you",
  ", would you?",
  "if you can",
];
/** Frames that already carry their own politeness, or whose order decoration would break. */
const FINISHED =
  /^(\{|could|can|would|i'd|i |kindly|your|let|how|may|in |on |to |you|without|don't|just|make sure)|\?$|:|,/i;

/** One sentence that asks for exactly this task in this scene. */
export function sayTask(scene: Scene, task: Task, rng: Rng, options: SayOptions = {}): Said {
  const { split = "any", words = split, typos = 0.06, asides = 0.07, placed, decorate = true } = options;
  const template = rng.pick(templatesOf(task.skill, split));
  const targetFirst = template.frame.indexOf("t}") < template.frame.indexOf("o}");
  const phrases = phrasesOf(scene, task, rng, { split: words, targetFirst, placed });
  const { text, meanings } = fillFrame(template.frame, phrases, rng);
  const dressed = decorate ? dress(text, template, rng, { split, typos, asides }) : text;
  return { text: dressed, template: template.id, meanings };
}

/** Adds politeness, an aside, typing errors, casing and punctuation to a filled frame. */
export function dress(
  text: string,
  template: Template,
  rng: Rng,
  options: { split: Split; typos: number; asides: number },
): string {
  let dressed = text;
  if (rng.uniform() < options.asides) dressed = withAside(dressed, rng, options.split);
  else if (!FINISHED.test(template.frame)) dressed = politely(dressed, rng);
  return roughen(dressed, rng, options.typos);
}

const sorted = new Map<string, readonly Template[]>();

/** The templates of a skill in a split. There are many, and every sentence asks: each list is made once. */
export function templatesOf(skill: Skill, split: Split): readonly Template[] {
  const key = `${skill} ${split}`;
  let found = sorted.get(key);
  if (found === undefined) {
    found = TEMPLATES.filter(
      (template) => template.skill === skill && (split === "any" || template.heldOut === (split === "held-out")),
    );
    sorted.set(key, found);
  }
  invariant(found.length > 0, `no templates for skill ${skill} in split ${split}`);
  return found;
}

type PhraseOptions = { readonly split: Split; readonly targetFirst: boolean; readonly placed: number | undefined };

function phrasesOf(scene: Scene, task: Task, rng: Rng, { split, targetFirst, placed }: PhraseOptions): Phrases {
  const target = targetOf(task);
  const say = (id: string, bare: boolean, second: boolean): Phrase => {
    const partner = [task.object, target].filter((one): one is string => one !== null && one !== id);
    const often = placed === undefined ? {} : { placed };
    return refer(scene, id, rng, { split, bare, avoid: partner, named: second ? partner : [], ...often });
  };
  const targetKind = scene.objects.find((object) => object.id === target)?.kind;
  if (target !== null && targetKind === undefined) {
    throw new BiddenError("bad-argument", `Expected a task about things in the scene, got target "${target}".`, {
      target,
    });
  }
  return {
    act: (bare) => say(task.object, bare, false),
    place: (bare) => (target === null ? null : say(target, bare, !targetFirst)),
    ...(targetKind ? { targetKind } : {}),
  };
}

/** What goes into a frame's slots; `bare`: without an article. */
export type Phrases = {
  readonly act: (bare: boolean) => Phrase;
  readonly place: (bare: boolean) => Phrase | null;
  readonly targetKind?: Kind;
};

/** The frame with its phrases, and what those say. */
export function fillFrame(
  frame: string,
  phrases: Phrases,
  rng: Rng,
): { readonly text: string; readonly meanings: Meanings } {
  const { act, place, targetKind } = phrases;
  const meanings: { act: Meaning | null; place: Meaning | null } = { act: null, place: null };
  const say = (role: "act" | "place", phrase: Phrase | null): string => {
    meanings[role] = phrase?.meaning ?? null;
    return phrase?.text ?? "";
  };
  const text = frame
    .replace(/\{(-?)o\}/, (_, bare) => say("act", act(bare === "-")))
    .replace(/\{(-?)t\}/, (_, bare) => say("place", place(bare === "-")))
    .replace("{in}", () => rng.pick((targetKind && RESTING[targetKind]) ?? ["on"]))
    .replace("{into}", () => rng.pick((targetKind && MOVING[targetKind]) ?? ["onto"]));
  return { text, meanings };
}

const RESTING: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  drawer: ["in", "into"],
  bowl: ["in", "in", "into", "inside"],
  plate: ["on", "on", "onto", "on top of"],
  square: ["on", "on", "onto"],
};
const MOVING: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  drawer: ["into"],
  bowl: ["into", "in", "inside"],
  plate: ["onto", "on", "on to"],
  square: ["onto", "on", "on to"],
};

/** Adds a word of courtesy at the front or the end of about half of the plain imperatives. */
export function politely(text: string, rng: Rng): string {
  const form = rng.uniform();
  if (form < 0.3) return `${rng.pick(OPENINGS)} ${text}`;
  if (form < 0.5) return `${text} ${rng.pick(CLOSINGS)}`.replace(" ,", ",");
  return text;
}
