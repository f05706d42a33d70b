/** Instructions that could mean several things: *pick up the block*, with three. */
import type { Rng } from "@bidden/runtime";
import { COLOURS, KINDS, type Kind, type Scene, type SceneObject, SIZES, type Skill } from "../../types.ts";
import { isDescribable, refer } from "../describe.ts";
import { meaning, meaningOf, type Phrase } from "../meaning.ts";
import { type Reference, resolve } from "../reference.ts";
import { renderReference } from "../render-reference.ts";
import { hasPlace, PLACES, ROLES } from "../roles.ts";
import { dress, fillFrame, templatesOf } from "../say-task.ts";
import type { Split } from "../words.ts";
import type { Role, Unclear } from "./say-unclear.ts";

type Doubt = { readonly reference: Reference | "it"; readonly candidates: readonly SceneObject[] };

const SKILLS: readonly Skill[] = ["pick", "pick", "put", "put", "push", "stack", "point"];

export function sayAmbiguous(scene: Scene, rng: Rng, split: Split): (Unclear & { kind: "ambiguous" }) | null {
  // A few draws find a skill and a role with something to doubt, where the scene has any.
  for (let tries = 0; tries < 24; tries++) {
    const skill = rng.pick(SKILLS);
    const role: Role = hasPlace(skill) && rng.uniform() < 0.4 ? "place" : "act";
    const doubts = doubtsOf(scene, skill, role);
    const partners = scene.objects.filter((one) => partnerKinds(skill, role).includes(one.kind));
    if (doubts.length === 0 || (hasPlace(skill) && partners.length === 0)) continue;
    const doubt = pickDoubt(doubts, rng);
    const candidates = doubt.candidates.map((object) => object.id);
    const partner = hasPlace(skill) ? clearPartner(scene, partners, candidates, rng) : null;
    if (hasPlace(skill) && partner === null) continue;

    const template = rng.pick(templatesOf(skill, split));
    const doubtful = (bare: boolean): Phrase => sayDoubt(doubt, bare, rng, split);
    const clear = (bare: boolean): Phrase =>
      partner === null ? NOBODY : refer(scene, partner.id, rng, { split, bare, avoid: candidates });
    const targetKind = role === "place" ? doubt.candidates[0]?.kind : partner?.kind;
    const [act, place] = role === "act" ? [doubtful, clear] : [clear, doubtful];
    const { text, meanings } = fillFrame(template.frame, { act, place, ...(targetKind ? { targetKind } : {}) }, rng);
    const dressed = dress(text, template, rng, { split, typos: 0.04, asides: 0.04 });
    const ids = { candidates, partner: partner?.id ?? null };
    return { kind: "ambiguous", text: dressed, part: template.id, role, meanings, ...ids };
  }
  return null;
}

const NOBODY: Phrase = { text: "", meaning: meaning({}) };

function sayDoubt({ reference }: Doubt, bare: boolean, rng: Rng, split: Split): Phrase {
  if (reference === "it") return { text: "it", meaning: meaning({}) };
  return { text: renderReference(reference, rng, split, bare), meaning: meaningOf(reference) };
}

function partnerKinds(skill: Skill, role: Role): readonly Kind[] {
  return role === "act" ? ROLES[skill].place : ROLES[skill].act;
}

function clearPartner(
  scene: Scene,
  partners: readonly SceneObject[],
  candidates: readonly string[],
  rng: Rng,
): SceneObject | null {
  const free = partners.filter((one) => isDescribable(scene, one.id) && !candidates.includes(one.id));
  return free.length > 0 ? rng.pick(free) : null;
}

/** Phrases that fit at least two of the things the skill can use in that role. */
function doubtsOf(scene: Scene, skill: Skill, role: Role): Doubt[] {
  // Whether something is put or stacked is decided by what it is put on: all of that could be meant.
  const kinds = role === "place" && skill !== "push" ? PLACES : ROLES[skill][role];
  const phrases: Reference[] = [{ kind: null }];
  for (const colour of COLOURS) phrases.push({ kind: null, colour });
  for (const kind of KINDS) {
    phrases.push({ kind }, ...COLOURS.map((colour) => ({ kind, colour })), ...SIZES.map((size) => ({ kind, size })));
    // A colour and a size that still leave two.
    for (const colour of COLOURS) for (const size of SIZES) phrases.push({ kind, colour, size });
  }
  const doubts: Doubt[] = [];
  for (const reference of phrases) {
    const candidates = resolve(scene, reference).clear.filter((object) => kinds.includes(object.kind));
    if (candidates.length < 2) continue;
    // One preposition must suit all of them: not "in" for a bowl and a plate.
    const kindsMeant = new Set(candidates.map((object) => object.kind));
    if (role === "place" && (kindsMeant.size > 1 || !ROLES[skill].place.some((kind) => kindsMeant.has(kind)))) continue;
    doubts.push({ reference, candidates });
    if (reference.kind === null && !reference.colour && role === "act") doubts.push({ reference: "it", candidates });
  }
  return doubts;
}

/** Kind alone is what people leave it at; colour and size narrow it down and still do not decide. */
function pickDoubt(doubts: readonly Doubt[], rng: Rng): Doubt {
  const byKind = doubts.filter(({ reference }) => reference !== "it" && reference.kind !== null);
  return byKind.length > 0 && rng.uniform() < 0.75 ? rng.pick(byKind) : rng.pick(doubts);
}
