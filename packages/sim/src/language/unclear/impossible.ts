/** Instructions about what is not there, or that no skill can do with what is there. */
import { COLOUR_OF, type Rng, STRANGE_COLOURS, STRANGE_THINGS } from "@bidden/runtime";
import { COLOURS, type Colour, type Kind, type Scene, SIZES, type Size, type Skill } from "../../types.ts";
import { isDescribable, refer } from "../describe.ts";
import { type Meaning, meaning, type Phrase } from "../meaning.ts";
import { partsOf } from "../parts.ts";
import { hasPlace, ROLES } from "../roles.ts";
import { dress, fillFrame, templatesOf } from "../say-task.ts";
import { COLOUR_SAYINGS, KIND_SAYINGS, SIZE_SAYINGS, type Split, sayWord } from "../words.ts";
import type { Role, Unclear } from "./say-unclear.ts";

/** Furniture that is in the room, or on the person, and no object of the table. */
const FIXTURES = ["table", "robot", "camera", "cloth", "wall", "gripper", "arm", "lamp", "ceiling", "shadow"];

const SKILLS: readonly Skill[] = ["pick", "pick", "put", "put", "put", "push", "push", "stack", "point", "point"];

type Fault = {
  readonly phrase: (bare: boolean) => Phrase;
  readonly missing: string;
  readonly kind?: Kind;
  readonly object?: string;
};

export function sayImpossible(scene: Scene, rng: Rng, split: Split): Unclear & { kind: "impossible" } {
  for (let tries = 0; tries < 40; tries++) {
    const skill: Skill = rng.uniform() < 0.06 ? rng.pick(["open-drawer", "close-drawer"]) : rng.pick(SKILLS);
    const role: Role = hasPlace(skill) && rng.uniform() < 0.45 ? "place" : "act";
    const fault = faultFor(scene, skill, role, rng, split);
    if (fault === null) continue;
    const made = compose(scene, skill, role, fault, rng, split);
    if (made) return made;
  }
  // Nothing that is there can be spoilt: name something that never is.
  const fault = strangeThing(rng, split);
  const made = compose(scene, "pick", "act", fault, rng, split);
  return made as Unclear & { kind: "impossible" };
}

function compose(
  scene: Scene,
  skill: Skill,
  role: Role,
  fault: Fault,
  rng: Rng,
  split: Split,
): (Unclear & { kind: "impossible" }) | null {
  const partnerKinds = role === "act" ? ROLES[skill].place : ROLES[skill].act;
  const partners = scene.objects.filter((one) => partnerKinds.includes(one.kind) && isDescribable(scene, one.id));
  if (hasPlace(skill) && partners.length === 0) return null;
  const partner = hasPlace(skill) ? rng.pick(partners) : null;
  const template = rng.pick(templatesOf(skill, split));
  const clear = (bare: boolean): Phrase | null => (partner ? refer(scene, partner.id, rng, { split, bare }) : null);
  const act = role === "act" ? fault.phrase : (bare: boolean): Phrase => clear(bare) ?? fault.phrase(bare);
  const place = role === "act" ? clear : fault.phrase;
  const targetKind = role === "place" ? fault.kind : partner?.kind;
  const { text, meanings } = fillFrame(template.frame, { act, place, ...(targetKind ? { targetKind } : {}) }, rng);
  const dressed = dress(text, template, rng, { split, typos: 0.03, asides: 0.04 });
  const why = fault.object === undefined ? "absent" : "misuse";
  const ids = { object: fault.object ?? null, partner: partner?.id ?? null };
  return { kind: "impossible", text: dressed, part: template.id, role, missing: fault.missing, why, meanings, ...ids };
}

/** Mostly near misses, where colour and thing both are there but not together: those must be seen, not read. */
function faultFor(scene: Scene, skill: Skill, role: Role, rng: Rng, split: Split): Fault | null {
  const form = rng.uniform();
  if (form < 0.5) return wrongColour(scene, skill, role, rng, split);
  if (form < 0.6) return absentKind(scene, skill, role, rng, split);
  if (form < 0.68) return wrongSize(scene, skill, role, rng, split);
  if (form < 0.78) return strangeColour(skill, role, rng, split);
  if (form < 0.9) return role === "place" && rng.uniform() < 0.5 ? null : strangeThing(rng, split);
  return wrongKind(scene, skill, role, rng, split);
}

function fault(words: readonly string[], said: Partial<Meaning>, kind?: Kind): Fault {
  const missing = words.filter((word) => word !== "").join(" ");
  const phrase = (bare: boolean): Phrase => ({ text: bare ? missing : `the ${missing}`, meaning: meaning(said) });
  return { phrase, missing, ...(kind ? { kind } : {}) };
}

function wrongColour(scene: Scene, skill: Skill, role: Role, rng: Rng, split: Split): Fault | null {
  const kinds = ROLES[skill][role].filter((kind) => scene.objects.some((one) => one.kind === kind));
  if (kinds.length === 0) return null;
  const kind = rng.pick(kinds);
  const taken = new Set(scene.objects.filter((one) => one.kind === kind).map((one) => one.colour));
  const free = COLOURS.filter((colour) => !taken.has(colour));
  // A colour that something else in the scene has is the harder one.
  const elsewhere = free.filter((colour) => scene.objects.some((one) => one.colour === colour));
  const from = elsewhere.length > 0 && rng.uniform() < 0.6 ? elsewhere : free;
  return from.length > 0 ? said(kind, rng.pick(from), rng.uniform() < 0.15 ? rng.pick(SIZES) : null, rng, split) : null;
}

function absentKind(scene: Scene, skill: Skill, role: Role, rng: Rng, split: Split): Fault | null {
  const kinds = ROLES[skill][role].filter((kind) => !scene.objects.some((one) => one.kind === kind));
  if (kinds.length === 0) return null;
  return said(rng.pick(kinds), rng.uniform() < 0.6 ? rng.pick(COLOURS) : null, null, rng, split);
}

/** *The large red ball*, where the red ball is small. Only where the other size of that kind is there to compare with. */
function wrongSize(scene: Scene, skill: Skill, role: Role, rng: Rng, split: Split): Fault | null {
  const usable = scene.objects.filter((one) => ROLES[skill][role].includes(one.kind));
  const misses = usable.flatMap(({ kind, colour }) =>
    SIZES.filter((size) => !usable.some((o) => o.kind === kind && o.colour === colour && o.size === size))
      .filter((size) => usable.some((other) => other.kind === kind && other.size === size))
      .map((size) => ({ kind, colour, size })),
  );
  if (misses.length === 0) return null;
  const { kind, colour, size } = rng.pick(misses);
  return said(kind, colour, size, rng, split);
}

function strangeColour(skill: Skill, role: Role, rng: Rng, split: Split): Fault {
  const kind = rng.pick(ROLES[skill][role]);
  const colours = partsOf(STRANGE_COLOURS, split).filter((colour) => !COLOUR_OF.has(colour));
  const words = [rng.pick(colours), sayWord(KIND_SAYINGS[kind], rng, split)];
  return fault(words, { kind, colour: "strange" }, kind);
}

function strangeThing(rng: Rng, split: Split): Fault {
  const colour = rng.uniform() < 0.4 ? rng.pick(COLOURS) : null;
  const word = colour === null ? "" : sayWord(COLOUR_SAYINGS[colour], rng, split);
  const thing = rng.uniform() < 0.85 ? rng.pick(partsOf(STRANGE_THINGS, split)) : rng.pick(partsOf(FIXTURES, split));
  return fault([word, thing], { kind: "strange", colour });
}

/** A thing that is there but that the skill cannot use so: *pick up the bowl*, *stack the ball on the block*. */
function wrongKind(scene: Scene, skill: Skill, role: Role, rng: Rng, split: Split): Fault | null {
  const wrong = scene.objects.filter((one) => isMisuse(skill, role, one.kind) && isDescribable(scene, one.id));
  if (wrong.length === 0) return null;
  const object = rng.pick(wrong);
  const phrase = refer(scene, object.id, rng, { split });
  return { phrase: () => phrase, missing: phrase.text.replace(/^the /, ""), kind: object.kind, object: object.id };
}

/** What nobody would call possible; pushing a bowl is merely unusual and stays out of it. */
function isMisuse(skill: Skill, role: Role, kind: Kind): boolean {
  if (ROLES[skill][role].includes(kind)) return false;
  if (role === "act") return skill !== "push" || kind === "square" || kind === "drawer";
  return skill === "put" ? kind === "ball" || kind === "drawer" : skill === "stack" && kind === "ball";
}

function said(kind: Kind, colour: Colour | null, size: Size | null, rng: Rng, split: Split): Fault {
  const words = [
    size ? sayWord(SIZE_SAYINGS[size], rng, split) : "",
    colour ? sayWord(COLOUR_SAYINGS[colour], rng, split) : "",
    sayWord(KIND_SAYINGS[kind], rng, split),
  ];
  return fault(words, { kind, colour, size }, kind);
}
