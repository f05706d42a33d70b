/** Sentences that must not be obeyed blindly, of four kinds, composed for the scene at hand. */
import type { Rng } from "@bidden/runtime";
import type { Scene } from "../../types.ts";
import type { Meanings } from "../meaning.ts";
import type { Split } from "../words.ts";
import { sayAmbiguous } from "./ambiguous.ts";
import { sayForbidden } from "./forbidden.ts";
import { sayGarbage } from "./garbage.ts";
import { sayImpossible } from "./impossible.ts";

export const UNCLEAR_KINDS = ["ambiguous", "impossible", "garbage", "forbidden"] as const;
export type UnclearKind = (typeof UNCLEAR_KINDS)[number];

/** Which thing of the sentence is at fault: what is acted on, or where it goes. */
export type Role = "act" | "place";

export type Unclear =
  | {
      readonly kind: "ambiguous";
      readonly text: string;
      /** Template or part that it was made from. */
      readonly part: string;
      readonly role: Role;
      readonly meanings: Meanings;
      readonly candidates: readonly string[];
      /** The thing in the other role, which is clear; null where the skill has no other role. */
      readonly partner: string | null;
    }
  | {
      readonly kind: "impossible";
      readonly text: string;
      readonly part: string;
      readonly role: Role;
      readonly meanings: Meanings;
      /** The phrase at fault, without its article. */
      readonly missing: string;
      /** `absent`: nothing here is called so. `misuse`: it is there (`object`), but no skill can use it so. */
      readonly why: "absent" | "misuse";
      readonly object: string | null;
      readonly partner: string | null;
    }
  | { readonly kind: "garbage" | "forbidden"; readonly text: string; readonly part: string };

export type UnclearOptions = { readonly split?: Split };

/** Null only for `ambiguous` in a scene where nothing can be mistaken for anything else. */
export function sayUnclear(scene: Scene, kind: UnclearKind, rng: Rng, options: UnclearOptions = {}): Unclear | null {
  const { split = "any" } = options;
  switch (kind) {
    case "ambiguous":
      return sayAmbiguous(scene, rng, split);
    case "impossible":
      return sayImpossible(scene, rng, split);
    case "garbage":
      return sayGarbage(rng, split);
    case "forbidden":
      return sayForbidden(scene, rng, split);
    default:
      return kind satisfies never;
  }
}
