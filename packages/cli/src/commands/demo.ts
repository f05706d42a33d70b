/** `bidden demo collect`: demonstrations by the scripted expert, and still scenes with questions, as training shards. */
import { type Command, InvalidArgumentError } from "commander";

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
  const demo = program.command("demo").description("collect demonstrations by the scripted expert");
  demo
    .command("collect")
    .description("record demonstrations and still scenes for training")
    .option("--episodes <n>", "demonstrations", wholeNumber, 1200)
    .option("--stills <n>", "still scenes", wholeNumber, 6000)
    .option("--seed <n>", "first seed; evaluation uses seeds from 1,000,000", wholeNumber, 100_000)
    .option("--out <folder>", "folder of the shards", "runs/demonstrations")
    .addHelpText("after", COLLECT_HELP)
    .action(collect);
}

type CollectFlags = { readonly episodes: number; readonly stills: number; readonly seed: number; readonly out: string };

async function collect({ episodes, stills, seed, out }: CollectFlags): Promise<void> {
  const [{ collectShard }, { trainingConfig }, { createProgress }, { makeFolder }] = await Promise.all([
    import("@bidden/train/node"),
    import("@bidden/train"),
    import("../progress.ts"),
    import("@bidden/runtime/node"),
  ]);
  await makeFolder(out, "for the shards");
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
