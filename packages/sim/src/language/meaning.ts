/** What the words of a phrase say of the thing that they mean, whether or not such a thing is there. */
import type { Colour, Kind, Size } from "../types.ts";
import type { Extreme, Reference, Relation } from "./reference.ts";

/** How a phrase chooses by place: among its like, by a landmark, or as the one that was not named before. */
export const PLACINGS = [
  "leftmost",
  "rightmost",
  "frontmost",
  "backmost",
  "middle",
  "left",
  "right",
  "behind",
  "front",
  "near",
  "far",
  "on",
  "other",
] as const satisfies readonly (Extreme | Relation | "other")[];
export type Placing = (typeof PLACINGS)[number];

/** Words for what no thing of the table is: *the pink block*, *the banana*. */
export type Strange = "strange";

/** Null: nothing is said of it. */
export type Meaning = {
  readonly kind: Kind | Strange | null;
  readonly colour: Colour | Strange | null;
  readonly notColour: Colour | null;
  readonly size: Size | null;
  readonly placing: Placing | null;
  /** What the placing goes by. */
  readonly landmark: Meaning | null;
};

/** What `act` and `place` of a sentence mean; null where it speaks of no such thing. */
export type Meanings = { readonly act: Meaning | null; readonly place: Meaning | null };

/** A phrase and what it says. */
export type Phrase = { readonly text: string; readonly meaning: Meaning };

const NOTHING_SAID: Meaning = {
  kind: null,
  colour: null,
  notColour: null,
  size: null,
  placing: null,
  landmark: null,
};

/** @param said what is said; nothing is said of the rest */
export function meaning(said: Partial<Meaning>): Meaning {
  return { ...NOTHING_SAID, ...said };
}

export function meaningOf({ kind, colour, notColour, size, extreme, relation, other }: Reference): Meaning {
  return {
    kind,
    colour: colour ?? null,
    notColour: notColour ?? null,
    size: size ?? null,
    placing: extreme ?? relation?.name ?? (other === true ? "other" : null),
    landmark: relation === undefined ? null : meaningOf(relation.to),
  };
}
