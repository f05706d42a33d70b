/**
 * What the generator says for a kind, a colour, a size. The held-out words are never produced by split `train`, so that
 * it can be measured whether a frozen text encoder carries over to words the policy was never trained on.
 */
import { pluralOf, type Rng } from "@bidden/runtime";
import type { Colour, Kind, Size } from "../types.ts";

/** `train`: what may be trained on. `held-out`: templates (and some words) that never are. `any`: both. */
export type Split = "train" | "held-out" | "any";

type Words = { readonly train: readonly string[]; readonly heldOut: readonly string[] };

/** The first word is the plain one and is said most often. */
export const KIND_SAYINGS: Readonly<Record<Kind, Words>> = {
  block: { train: ["block", "cube", "box", "cuboid", "dice", "brick"], heldOut: [] },
  ball: { train: ["ball", "sphere", "globe", "marble"], heldOut: ["orb"] },
  can: { train: ["can", "cylinder", "tin", "tin can", "soda can"], heldOut: ["canister"] },
  bowl: { train: ["bowl", "bin", "basket", "container", "tub", "vessel"], heldOut: ["basin"] },
  plate: { train: ["plate", "dish", "platter"], heldOut: ["saucer"] },
  square: {
    train: ["square", "patch", "mat", "zone", "pad", "tile", "spot", "region", "field", "area"],
    heldOut: ["marker"],
  },
  drawer: { train: ["drawer", "cabinet drawer", "cabinet"], heldOut: ["compartment"] },
};

/** What a colour is called is learned word by word: a text encoder does not tell *lemon* from *lilac*. Two words are held out. */
export const COLOUR_SAYINGS: Readonly<Record<Colour, Words>> = {
  red: { train: ["red", "ruby", "cherry", "vermilion", "reddish", "carmine", "scarlet"], heldOut: ["crimson"] },
  green: { train: ["green", "lime", "jade", "mint", "greenish", "grassy", "emerald"], heldOut: [] },
  blue: { train: ["blue", "navy", "cobalt", "sapphire", "bluish", "cerulean"], heldOut: ["azure"] },
  yellow: { train: ["yellow", "canary", "mustard", "yellowish", "saffron", "sunny", "lemon"], heldOut: [] },
  orange: { train: ["orange", "apricot", "pumpkin", "peach", "orangey", "ginger", "tangerine"], heldOut: [] },
  purple: { train: ["purple", "violet", "lavender", "plum", "mauve", "purplish", "amethyst", "lilac"], heldOut: [] },
  white: { train: ["white", "snowy", "pearly", "whitish", "milky", "chalky", "ivory"], heldOut: [] },
  black: { train: ["black", "charcoal", "onyx", "inky", "sooty", "blackish", "ebony"], heldOut: [] },
};

export const SIZE_SAYINGS: Readonly<Record<Size, Words>> = {
  small: { train: ["small", "little", "tiny", "miniature", "wee", "compact", "mini"], heldOut: ["petite"] },
  large: { train: ["large", "big", "giant", "hefty", "massive", "bulky", "huge"], heldOut: ["sizeable"] },
};

export const COMPARATIVE_SAYINGS: Readonly<Record<Size, Words>> = {
  small: { train: ["smaller", "smallest"], heldOut: ["littler"] },
  large: { train: ["bigger", "larger", "biggest", "largest"], heldOut: [] },
};

/** How often the plain word is said rather than a synonym. */
const PLAIN_SHARE = 0.6;
/** How often a held-out word is said outside of split `train`. */
const HELD_OUT_SHARE = 0.08;

export function sayWord(words: Words, rng: Rng, split: Split): string {
  if (split !== "train" && words.heldOut.length > 0 && rng.uniform() < HELD_OUT_SHARE) return rng.pick(words.heldOut);
  const plain = words.train[0];
  return plain !== undefined && rng.uniform() < PLAIN_SHARE ? plain : rng.pick(words.train);
}

export function sayPlural(words: Words, rng: Rng, split: Split): string {
  return pluralOf(sayWord(words, rng, split));
}

/** Every word that split `train` never says, apart from those inside held-out templates. */
export function heldOutWords(): readonly string[] {
  return [KIND_SAYINGS, COLOUR_SAYINGS, SIZE_SAYINGS, COMPARATIVE_SAYINGS].flatMap((sayings) =>
    Object.values(sayings).flatMap((words: Words) => words.heldOut),
  );
}
