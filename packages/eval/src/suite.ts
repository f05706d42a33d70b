/**
 * A suite of episodes in this process: plan, roll out one after another, sum up. For recipes between rounds of training and,
 * by several threads (`pool.node.ts`), for `bidden eval`.
 */
import type { Policy } from "@bidden/runtime";
import type { World } from "@bidden/sim";
import type { EpisodePlan, EpisodeRecord } from "./episode.ts";
import { causeOf } from "./failures.ts";
import { ReplayKeeper } from "./keep-replays.ts";
import { type PlanOptions, planSuite } from "./plan.ts";
import { isRightAnswer } from "./right-answer.ts";
import { type Rollout, rollout } from "./rollout.ts";
import { type Summary, summarise } from "./summary.ts";

export type EpisodeOptions = {
  readonly head?: string;
  readonly maxSeconds?: number;
  readonly inferDelayMs?: number;
  /** Ends the episode at its next thought; what came of it then counts for nothing. */
  readonly signal?: AbortSignal;
};

export type EvaluateOptions = PlanOptions &
  EpisodeOptions & {
    readonly world: World;
    readonly policy: Policy;
    /** After every episode. Answering "end" stops early: the summary then covers what was measured. */
    readonly onEpisode?: (record: EpisodeRecord, done: number, total: number) => void | "end";
  };

export type Evaluation = {
  readonly records: readonly EpisodeRecord[];
  readonly planned: number;
  readonly summary: Summary;
};

export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const plans = planSuite(options);
  const keeper = new ReplayKeeper();
  const records: EpisodeRecord[] = [];
  for (const plan of plans) {
    const record = keeper.keep(await runEpisode(plan, options.world, options.policy, options));
    records.push(record);
    if (options.onEpisode?.(record, records.length, plans.length) === "end") break;
  }
  return { records, planned: plans.length, summary: summarise(records) };
}

/** Runs one planned episode and grades it. */
export async function runEpisode(
  plan: EpisodePlan,
  world: World,
  policy: Policy,
  { head, maxSeconds, inferDelayMs, signal }: EpisodeOptions = {},
): Promise<EpisodeRecord> {
  const rolled = await rollout({
    world,
    policy,
    seed: plan.seed,
    instruction: plan.instruction,
    task: plan.kind === "ordinary" ? plan.task : null,
    ...(head === undefined ? {} : { head }),
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
    ...(inferDelayMs === undefined ? {} : { inferDelayMs }),
    ...(signal === undefined ? {} : { onStep: () => (signal.aborted ? "end" : undefined) }),
  });
  return grade(plan, rolled);
}

export function grade(plan: EpisodePlan, { result, watched, replay }: Rollout): EpisodeRecord {
  const success =
    plan.kind === "ordinary" ? result.verdict === "done" : isRightAnswer(plan, result, watched.candidates);
  return { plan, result, watched, success, cause: causeOf(plan, result, watched, success), replay };
}
