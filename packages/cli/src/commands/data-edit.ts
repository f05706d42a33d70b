/** `bidden data edit ...`: into a new folder; packets of videos are copied. */

import { BiddenError } from "@bidden/runtime";
import { type Command, InvalidArgumentError } from "commander";
import { readWhole } from "../options.ts";
import { createProgress, type Progress } from "../progress.ts";

const FPS = ["--fps <n>", "frames a second, for sources that do not say it"] as const;

/** Loaded when a command runs, not when its help is shown. */
const data = () => import("@bidden/data/node");

export function registerEdit(edit: Command): void {
  registerChoices(edit);
  edit
    .command("merge")
    .description("several datasets of the same robot, rate and features as one")
    .argument("<to>")
    .argument("<from...>", "datasets, in the order in which they shall stand")
    .option(...FPS)
    .action((to: string, from: string[], { fps }: Rate) =>
      doing("merging", to, fps, async (options) => (await data()).mergeDatasets(from, to, options)),
    );
  edit
    .command("retask")
    .description("another sentence for the episodes that have one")
    .argument("<from>")
    .argument("<to>")
    .requiredOption("--old <sentence>")
    .requiredOption("--new <sentence>")
    .option(...FPS)
    .action(retask);
  edit
    .command("rename")
    .description("other names for features, cameras or the robot")
    .argument("<from>")
    .argument("<to>")
    .option(
      "--feature <old=new>",
      "such as observation.images.top=observation.images.front (repeat for more)",
      collectPair,
      new Map(),
    )
    .option("--robot <name>", "the dataset's robot_type")
    .action((from: string, to: string, { feature, robot }: { feature: Map<string, string>; robot?: string }) => {
      if (feature.size === 0 && robot === undefined)
        throw new BiddenError("bad-argument", "Nothing to rename: give --feature old=new or --robot name.");
      const names = { features: feature, ...(robot === undefined ? {} : { robotType: robot }) };
      return doing("renaming", to, undefined, async (options) =>
        (await data()).renameDataset(from, to, names, options),
      );
    });
}

function registerChoices(edit: Command): void {
  edit
    .command("delete")
    .description("all episodes but those named")
    .argument("<from>")
    .argument("<to>")
    .requiredOption("--episodes <list>", "such as 1,4,7-9", episodeList)
    .option(...FPS)
    .action(async (from: string, to: string, { episodes, fps }: { episodes: Set<number> } & Rate) => {
      await checkEpisodes(from, episodes);
      await doing("copying", to, fps, async (options) =>
        (await data()).keepEpisodes(from, to, (episode) => !episodes.has(episode), options),
      );
    });
  edit
    .command("split")
    .description("the episodes that are named, and the others too where --rest says where")
    .argument("<from>")
    .argument("<to>", "folder for the chosen episodes")
    .requiredOption("--episodes <list>", "such as 1,4,7-9", episodeList)
    .option("--rest <folder>", "folder for the other episodes")
    .option(...FPS)
    .action(async (from: string, to: string, { episodes, rest, fps }: Split) => {
      await checkEpisodes(from, episodes);
      await doing("copying", to, fps, async (options) =>
        (await data()).keepEpisodes(from, to, (episode) => episodes.has(episode), options),
      );
      if (rest === undefined) return;
      await doing("copying", rest, fps, async (options) =>
        (await data()).keepEpisodes(from, rest, (episode) => !episodes.has(episode), options),
      );
    });
}

async function retask(from: string, to: string, options: { old: string; new: string } & Rate): Promise<void> {
  const dataset = await (await data()).openDataset(from);
  const known = new Set(dataset.tasks);
  for (let i = 0; known.size === 0 && i < dataset.episodeCount; i++)
    for (const task of (await dataset.episode(i)).tasks) known.add(task);
  await dataset.close();
  if (!known.has(options.old)) {
    const some = [...known].slice(0, 5).map((task) => JSON.stringify(task));
    throw new BiddenError(
      "not-found",
      `No episode of ${from} has the sentence ${JSON.stringify(options.old)}; there are ${some.join(", ")}${known.size > 5 ? " ..." : ""}.`,
    );
  }
  const rename = (task: string): string => (task === options.old ? options.new : task);
  await doing("copying", to, options.fps, async (report) => (await data()).retaskDataset(from, to, rename, report));
}

type Rate = { fps?: string };
type Split = { episodes: Set<number>; rest?: string } & Rate;
type Reports = {
  fps?: number;
  report: (progress: { done: number; total: number }) => void;
  remark: (sentence: string) => void;
};

/** Does it with a line of progress, and says what came of it. */
async function doing(
  what: string,
  to: string,
  fps: string | undefined,
  work: (options: Reports) => Promise<number>,
): Promise<void> {
  let progress: Progress | null = null;
  const remarks: string[] = [];
  const count = await work({
    ...(fps === undefined ? {} : { fps: readWhole("--fps", fps, 1, 100_000) }),
    report: ({ done, total }) => (progress ??= createProgress(what, total)).update(done),
    remark: (sentence) => remarks.push(sentence),
  });
  if (process.stderr.isTTY) (progress as Progress | null)?.end();
  process.stdout.write(`${count} episodes in ${to}\n${remarks.map((sentence) => `${sentence}\n`).join("")}`);
}

async function checkEpisodes(path: string, episodes: ReadonlySet<number>): Promise<void> {
  const dataset = await (await data()).openDataset(path);
  const { episodeCount } = dataset;
  await dataset.close();
  const beyond = [...episodes].find((episode) => episode >= episodeCount);
  if (beyond === undefined) return;
  throw new BiddenError("bad-argument", `Episode ${beyond} does not exist: ${path} holds 0 to ${episodeCount - 1}.`, {
    episode: beyond,
  });
}

function collectPair(value: string, before: ReadonlyMap<string, string>): Map<string, string> {
  const [old = "", name = "", ...more] = value.split("=");
  if (old === "" || name === "" || more.length > 0) throw new InvalidArgumentError(`Expected old=new, got "${value}".`);
  return new Map([...before, [old, name]]);
}

function episodeList(text: string): Set<number> {
  const out = new Set<number>();
  for (const part of text.split(",")) {
    const [, first = "", last = first] = /^\s*(\d{1,7})(?:-(\d{1,7}))?\s*$/.exec(part) ?? [];
    if (first === "" || Number(last) < Number(first))
      throw new InvalidArgumentError(`Expected episodes such as 1,4,7-9; "${part}" is none.`);
    for (let episode = Number(first); episode <= Number(last); episode++) out.add(episode);
  }
  return out;
}
