/** `bidden run`: one sentence, done without a browser (or in the console, with the sentence already given). */
import { BiddenError, cleanInstruction } from "@bidden/runtime";
import type { Command } from "commander";
import { readNumber, readSeed } from "../options.ts";

type RunFlags = {
  readonly seed: string;
  readonly headless?: boolean;
  readonly record?: string;
  readonly json?: boolean;
  readonly policy: string;
  readonly head?: string;
  readonly map?: string;
  readonly maxSeconds: string;
};

export function registerRun(program: Command): void {
  program
    .command("run")
    .description("do one sentence and say how it went (exit code 0 done, 1 failed, 2 did not move, 3 error)")
    .argument("<sentence>", 'what to do, such as "put the yellow cube in the white bowl"')
    .option("--seed <number>", "which scene stands on the table (`bidden scene --seed` shows it)", "7")
    .option("--headless", "without a browser, on a virtual clock: the same seed and sentence give the same result")
    .option("--record <folder>", "add the episode to the dataset there (LeRobotDataset v3.0)")
    .option("--json", "print one line of JSON and nothing else (implies --headless)")
    .option(
      "--policy <name>",
      "tabletop (trained), expert (scripted, sees the full state), or a checkpoint's folder",
      "tabletop",
    )
    .option("--map <file>", "how a published checkpoint fits the robot; by default embodiment.json beside its weights")
    .option("--head <name>", "action head of the policy: flow or regression")
    .option("--max-seconds <number>", "simulated time that it may take", "30")
    .action(run);
}

async function run(sentence: string, flags: RunFlags): Promise<void> {
  const seed = readSeed(flags.seed);
  const maxSeconds = readNumber("--max-seconds", flags.maxSeconds, 0.5, 600);
  if (flags.headless !== true && flags.json !== true) {
    await openWith(sentence, flags);
    return;
  }
  const { exitCodeOf, unread, verdictSentence } = await import("@bidden/eval");
  const { runHeadless } = await import("../headless/run-headless.ts");
  const readable = read(sentence);
  const result =
    "refused" in readable
      ? unread(seed, readable.refused)
      : await runHeadless({
          instruction: readable.text,
          seed,
          maxSeconds,
          policy: flags.policy,
          quiet: flags.json === true,
          ...(flags.head === undefined ? {} : { head: flags.head }),
          ...(flags.map === undefined ? {} : { map: flags.map }),
          ...(flags.record === undefined ? {} : { record: flags.record }),
        });
  const notes = [
    ...(result.recording === undefined ? [] : [`Recorded to ${result.recording}.`]),
    ...(flags.policy === "expert" ? ["The scripted expert drove, as asked for by name: it sees the full state."] : []),
  ];
  const lines = flags.json === true ? [JSON.stringify(result)] : [verdictSentence(result), ...notes];
  process.stdout.write(`${lines.join("\n")}\n`);
  process.exitCode = exitCodeOf(result.verdict);
}

/** A sentence that nobody could obey is refused with its reason; it is no error of the program. */
function read(sentence: string): { readonly text: string } | { readonly refused: string } {
  try {
    return { text: cleanInstruction(sentence) };
  } catch (thrown) {
    if (thrown instanceof BiddenError && thrown.code === "bad-instruction") return { refused: thrown.message };
    throw thrown;
  }
}

async function openWith(sentence: string, flags: RunFlags): Promise<void> {
  const { openConsole } = await import("../console/open.ts");
  await openConsole({
    seed: flags.seed,
    policy: flags.policy,
    instruction: cleanInstruction(sentence),
    ...(flags.record === undefined ? {} : { record: flags.record }),
  });
}
