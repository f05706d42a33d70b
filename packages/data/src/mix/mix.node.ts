/** Opens the datasets of a mixture and counts what is in them. */

import { BiddenError } from "@bidden/runtime";
import type { Dataset } from "../dataset/types.ts";
import { openDataset } from "../open.node.ts";
import { OCTO_DIFFERENCES, RECIPES } from "../oxe/recipes.ts";
import type { OxeProject } from "../oxe/standardise.ts";
import { RldsReader } from "../rlds/reader.ts";
import { type MixEntry, type MixPart, type MixPlan, type MixReport, reportMixture } from "./mixture.ts";

/** Datasets that are not there are reported, not guessed. */
export async function measureMixture(
  plan: MixPlan,
  report: (progress: { readonly done: number; readonly total: number }) => void = () => undefined,
): Promise<MixReport> {
  const found: MixPart[] = [];
  const missing: string[] = [];
  for (const [i, entry] of plan.entries.entries()) {
    const dataset = entry.path === "" ? null : await openIfThere(entry.path);
    if (dataset === null) missing.push(entry.name);
    else {
      try {
        found.push(await measure(entry, dataset, plan.project));
      } finally {
        await dataset.close();
      }
    }
    report({ done: i + 1, total: plan.entries.length });
  }
  if (found.length === 0) {
    throw new BiddenError(
      "not-found",
      `None of the ${plan.entries.length} datasets of ${plan.name} was found: ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? " ..." : ""}. Say where they are ("root", or --root).`,
    );
  }
  return reportMixture(plan, found, missing);
}

async function openIfThere(path: string): Promise<Dataset | null> {
  try {
    return await openDataset(path);
  } catch (error) {
    if (error instanceof BiddenError && error.code === "not-found") return null;
    throw error;
  }
}

async function measure(entry: MixEntry, dataset: Dataset, project: OxeProject): Promise<MixPart> {
  const dropped = dataset instanceof RldsReader ? droppedSteps(dataset.name, project) : 0;
  const tasks = new Set(dataset.tasks);
  let transitions = 0;
  for (let i = 0; i < dataset.episodeCount; i++) {
    const episode = await dataset.episode(i);
    transitions += Math.max(0, episode.length - dropped);
    for (const task of episode.tasks) tasks.add(task);
  }
  const robot = entry.embodiment ?? dataset.robotType ?? "unknown";
  return { ...entry, robot, episodes: dataset.episodeCount, transitions, fps: dataset.fps, tasks: tasks.size };
}

/** Steps that the standardisation of an Open X-Embodiment set leaves out of every episode. */
function droppedSteps(dataset: string, project: OxeProject): number {
  const recipe = RECIPES[dataset];
  const first = recipe?.dropFirst === true && !(project === "octo" && OCTO_DIFFERENCES[dataset]?.dropFirst === false);
  return (first ? 1 : 0) + (recipe?.relabelFrom === undefined ? 0 : 1);
}
