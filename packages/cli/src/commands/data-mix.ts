/** `bidden data mix`: what a mixture comes to, before anything is trained on it. */

import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { MixPlan } from "@bidden/data";
import { BiddenError } from "@bidden/runtime";
import type { Command } from "commander";
import { createProgress, type Progress } from "../progress.ts";

export function registerMix(data: Command): void {
  data
    .command("mix")
    .argument("<mixture>", 'a file such as {"datasets": [{"path": "a", "weight": 2}]}, or a published one such as rtx')
    .description(
      "a weighted mixture of datasets and embodiments: shares, coverage, effective hours; 1 when a dataset is missing",
    )
    .option("--root <folder>", "where the datasets of a published mixture are, one folder each")
    .option("--json", "one JSON object")
    .action(mix);
}

async function mix(mixture: string, { root, json }: { root?: string; json?: true }): Promise<void> {
  const room = await import("@bidden/data");
  const plan = readPlan(room, mixture, root ?? null);
  if (plan.entries.every((entry) => entry.path === "")) {
    process.stdout.write(json === true ? `${JSON.stringify(plan)}\n` : sayWeights(room, plan));
    return;
  }
  let progress: Progress | null = null;
  const { measureMixture } = await import("@bidden/data/node");
  const report = await measureMixture(plan, ({ done, total }) => {
    if (process.stderr.isTTY) (progress ??= createProgress("counting", total)).update(done);
  });
  (progress as Progress | null)?.end();
  process.stdout.write(`${json === true ? JSON.stringify(report) : room.sayMixture(report)}\n`);
  process.exitCode = report.missing.length === 0 ? 0 : 1;
}

type Room = typeof import("@bidden/data");

function readPlan({ MIXTURES, parseMixture, publishedMixture }: Room, mixture: string, root: string | null): MixPlan {
  if (Object.hasOwn(MIXTURES, mixture)) return publishedMixture(mixture, root);
  if (statSync(mixture, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new BiddenError(
      "not-found",
      `There is no file ${mixture}, and no published mixture of that name; there are ${Object.keys(MIXTURES).join(", ")}.`,
    );
  }
  const here = dirname(mixture);
  return parseMixture(readFileSync(mixture, "utf8"), mixture, (path) =>
    isAbsolute(path) || /^[a-z]+:\/\//.test(path) ? path : join(here, path),
  );
}

/** A published mixture whose datasets are nowhere yet. */
function sayWeights({ OXE_DATASETS, sayTable }: Room, { name, source, entries }: MixPlan): string {
  const rows = entries.map((entry) => {
    const known = OXE_DATASETS[entry.name];
    return [entry.name, known?.robot ?? "?", String(known?.hz ?? "?"), String(entry.weight), known?.licence ?? "?"];
  });
  const lines = sayTable([["dataset", "robot", "Hz", "weight", "licence"], ...rows], 2);
  return `${name}: weights by ${source}, before they are multiplied by the number of steps; shares need --root\n\n${lines.join("\n")}\n`;
}
