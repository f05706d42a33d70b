/**
 * Mixtures of Open X-Embodiment: sampling weights before they are multiplied by the number of transitions. As published in
 * openvla (c8f03f48, oxe/mixtures.py) and Octo (241fb351, oxe_dataset_mixes.py); the projects' numbers differ, so each mixture says
 * whose it is.
 */

import { BiddenError } from "@bidden/runtime";
import type { OxeProject } from "./standardise.ts";

export type MixtureEntry = readonly [dataset: string, weight: number];
export type Mixture = { readonly source: OxeProject; readonly entries: readonly MixtureEntry[] };

const CONVERTED = "_converted_externally_to_rlds";

const RTX: readonly MixtureEntry[] = [
  ["fractal20220817_data", 0.54087122203],
  ["kuka", 0.8341046294],
  ["bridge_orig", 1],
  ["taco_play", 2],
  ["jaco_play", 2],
  ["berkeley_cable_routing", 3],
  ["roboturk", 1],
  ["viola", 2],
  ["berkeley_autolab_ur5", 1],
  ["toto", 1],
];

const SOUP: readonly MixtureEntry[] = [
  ["fractal20220817_data", 0.54087122203],
  ["kuka", 0.8341046294],
  ["bridge_orig", 1],
  ["taco_play", 2],
  ["jaco_play", 1],
  ["berkeley_cable_routing", 1],
  ["roboturk", 2],
  ["viola", 2],
  ["berkeley_autolab_ur5", 2],
  ["toto", 1],
  ["language_table", 0.1],
  [`stanford_hydra_dataset${CONVERTED}`, 2],
  [`austin_buds_dataset${CONVERTED}`, 1],
  [`nyu_franka_play_dataset${CONVERTED}`, 3],
  [`furniture_bench_dataset${CONVERTED}`, 0.1],
  [`ucsd_kitchen_dataset${CONVERTED}`, 2],
  [`austin_sailor_dataset${CONVERTED}`, 1],
  [`austin_sirius_dataset${CONVERTED}`, 1],
  [`dlr_edan_shared_control${CONVERTED}`, 1],
  [`iamlab_cmu_pickup_insert${CONVERTED}`, 1],
  ["utaustin_mutex", 1],
  ["berkeley_fanuc_manipulation", 2],
  ["cmu_stretch", 1],
];

const DOOR = "nyu_door_opening_surprising_effectiveness";
const PLUS: readonly MixtureEntry[] = [...SOUP, ["bc_z", 0.2], ["fmb_dataset", 1], ["dobbe", 0.2], ["droid", 0.06]];
const MINUS: readonly string[] = ["language_table", "droid"];

/** Octo's copy of the Bridge data has another name. */
function octos(entries: readonly MixtureEntry[], ...more: readonly MixtureEntry[]): Mixture {
  const own = entries.map(([name, weight]): MixtureEntry => [name === "bridge_orig" ? "bridge_dataset" : name, weight]);
  return { source: "octo", entries: [...own, ...more] };
}

/** Names without a project are openvla's. */
export const MIXTURES: Readonly<Record<string, Mixture>> = {
  rtx: { source: "openvla", entries: RTX },
  oxe_magic_soup: { source: "openvla", entries: SOUP },
  oxe_magic_soup_plus: { source: "openvla", entries: PLUS },
  oxe_magic_soup_plus_minus: {
    source: "openvla",
    entries: PLUS.filter(([name]) => !MINUS.includes(name)).map(([name, weight]) => [
      name,
      name === "fractal20220817_data" ? 1 : weight,
    ]),
  },
  "octo/rtx": octos(RTX, [DOOR, 5]),
  "octo/oxe_magic_soup": octos(SOUP, [DOOR, 1], ["bc_z", 0.2]),
};

export type Part = { readonly name: string; readonly weight: number; readonly transitions: number };

export type MixturePlan = {
  /** Chance of each part to give the next sample; sums to 1. */
  readonly shares: readonly number[];
  /** Samples until every part of weight exactly 1 has been seen once on average. */
  readonly epochLength: number;
};

/** @param balance multiply the weights by the number of transitions. */
export function planMixture(parts: readonly Part[], { balance = true }: { balance?: boolean } = {}): MixturePlan {
  const raw = parts.map((part) => part.weight * (balance ? part.transitions : 1));
  const total = raw.reduce((sum, value) => sum + value, 0);
  if (parts.length === 0 || !(total > 0) || raw.some((value) => !(value >= 0))) {
    throw new BiddenError(
      "bad-argument",
      "A mixture needs parts with weights and transitions from 0, at least one above.",
    );
  }
  const shares = raw.map((value) => value / total);
  const primary = parts.flatMap((part, i) => (part.weight === 1 ? [part.transitions / (shares[i] as number)] : []));
  return { shares, epochLength: Math.floor(Math.max(0, ...primary)) };
}
