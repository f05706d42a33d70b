/** Sentence patterns: every template's frame, and many more than are ever said by the generator. */
import { TEMPLATES } from "../templates.ts";
import { coreOf } from "./normalise.ts";
import { wordsOf } from "@bidden/runtime";

/** What a pattern asks for; which skill it is may still depend on where the thing goes (*put … on* a block stacks). */
export type Deed = "pick" | "put" | "push" | "open" | "close" | "point";

type Piece = { readonly word: string } | { readonly slot: "o" | "t" } | { readonly preposition: true };

export type Pattern = { readonly deed: Deed; readonly pieces: readonly Piece[]; readonly literals: number };

const PREPOSITIONS: readonly (readonly string[])[] = (
  "in|into|inside|inside of|in to|within|on|onto|on to|on top of|atop|upon|to|over to|over on|at|towards|across to|" +
  "down on|down in|down into|down onto|up on|up onto|over onto|over into"
)
  .split("|")
  .map((phrase) => phrase.split(" "))
  .sort((a, b) => b.length - a.length);

const GRASPS =
  "pick,grab,take,lift,get,grasp,raise,hoist,fetch,snatch,collect,scoop,seize,hold,elevate,retrieve,clutch,grip,catch,gather,bring".split(
    ",",
  );
const PUTS = (
  "put,place,set,lay,drop,park,deposit,pop,leave,stick,position,rest,move,bring,carry,transfer,transport,relocate,dump,stow," +
  "insert,stack,pile,balance,perch,heap,get,pick,take,grab,lift,shift,store,sort,plop,release,plonk,slip,tuck,dunk,deliver,add"
).split(",");
const PUSHES = "push,shove,slide,nudge,scoot,shift,drag,sweep,herd,roll,pull,scooch,slip,guide,steer".split(",");
const OPENS = "open,pull,slide,draw,tug,yank,get,push".split(",");
const CLOSES = "close,shut,push,slide,ease,press,shove,seal,get,slam,pull,move".split(",");

/** Beyond the templates; `@` stands for any preposition. */
function extras(): (readonly [Deed, string])[] {
  const list: [Deed, string][] = [];
  const add = (deed: Deed, ...frames: string[]): void => {
    for (const frame of frames) list.push([deed, frame]);
  };
  for (const verb of GRASPS) {
    add("pick", `${verb} {o}`, `${verb} up {o}`, `${verb} {o} up`, `${verb} hold of {o}`, `${verb} me {o}`);
    add("pick", `${verb} {o} off the table`, `${verb} {o} from the table`, `${verb} {o} up off the table`);
    add(
      "pick",
      `${verb} {o} up from the table`,
      `${verb} {o} and hold it`,
      `${verb} {o} into the air`,
      `{o} ${verb} it`,
    );
    add("pick", `${verb} up {o} from the table`, `${verb} {o} with the gripper`, `${verb} {o} with your gripper`);
    add(
      "pick",
      `{o} ${verb} it up`,
      `${verb} {o} and lift it`,
      `${verb} {o} and lift it up`,
      `${verb} {o} and raise it`,
    );
    for (const put of ["put", "place", "set", "drop", "lay", "stack", "leave", "move", "park", "bring", "push"]) {
      const deed = put === "push" ? "push" : "put";
      for (const and of ["and", "then", "and then"]) {
        add(
          deed,
          `${verb} {o} ${and} ${put} it @ {t}`,
          `${verb} up {o} ${and} ${put} it @ {t}`,
          `${verb} {o} up ${and} ${put} it @ {t}`,
        );
      }
    }
  }
  for (const verb of PUTS) {
    add("put", `${verb} {o} @ {t}`, `${verb} {o} down @ {t}`, `@ {t} ${verb} {o}`, `${verb} {o} so that it is @ {t}`);
    add(
      "put",
      `have {o} ${verb} @ {t}`,
      `i want {o} ${verb} @ {t}`,
      `id like {o} ${verb} @ {t}`,
      `i need {o} ${verb} @ {t}`,
    );
  }
  for (const verb of PUSHES) {
    add("push", `${verb} {o} @ {t}`, `${verb} {o} along the table @ {t}`, `${verb} {o} across the table @ {t}`);
    add(
      "push",
      `${verb} {o} over the table @ {t}`,
      `${verb} {o} until it is @ {t}`,
      `${verb} {o} until it reaches {t}`,
    );
    add(
      "push",
      `i want {o} ${verb} @ {t}`,
      `id like {o} ${verb} @ {t}`,
      `i need {o} ${verb} @ {t}`,
      `@ {t} ${verb} {o}`,
    );
  }
  for (const verb of OPENS) add("open", `${verb} {o} open`, `${verb} open {o}`, `${verb} {o} out`, `${verb} out {o}`);
  add(
    "open",
    "open {o}",
    "open {o} up",
    "{o} open",
    "i want {o} open",
    "i want {o} opened",
    "keep {o} open",
    "leave {o} open",
  );
  for (const verb of CLOSES) {
    add("close", `${verb} {o} shut`, `${verb} {o} closed`, `${verb} {o} in`, `${verb} {o} back in`, `${verb} in {o}`);
  }
  add(
    "close",
    "close {o}",
    "shut {o}",
    "seal {o}",
    "{o} shut",
    "i want {o} closed",
    "close {o} up",
    "close {o} completely",
  );
  add("open", "{o} should be opened", "open {o} completely", "open {o} for me", "id like {o} opened");
  for (const verb of ["point", "gesture", "aim", "look", "hover"]) {
    for (const to of ["at", "to", "towards", "toward", "out", "over", "above"]) add("point", `${verb} ${to} {o}`);
  }
  add("point", "show {o}", "show me {o}", "indicate {o}", "identify {o}", "locate {o}", "highlight {o}", "find {o}");
  add(
    "point",
    "point your gripper to {o}",
    "point your arm at {o}",
    "point the gripper at {o}",
    "point with your gripper at {o}",
  );
  add(
    "put",
    "id like to have {o} @ {t}",
    "i want to have {o} @ {t}",
    "{o} has to go @ {t}",
    "{o} must go @ {t}",
    "{o} to be @ {t}",
  );
  add(
    "put",
    "{o} @ {t}",
    "id like to see {o} @ {t}",
    "i would like {o} @ {t}",
    "{o} should go @ {t}",
    "{o} should end up @ {t}",
  );
  add(
    "pick",
    "id like to have {o}",
    "i want {o}",
    "i need {o}",
    "id like {o}",
    "give me {o}",
    "hand me {o}",
    "pass me {o}",
  );
  add("pick", "i would like {o}", "i want {o} up", "i want {o} lift", "i want {o} in the air", "{o} in the air");
  return list;
}

let compiled: readonly Pattern[] | undefined;

/** All patterns, most literal words first. */
export function patterns(): readonly Pattern[] {
  if (compiled) return compiled;
  const deeds = { pick: "pick", put: "put", stack: "put", push: "push", point: "point" } as const;
  const sources: (readonly [Deed, string])[] = TEMPLATES.map(({ skill, frame }) => {
    const deed = skill === "open-drawer" ? "open" : skill === "close-drawer" ? "close" : deeds[skill];
    return [deed, frame] as const;
  });
  const unique = new Map<string, Pattern>();
  for (const [deed, frame] of [...sources, ...extras()]) {
    const pattern = compile(deed, frame);
    const key = `${deed} ${JSON.stringify(pattern.pieces)}`;
    if (!unique.has(key)) unique.set(key, pattern);
  }
  compiled = [...unique.values()].sort((a, b) => b.literals - a.literals);
  return compiled;
}

/** Templates give their preposition as {in}, {into} or literally. Literal ones before a target are widened to any. */
function compile(deed: Deed, frame: string): Pattern {
  const marked = frame
    .replace(/\{-?([ot])\}/g, " qslot$1 ")
    .replace(/\{into?\}|@/g, " qprep ")
    .replace(/\{in\}/g, " qprep ");
  const pieces = coreOf(wordsOf(marked)).map((word): Piece => {
    if (word === "qsloto") return { slot: "o" };
    if (word === "qslott") return { slot: "t" };
    return word === "qprep" ? { preposition: true } : { word };
  });
  return { deed, pieces, literals: pieces.filter((piece) => "word" in piece).length };
}

/** Word ranges, end exclusive, that a pattern's slots cover. */
export type Slots = { o?: readonly [number, number]; t?: readonly [number, number] };

/**
 * All ways a pattern covers the words from end to end, with every slot filled by what `isPhrase` accepts.
 * @param isPhrase whether words[from, to) can fill a slot.
 */
export function matchPattern(
  pattern: Pattern,
  words: readonly string[],
  isPhrase: (from: number, to: number) => boolean,
): Slots[] {
  const found: Slots[] = [];
  const walk = (piece: number, at: number, slots: Slots): void => {
    const next = pattern.pieces[piece];
    if (next === undefined) {
      if (at === words.length) found.push(slots);
      return;
    }
    if ("word" in next) {
      if (words[at] === next.word) walk(piece + 1, at + 1, slots);
    } else if ("preposition" in next) {
      for (const phrase of PREPOSITIONS) {
        if (phrase.every((word, i) => words[at + i] === word)) walk(piece + 1, at + phrase.length, slots);
      }
    } else {
      const last = piece === pattern.pieces.length - 1;
      for (let to = last ? words.length : at + 1; to <= words.length; to++) {
        // A word that must come next prunes nearly all ends.
        const after = pattern.pieces[piece + 1];
        if (after && "word" in after && words[to] !== after.word) continue;
        if (isPhrase(at, to)) walk(piece + 1, to, { ...slots, [next.slot]: [at, to] });
      }
    }
  };
  walk(0, 0, {});
  return found;
}
