/** `bidden demo`: demonstrations by the scripted expert, still scenes with questions, corrected rollouts, as training shards. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { BiddenError } from "@bidden/runtime";
import { type Command, InvalidArgumentError } from "commander";
import type { Progress } from "../progress.ts";

const COLLECT_HELP = `
Demonstrations teach actions: the scripted expert does a task that is said in words, while pushes, noise and fumbles disturb
it; what is recorded as right is always what the expert would do. Stills teach seeing: a scene with sentences about it.
Runs may be shared out over processes by --seed; an interrupted one goes on where it was.

  $ bidden demo collect --episodes 1200 --stills 6000
  $ bidden train`;

/** Seeds of stills lie apart from those of demonstrations. */
const STILL_SEED_OFFSET = 400_000;
const LAST_TRAINING_SEED = 900_000;

export function registerDemo(program: Command): void {
  const demo = program.command("demo").description("collect demonstrations and corrections by the scripted expert");
  demo
    .command("collect")
    .description("record demonstrations and still scenes for training")
    .option("--episodes <n>", "demonstrations", wholeNumber, 1200)
    .option("--stills <n>", "still scenes", wholeNumber, 6000)
    .option("--seed <n>", "first seed; evaluation uses seeds from 1,000,000", wholeNumber, 100_000)
    .option("--out <folder>", "folder of the shards", "runs/demonstrations")
    .addHelpText("after", COLLECT_HELP)
    .action(collect);
  demo
    .command("correct")
    .description("let a policy drive and record what the expert would have done")
    .requiredOption("--policy <folder>", "checkpoint that drives")
    .option("--episodes <n>", "rollouts", wholeNumber, 200)
    .option("--seed <n>", "first seed", wholeNumber, FIRST_CORRECTION_SEED)
    .option("--out <folder>", "folder of the shards", "runs/demonstrations")
    .addHelpText("after", CORRECT_HELP)
    .action(correct);
  demo
    .command("say-again")
    .description("say anew what is said about collected episodes, in today's words")
    .option("--out <folder>", "folder of the shards", "runs/demonstrations")
    .addHelpText("after", SAY_AGAIN_HELP)
    .action(sayAgain);
}

const SAY_AGAIN_HELP = `
What is said about an episode depends on its seed and its task alone. When words and templates have been added, this says
everything anew without drawing a picture again; frames stay as they are.

  $ bidden demo say-again --out runs/demonstrations
  $ bidden train`;

const CORRECT_HELP = `
The policy drives; at every step the expert says what it would do in the state that the policy got itself into (DAgger).
Training on what comes out, beside the demonstrations, mends what the policy does wrong on its own.

  $ bidden demo correct --policy runs/tabletop/checkpoint --episodes 200
  $ bidden train --resume --steps 30000`;

/** Corrections have seeds of their own below the last one of training. */
const FIRST_CORRECTION_SEED = 800_000;

async function sayAgain({ out }: { readonly out: string }): Promise<void> {
  const [{ sayShardAgain }, { createProgress }] = await Promise.all([
    import("@bidden/train/node"),
    import("../progress.ts"),
  ]);
  const names = existsSync(out) ? readdirSync(out).filter((name) => name.endsWith(".shard")) : [];
  if (names.length === 0)
    throw new BiddenError("not-found", `No shards in "${out}". Collect some first: bidden demo collect.`);
  for (const name of names) {
    let progress: Progress | undefined;
    sayShardAgain(join(out, name), (done, total) => {
      progress ??= createProgress(name, total);
      progress.update(done);
    });
    progress?.end();
  }
}

type CorrectFlags = {
  readonly policy: string;
  readonly episodes: number;
  readonly seed: number;
  readonly out: string;
};

async function correct({ policy, episodes, seed, out }: CorrectFlags): Promise<void> {
  const [{ correctShard }, { createProgress }] = await Promise.all([
    import("@bidden/train/node"),
    import("../progress.ts"),
  ]);
  const progress = createProgress("corrections", episodes);
  let frames = 0;
  const tally = new Map<string, { done: number; of: number }>();
  const path = join(out, `correction-${seed}.shard`);
  await correctShard({
    path,
    checkpoint: policy,
    firstSeed: seed,
    episodes,
    onEpisode: (done, outcome) => {
      frames += outcome.frames;
      const own = tally.get(outcome.skill) ?? { done: 0, of: 0 };
      tally.set(outcome.skill, { done: own.done + Number(outcome.judgedDone), of: own.of + 1 });
      progress.update(done, `${frames} frames, the policy did ${told(tally)}`);
    },
  });
  progress.end(`${frames} frames in ${path}; the policy did ${told(tally)}`);
}

/** Such as "pick 18 of 20, put 9 of 12". */
function told(tally: ReadonlyMap<string, { readonly done: number; readonly of: number }>): string {
  return [...tally].map(([skill, { done, of }]) => `${skill} ${done} of ${of}`).join(", ");
}

type CollectFlags = { readonly episodes: number; readonly stills: number; readonly seed: number; readonly out: string };

async function collect({ episodes, stills, seed, out }: CollectFlags): Promise<void> {
  const [{ collectShard }, { trainingConfig }, { createProgress }] = await Promise.all([
    import("@bidden/train/node"),
    import("@bidden/train"),
    import("../progress.ts"),
  ]);
  const parts = [
    { kind: "still", episodes: stills, firstSeed: seed + STILL_SEED_OFFSET, label: "stills" },
    { kind: "demonstration", episodes, firstSeed: seed, label: "demonstrations" },
  ] as const;
  for (const { kind, episodes: count, firstSeed, label } of parts) {
    if (count === 0) continue;
    const progress = createProgress(label, count);
    let frames = 0;
    let failed = 0;
    const path = await collectShard(trainingConfig, {
      folder: out,
      kind,
      firstSeed,
      episodes: count,
      onEpisode: (done, outcome) => {
        frames += outcome?.frames ?? 0;
        if (outcome?.done === false) failed++;
        progress.update(done, `${frames} frames${failed > 0 ? `, ${failed} left out (the expert failed)` : ""}`);
      },
    });
    progress.end(`${frames} new frames in ${path}`);
  }
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value >= LAST_TRAINING_SEED) {
    throw new InvalidArgumentError(`expected a whole number from 0 to ${LAST_TRAINING_SEED - 1}`);
  }
  return value;
}
