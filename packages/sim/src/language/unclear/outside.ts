/**
 * Sensible requests that no skill here can do (*turn the red block around*, *do not touch the ball*, *pick up both cans*).
 * Not one of the four unclear kinds; a policy that has never seen them may take them for the nearest thing it knows.
 */
import type { Rng } from "@bidden/runtime";
import type { Scene } from "../../types.ts";
import { describe, isDescribable } from "../describe.ts";
import { partsOf } from "../parts.ts";
import { roughen } from "../roughen.ts";
import { politely } from "../say-task.ts";
import { KIND_SAYINGS, type Split, sayPlural } from "../words.ts";

/** {o}, {p}: things of the scene; {many}: a kind in the plural. */
const FRAMES: readonly string[] = [
  "turn {o} around",
  "rotate {o} by ninety degrees",
  "flip {o} upside down",
  "spin {o}",
  "shake {o}",
  "paint {o} green",
  "wash {o}",
  "cut {o} in half",
  "do not pick up {o}",
  "don't touch {o}",
  "don't put {o} anywhere",
  "never move {o}",
  "leave {o} alone",
  "stay away from {o}",
  "do not push {o}",
  "pick up both {many}",
  "pick up all the {many}",
  "stack all the {many}",
  "sort the {many} by colour",
  "put all {many} in a row",
  "line up the {many}",
  "count to ten and then wave at {o}",
  "swap {o} and {p}",
  "hide {o} behind {p}",
  "weigh {o}",
  "measure how far {o} is from {p}",
  "tie {o} to {p}",
  "glue {o} to {p}",
  "cover {o} with a cloth",
  "wrap {o} in paper",
  "eat {o}",
  "smell {o}",
  "balance on {o}",
  "tell {o} a story",
  "fold {o}",
  "buy me another {o}",
  "hand {o} to my neighbour",
  "wave at {o}",
  "dance around {o}",
  "draw a circle around {o}",
];

export function sayOutside(
  scene: Scene,
  rng: Rng,
  options: { readonly split?: Split } = {},
): { readonly text: string; readonly part: string } {
  const { split = "any" } = options;
  const things = scene.objects.filter((one) => isDescribable(scene, one.id));
  const frame = rng.pick(partsOf(FRAMES, split));
  const thing = (): string => (things.length > 0 ? describe(scene, rng.pick(things).id, rng, { split }) : "it");
  const text = frame
    .replace("another {o}", () => `another ${thing().replace(/^the /, "")}`)
    .replace("{o}", thing)
    .replace("{p}", thing)
    .replace("{many}", () => sayPlural(KIND_SAYINGS[rng.pick(["block", "ball", "can"] as const)], rng, split));
  return { text: roughen(politely(text, rng), rng, 0.04), part: `outside/${FRAMES.indexOf(frame) + 1}` };
}
