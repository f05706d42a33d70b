/** `bidden policy ...`: published checkpoints of every family. */
import { BiddenError } from "@bidden/runtime";
import { type Command, InvalidArgumentError, Option } from "commander";
import { readSeed } from "../options.ts";

const CHECK_HELP = `
Where golden files lie beside the weights (golden.json, golden.safetensors), every stage is compared with them and the largest
error of each is printed; the command ends with 1 where one is beyond its tolerance. Folders of golden sets are walked.
Elsewhere the policy runs once on a synthetic observation.`;

const PULL_HELP = `
Downloads go on where they were stopped, every file is compared with the hash that the hub names, and what is there already is
not fetched again. Without a network the copy that was pulled before is used. A folder in place of a name is checked instead.`;

export function registerPolicy(program: Command): void {
  const policy = program.command("policy").description("published policies: fetch, look into, compare, make");
  policy
    .command("pull")
    .argument("<name>", "a repository such as lerobot/smolvla_base, or a folder that was downloaded already")
    .description("fetch a checkpoint: resumable, hashed, cached")
    .addOption(
      new Option("--precision <how>", "what it is opened in from then on")
        .choices(["int4", "int8", "fp16", "fp32"])
        .default("fp32"),
    )
    .option("--revision <name>", "branch, tag or commit", "main")
    .option("--to <folder>", "where to; by default the cache of this machine")
    .addHelpText("after", PULL_HELP)
    .action(async (name: string, flags: PullFlags) => (await import("../policy/pull.ts")).pull(name, flags));
  withSettings(
    policy
      .command("info")
      .argument("<checkpoint>", "folder, file, or the name of a pulled checkpoint")
      .description("family, parameters, cameras, state and action layout, normalisation, chunk, memory and time")
      .option("--json", "one JSON object"),
  ).action(async (path: string, flags: OpenFlags) => (await import("../policy/info.ts")).printInfo(path, flags));
  withSettings(
    policy
      .command("check")
      .argument("<checkpoint>", "folder of a checkpoint, or of golden sets")
      .description("run it: compared with golden files where there are some, on a synthetic observation elsewhere")
      .option("--threads <n>", "threads of the engine", wholeNumber, 2)
      .addOption(
        new Option("--precision <how>", "what the synthetic run opens it in").choices(["int4", "int8", "fp16", "fp32"]),
      )
      .option("--all", "print every stage, not only the worst of each folder")
      .option("--json", "one JSON object")
      .addHelpText("after", CHECK_HELP),
  ).action(async (path: string, flags: CheckFlags) => (await import("../policy/check.ts")).check(path, flags));
  policy
    .command("make")
    .argument("<family>", "smolvla, pi0, pi05, act, ...")
    .argument("<folder>", "new folder to write to")
    .description("random weights in the published layout")
    .addOption(new Option("--size <how>", "sizes").choices(["tiny", "full"]).default("tiny"))
    .option("--dims <file>", "JSON file whose fields replace sizes, as dims.json of the golden sets names them")
    .option("--seed <n>", "seed of the weights", readSeed, 1)
    .action(async (family: string, folder: string, flags: MakeFlags) =>
      (await import("../policy/make.ts")).make(family, folder, flags),
    );
}

export type PullFlags = { readonly precision: Precision; readonly revision: string; readonly to?: string };
export type Precision = "int4" | "int8" | "fp16" | "fp32";
export type OpenFlags = {
  readonly json?: true;
  readonly set: Readonly<Record<string, string>>;
  readonly dataset?: string;
  readonly provider?: string;
};
export type CheckFlags = OpenFlags & {
  readonly threads: number;
  readonly precision?: Precision;
  readonly all?: true;
};
export type MakeFlags = { readonly size: "tiny" | "full"; readonly dims?: string; readonly seed: number };

/** What a checkpoint may leave open. */
function withSettings(command: Command): Command {
  return command
    .option("--dataset <key>", "whose statistics, where the checkpoint has several")
    .option("--provider <name>", "execution provider: cpu, cuda, webgpu, coreml, dml")
    .option("--set <name=value>", "an answer that the checkpoint needs (repeat for more)", setting, {});
}

function setting(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(`Expected name=value, got "${text}".`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 256) return value;
  throw new BiddenError("bad-argument", `Expected a whole number from 1 to 256, got "${text}".`);
}
