/** `bidden train`: the tabletop policy from shards, with progress, curves, resume. */
import { type Command, InvalidArgumentError } from "commander";
import type { Progress } from "../progress.ts";

const TRAIN_HELP = `
Reads the shards that \`bidden demo collect\` wrote. State is saved every two minutes; after an interruption (or kill -9)
\`bidden train --resume\` goes on with the same numbers. The checkpoint in <out>/checkpoint opens anywhere a policy is named:

  $ bidden train --steps 20000 --out runs/tabletop
  $ bidden run "pick up the red block" --seed 7 --headless --policy runs/tabletop/checkpoint`;

/** A few minutes; the same sentences come back with the pictures. */
const READ_STEPS = 2200;
/** About an hour; what was seen is left as it is afterwards. */
const SEE_STEPS = 9000;

export function registerTrain(program: Command): void {
  program
    .command("train")
    .description("train the tabletop policy, resuming where it was left")
    .option("--data <folder>", "folder of the shards", "runs/demonstrations")
    .option("--out <folder>", "folder for state, curves and checkpoint", "runs/tabletop")
    .option("--steps <n>", "optimiser steps in all, of 24 pictures each", wholeNumber, 20_000)
    .option("--stop-at <n>", "pause at this step; the schedule still counts to --steps", wholeNumber)
    .option("--seed <n>", "seed of weights and batches", wholeNumber, 1)
    .option("--init <folder>", "checkpoint to begin from instead of random weights")
    .option(
      "--read-steps <n>",
      "steps of learning to read from sentences alone, before pictures (default: 2200, with --init 0)",
      wholeNumber,
    )
    .option(
      "--see-steps <n>",
      "steps of learning to see from pictures alone, before sentences (default: 9000, with --init 0)",
      wholeNumber,
    )
    .option("--peak-rate <rate>", "highest learning rate (default: 0.0012)", positive)
    .option(
      "--freeze <names>",
      "further parameters to leave as they are, by the first words of their names, such as motor,latents",
      listed,
    )
    .option("--sentences <n>", "about each of the 24 pictures of a step", wholeNumber, 4)
    .option(
      "--action-share <share>",
      "of pictures that teach actions; the others teach seeing (default: 0.5)",
      positive,
    )
    .option("--threads <n>", "threads of the engine", wholeNumber, 2)
    .option("--resume", "go on with the training in --out", false)
    .addHelpText("after", TRAIN_HELP)
    .action(train);
}

type TrainFlags = {
  readonly data: string;
  readonly out: string;
  readonly steps: number;
  readonly stopAt?: number;
  readonly seed: number;
  readonly init?: string;
  readonly readSteps?: number;
  readonly seeSteps?: number;
  readonly peakRate?: number;
  readonly freeze?: readonly string[];
  readonly sentences: number;
  readonly actionShare?: number;
  readonly threads: number;
  readonly resume: boolean;
};

async function train(flags: TrainFlags): Promise<void> {
  const [{ trainTabletop }, { trainingConfig }, { createProgress }] = await Promise.all([
    import("@bidden/train/node"),
    import("@bidden/train"),
    import("../progress.ts"),
  ]);
  const readSteps = flags.readSteps ?? (flags.init === undefined ? READ_STEPS : 0);
  const seeSteps = flags.seeSteps ?? (flags.init === undefined ? SEE_STEPS : 0);
  const seeing = createProgress("learning to see", seeSteps);
  const reading = createProgress("learning to read", readSteps);
  let training: Progress | undefined;
  // Its clock starts with the first steps, not with what comes before.
  const progress = (): Progress => (training ??= createProgress("training", flags.steps));
  const checkpoint = await trainTabletop(trainingConfig, {
    ...flags,
    readSteps,
    seeSteps,
    onSee: (step, { loss }) => seeing.update(step, `loss ${(loss ?? 0).toFixed(3)}`),
    ...(flags.actionShare === undefined ? {} : { sampler: { actionShare: flags.actionShare } }),
    onRead: (step, { loss }) => reading.update(step, `loss ${(loss ?? 0).toFixed(3)}`),
    onStep: ({ step, samplesPerS, dataWait, metrics }) => {
      const losses = ["loss", "point", "regression", "done"].map(
        (name) => `${name} ${(metrics[name] ?? 0).toFixed(3)}`,
      );
      progress().update(
        step,
        `${samplesPerS.toFixed(0)} pictures/s, waits for data ${Math.round(dataWait * 100)} %, ${losses.join(", ")}`,
      );
    },
  });
  progress().end(`checkpoint in ${checkpoint}`);
}

function listed(text: string): readonly string[] {
  return text.split(",").map((name) => name.trim());
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError("expected a number between 0 and 1");
  return value;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("expected a whole number");
  return value;
}
