/**
 * Which episodes a suite consists of, decided before anything runs: a pure function of the options, so that two policies
 * meet exactly the same scenes and sentences, and any episode can be run again with `bidden run`.
 *
 * Seeds from `FIRST_HELD_OUT_SEED` on belong to evaluation; training stays below `TRAINING_SEEDS_END`.
 */
import { BiddenError, createRng, type Rng } from "@bidden/runtime";
import {
  createScene,
  heldOutWords,
  type Scene,
  type Skill,
  type Split,
  sayTask,
  sayUnclear,
  tasksOf,
  UNCLEAR_KINDS,
  type UnclearKind,
} from "@bidden/sim";
import type { EpisodePlan } from "./episode.ts";
import { wordingsOf } from "./wordings.ts";

/** Scenes with this seed or a greater one are never trained on. */
export const FIRST_HELD_OUT_SEED = 1_000_000;
/** Training draws its scenes from seeds below this (exclusive). */
export const TRAINING_SEEDS_END = 900_000;

export const SKILLS: readonly Skill[] = ["pick", "put", "push", "stack", "open-drawer", "close-drawer", "point"];

/** One in so many instructions is typed with a slip. */
const TYPO_EVERY = 10;
/** Scenes that are tried before a skill counts as impossible; a drawer stands in a fifth of them. */
const MAX_TRIES = 500;

export type PlanOptions = {
  /** Skills with so many episodes each. */
  readonly skills: readonly Skill[];
  readonly episodes: number;
  /** Unclear instructions of each kind. */
  readonly unclear: number;
  readonly unclearKinds?: readonly UnclearKind[];
  /** Which templates are said; held-out ones unless told otherwise. */
  readonly split?: Split;
  /** Another seed gives another suite. */
  readonly seed: number;
};

export function planSuite({
  skills,
  episodes,
  unclear,
  unclearKinds,
  split = "held-out",
  seed,
}: PlanOptions): EpisodePlan[] {
  const ordinary = skills.map((skill) => {
    const rng = createRng(seed).fork(`eval-${skill}`);
    return times(episodes, (i) => planOrdinary(skill, i, rng, split));
  });
  const refused = (unclearKinds ?? UNCLEAR_KINDS).map((kind) => {
    const rng = createRng(seed).fork(`eval-${kind}`);
    return times(unclear, (i) => planUnclear(kind, i, rng, split));
  });
  return interleave([...ordinary, ...refused]);
}

/** One of each group in turn: an evaluation that is ended early has measured something of everything. */
function interleave(groups: readonly (readonly EpisodePlan[])[]): EpisodePlan[] {
  const longest = Math.max(0, ...groups.map(({ length }) => length));
  return times(longest, (i) => groups.flatMap((group) => group[i] ?? [])).flat();
}

function planOrdinary(skill: Skill, index: number, rng: Rng, split: Split): EpisodePlan {
  const typo = index % TYPO_EVERY === TYPO_EVERY - 1;
  return findScene(skill, rng, (scene, seed) => {
    const tasks = tasksOf(scene).filter((task) => task.skill === skill);
    if (tasks.length === 0) return null;
    const task = rng.pick(tasks);
    const { text, template } = sayTask(scene, task, rng, { split, typos: typo ? 1 : 0 });
    const wordings = wordingsOf(text, typo, heldOutWords());
    return { key: `${skill}/${index}`, seed, instruction: text, template, kind: "ordinary", skill, task, wordings };
  });
}

function planUnclear(kind: UnclearKind, index: number, rng: Rng, split: Split): EpisodePlan {
  return findScene(kind, rng, (scene, seed) => {
    const said = sayUnclear(scene, kind, rng, { split });
    if (said === null) return null;
    const candidates = said.kind === "ambiguous" ? said.candidates : [];
    const { text, part } = said;
    return {
      key: `${kind}/${index}`,
      seed,
      instruction: text,
      template: part,
      kind: "unclear",
      unclear: kind,
      candidates,
    };
  });
}

/** Draws held-out scenes until one has what is wanted. */
function findScene(what: string, rng: Rng, plan: (scene: Scene, seed: number) => EpisodePlan | null): EpisodePlan {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const seed = FIRST_HELD_OUT_SEED + rng.below(2 ** 31);
    const found = plan(createScene(seed), seed);
    if (found !== null) return found;
  }
  throw new BiddenError("unsupported", `Expected some scene to offer "${what}", but none of ${MAX_TRIES} did.`, {
    what,
  });
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Checks a list of names such as "pick,put" and says which there are. */
export function parseSkills(names: string): readonly Skill[] {
  return names.split(",").map((name) => {
    const skill = SKILLS.find((candidate) => candidate === name.trim());
    if (skill !== undefined) return skill;
    throw new BiddenError("bad-argument", `Expected skills out of ${SKILLS.join(", ")}, got "${name.trim()}".`, {
      name,
    });
  });
}
