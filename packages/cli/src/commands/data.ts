/** `bidden data ...`: look into datasets of every format that the data room reads. */

import type { Finding } from "@bidden/data";
import { BiddenError, messageOf } from "@bidden/runtime";
import { type Command, InvalidArgumentError } from "commander";
import { dirname } from "node:path";
import { registerConvert } from "./data-convert.ts";
import { registerEdit } from "./data-edit.ts";
import { registerMix } from "./data-mix.ts";
import { registerView } from "./data-view.ts";

/** Loaded when a command runs, not when its help is shown. */
const look = () => import("@bidden/data/look");
const all = () => import("@bidden/data/node");
const folders = () => import("@bidden/runtime/node");

export function registerData(program: Command): void {
  const data = program.command("data").description("look into and check recorded episodes");
  data
    .command("info")
    .argument("<path>", "folder, file, http(s):// or hf://OWNER/NAME")
    .description("what is in it: robot, cameras, rate, tasks, hours, columns, size")
    .option("--json", "one JSON object")
    .action(printInfo);
  data
    .command("cat")
    .argument("<path>", "folder, file, http(s):// or hf://OWNER/NAME")
    .description("the steps of an episode, one JSON line each")
    .option("--episode <n>", "which episode", wholeNumber, 0)
    .option("--from <n>", "first frame", wholeNumber, 0)
    .option("--to <n>", "frame to stop before", wholeNumber)
    .option("--columns <names>", "only these columns, separated by commas")
    .option("--images <how>", "sha256, png:<folder> or none", "sha256")
    .action(printSteps);
  registerLint(data);
  registerConvert(data);
  registerMix(data);
  registerView(data);
  registerProof(data);
  registerEdit(
    data.command("edit").description("into a new folder; pictures keep their bytes, packets of videos are copied"),
  );
}

function registerProof(data: Command): void {
  data
    .command("sign")
    .argument("<path>", "folder of a dataset")
    .description("signed manifest: a hash an episode, who collected, which tool, which parents")
    .requiredOption("--key <file>", "PEM file with the private key; made when it is not there")
    .requiredOption("--by <name>", "who collected")
    .option("--parent <root>", "root of a dataset that this one was made from (repeat for more)", collect, [])
    .action(async (path: string, options: { key: string; by: string; parent: string[] }) => {
      const { key, by, parent } = options;
      await (await folders()).makeFolder(dirname(key), "for the key");
      const { statement, publicKey } = await (await all()).signDataset(path, {
        keyPath: key,
        collectedBy: by,
        tool: "bidden",
        parents: parent,
      });
      process.stdout.write(`signed ${statement.leaves.length} episodes\nroot ${statement.root}\nkey  ${publicKey}\n`);
    });
  data
    .command("verify")
    .argument("<path>", "folder of a signed dataset")
    .description("whether every episode is as it was signed")
    .option("--key <base64>", "public key of the signer that is trusted")
    .action(async (path: string, options: { key?: string }) => {
      const { manifest, problems } = await (await all()).verifyDataset(path, options.key);
      for (const problem of problems) process.stdout.write(`${problem}\n`);
      const { collectedBy, signedAt, leaves } = manifest.statement;
      if (problems.length === 0)
        process.stdout.write(`${leaves.length} episodes are as ${collectedBy} signed them at ${signedAt}\n`);
      process.exitCode = problems.length === 0 ? 0 : 1;
    });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function registerLint(data: Command): void {
  data
    .command("lint")
    .argument("<path>", "folder, file, http(s):// or hf://OWNER/NAME")
    .description("faults by rule, with episode, frame and evidence; ends with 0 clean, 1 findings, 2 unreadable")
    .option("--json", "one JSON object a finding")
    .option(
      "--fix",
      "mend what follows from the frames (statistics, totals, numbering, tasks, places in videos), all at once or not at all",
    )
    .option("--to <folder>", "with --fix: leave the dataset as it is and write the mended one here")
    .action(printFindings);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError(`Expected a whole number, got "${text}".`);
  return value;
}

async function printInfo(path: string, options: { json?: true }): Promise<void> {
  const { describeDataset, isAddress, openDataset, sayReport, sizeOnDisk } = await look();
  const dataset = await openDataset(path);
  const report = await describeDataset(dataset, isAddress(path) ? null : await sizeOnDisk(path));
  await dataset.close();
  process.stdout.write(`${options.json === true ? JSON.stringify(report) : sayReport(report)}\n`);
}

type CatOptions = { episode: number; from: number; to?: number; columns?: string; images: string };

async function printSteps(path: string, options: CatOptions): Promise<void> {
  const { episode, from, to, columns, images } = options;
  const { catEpisode, hashSink, openDataset, pngSink } = await look();
  const sink = images === "sha256" ? hashSink : images.startsWith("png:") ? pngSink(images.slice(4), episode) : null;
  if (sink === null && images !== "none") {
    throw new BiddenError("bad-argument", `--images takes sha256, png:<folder> or none; got "${images}".`);
  }
  if (images.startsWith("png:")) await (await folders()).makeFolder(images.slice(4), "for the pictures");
  const dataset = await openDataset(path);
  try {
    const isPicture = (name: string): boolean => ["image", "video"].includes(dataset.features[name]?.dtype ?? "");
    const wanted = columns?.split(",") ?? Object.keys(dataset.features);
    const read = {
      from,
      ...(to === undefined ? {} : { to }),
      columns: wanted.filter((name) => sink !== null || !isPicture(name)),
    };
    for await (const step of catEpisode(dataset, episode, sink ?? hashSink, read)) {
      const more = process.stdout.write(`${JSON.stringify(step)}\n`);
      if (!more) await new Promise((resolve) => process.stdout.once("drain", resolve));
    }
  } finally {
    await dataset.close();
  }
}

type LintOptions = { json?: true; fix?: true; to?: string };

async function printFindings(path: string, { json, fix, to }: LintOptions): Promise<void> {
  if (to !== undefined && fix === undefined) throw new BiddenError("bad-argument", "--to goes with --fix.");
  const say = (finding: Finding, did?: string): string => {
    if (json === true) return JSON.stringify(did === undefined ? finding : { ...finding, fixed: did });
    return did === undefined ? sayFinding(finding) : `fixed   ${sayFinding(finding).slice(8)}\n        ${did}`;
  };
  try {
    const { fixed, left } =
      fix === true
        ? await (await all()).fixDataset(path, to ?? null)
        : { fixed: [], left: await (await look()).lintDataset(path) };
    for (const { finding, did } of fixed) process.stdout.write(`${say(finding, did)}\n`);
    for (const finding of left) process.stdout.write(`${say(finding)}\n`);
    if (json !== true) process.stdout.write(left.length === 0 ? "clean\n" : `${left.length} findings\n`);
    process.exitCode = left.length === 0 ? 0 : 1;
  } catch (error) {
    process.stderr.write(`bidden: ${messageOf(error)}\n`);
    process.exitCode = 2;
  }
}

function sayFinding({ severity, rule, episode, frame, column, evidence }: Finding): string {
  const place = [
    episode === undefined ? "" : `episode ${episode}`,
    frame === undefined ? "" : `frame ${frame}`,
    column ?? "",
  ];
  return `${severity.padEnd(7)} ${rule.padEnd(24)} ${place.filter((part) => part !== "").join(", ")}: ${evidence}`;
}
