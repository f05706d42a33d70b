/** `bidden eval`: success over many held-out episodes, with intervals; as a table, JSON, and a page with replays. */
import { BiddenError } from "@bidden/runtime";
import type { Command } from "commander";
import { readNumber, readSeed, readWhole } from "../options.ts";

type EvalFlags = {
  readonly episodes: string;
  readonly unclear: string;
  readonly skills?: string;
  readonly split: string;
  readonly seed: string;
  readonly policy: string;
  readonly head?: string;
  readonly maxSeconds: string;
  readonly workers?: string;
  readonly out?: string;
  readonly json?: boolean;
};

const HELP = `
Scenes come from seeds that are never trained on (1,000,000 and above), sentences from templates that are never trained on.
The same --seed gives the same episodes: two policies can be compared pair by pair. Ctrl-C sums up what was measured so far.

  $ bidden eval tabletop --episodes 300
  $ bidden eval tabletop --episodes 50 --skills pick,put --unclear 0 --policy expert`;

export function registerEval(program: Command): void {
  program
    .command("eval")
    .description(
      "measure a policy over many episodes: success by skill and by kind of instruction, with 95 % intervals",
    )
    .argument("<suite>", "which suite: tabletop")
    .option("--episodes <number>", "episodes of each skill", "300")
    .option(
      "--unclear <number>",
      "episodes of each kind that must not be obeyed (ambiguous, impossible, garbage, forbidden)",
      "100",
    )
    .option("--skills <names>", "such as pick,put,push; all when left out")
    .option("--split <name>", "which sentence templates: held-out, train, any", "held-out")
    .option("--seed <number>", "another seed gives other episodes", "1")
    .option(
      "--policy <name>",
      "tabletop (trained), expert (scripted, sees the full state), or a checkpoint's folder",
      "tabletop",
    )
    .option("--head <name>", "action head of the policy: flow or regression")
    .option("--max-seconds <number>", "simulated time that an episode may take", "30")
    .option("--workers <number>", "episodes that run at the same time; one a core when left out")
    .option("--out <folder>", "where report.html and report.json go; runs/eval-<time> when left out")
    .option("--json", "print one line of JSON and nothing else")
    .addHelpText("after", HELP)
    .action(evaluate);
}

async function evaluate(suite: string, flags: EvalFlags): Promise<void> {
  if (suite !== "tabletop") {
    throw new BiddenError("not-found", `The suites are: tabletop; there is no "${suite.slice(0, 40)}".`, { suite });
  }
  const { parseSkills, SKILLS } = await import("@bidden/eval");
  const { runSuite } = await import("../headless/run-suite.ts");
  await runSuite({
    suite,
    episodes: readWhole("--episodes", flags.episodes, 0, 100_000),
    unclear: readWhole("--unclear", flags.unclear, 0, 100_000),
    skills: flags.skills === undefined ? SKILLS : parseSkills(flags.skills),
    split: readSplit(flags.split),
    seed: readSeed(flags.seed),
    policy: flags.policy,
    maxSeconds: readNumber("--max-seconds", flags.maxSeconds, 0.5, 600),
    json: flags.json === true,
    ...(flags.head === undefined ? {} : { head: flags.head }),
    ...(flags.workers === undefined ? {} : { workers: readWhole("--workers", flags.workers, 1, 256) }),
    ...(flags.out === undefined ? {} : { out: flags.out }),
  });
}

function readSplit(text: string): "train" | "held-out" | "any" {
  if (text === "train" || text === "held-out" || text === "any") return text;
  throw new BiddenError("bad-argument", `Expected --split to be held-out, train or any, got "${text.slice(0, 40)}".`);
}
