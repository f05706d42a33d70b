/** Runs a suite over worker threads, with progress and Ctrl-C, and writes its report. */
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import {
  INFERENCE_DELAY_MS,
  planSuite,
  type PlanOptions,
  type Report,
  reportHtml,
  reportJson,
  summaryTable,
} from "@bidden/eval";
import { encodePicture, evaluateInWorkers, type PoolResult } from "@bidden/eval/node";
import { BiddenError } from "@bidden/runtime";
import { makeFolder, writeWhole } from "@bidden/runtime/node";
import { createProgress, type Progress } from "../progress.ts";
import type { EvalSetup } from "./eval-worker.ts";

export type SuiteOptions = PlanOptions & {
  readonly suite: string;
  readonly policy: string;
  readonly head?: string;
  readonly maxSeconds: number;
  readonly workers?: number;
  readonly out?: string;
  readonly json: boolean;
};

/** What a finished evaluation leaves behind. */
type Files = { readonly html: string; readonly json: string };

export async function runSuite(options: SuiteOptions): Promise<void> {
  const began = performance.now();
  // Made before hours are spent: a report that cannot be written is found out first.
  const out = await makeFolder(options.out ?? join("runs", `eval-${stamp(new Date())}`), "for the report");
  const result = await measure(options);
  const report = reportOf(options, result, (performance.now() - began) / 1000);
  const files = await write(report, out).catch((thrown: unknown) => {
    // hours of measuring are not lost with the disk: the table at least is told
    process.stderr.write(`${summaryTable(report.summary)}\n`);
    throw thrown;
  });
  if (options.json) {
    const { setting, planned, measured, summary } = report;
    process.stdout.write(`${JSON.stringify({ setting, planned, measured, summary, files })}\n`);
    return;
  }
  const { measured, planned } = report;
  const part = measured < planned ? ` (ended early: ${measured} of ${planned} episodes)` : "";
  process.stdout.write(`${summaryTable(report.summary)}\n\n${files.html}${part}\n${files.json}\n`);
}

async function measure(options: SuiteOptions): Promise<PoolResult> {
  const { policy, head, maxSeconds, json } = options;
  const plans = planSuite(options);
  if (plans.length === 0)
    throw new BiddenError("bad-argument", "There is nothing to evaluate: --episodes and --unclear are 0.");
  const abort = new AbortController();
  const interrupt = (): void => {
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  };
  process.on("SIGINT", interrupt);
  const progress: Progress | null = json ? null : createProgress("episodes", plans.length);
  let won = 0;
  try {
    return await evaluateInWorkers<EvalSetup>({
      plans,
      worker: new URL("./eval-worker.ts", import.meta.url),
      setup: { policy, maxSeconds, ...(head === undefined ? {} : { head }) },
      workers: options.workers ?? availableParallelism(),
      signal: abort.signal,
      onEpisode: (record, done) => {
        if (record.success) won++;
        progress?.update(done, `${((100 * won) / done).toFixed(0)} % so far`);
      },
    });
  } finally {
    progress?.end(abort.signal.aborted ? "ended early" : "done");
    process.removeListener("SIGINT", interrupt);
  }
}

function reportOf(
  options: SuiteOptions,
  { records, planned, summary, policy }: PoolResult,
  wallSeconds: number,
): Report {
  const { suite, head = null, seed, split = "held-out", maxSeconds } = options;
  return {
    setting: {
      suite,
      command: commandOf(options),
      policy: { name: policy?.name ?? options.policy, modelDigest: policy?.modelDigest ?? "" },
      head,
      seed,
      split,
      maxSeconds,
      inferDelayMs: INFERENCE_DELAY_MS,
      machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, Node ${process.versions.node}, ${process.platform}`,
      date: new Date().toISOString(),
      wallSeconds: Math.round(wallSeconds * 10) / 10,
    },
    planned,
    measured: records.length,
    summary,
    episodes: records,
  };
}

/** The command line that gives the same episodes. */
function commandOf({ suite, episodes, unclear, skills, split, seed, policy, head, maxSeconds }: SuiteOptions): string {
  const flags = [
    `--episodes ${episodes}`,
    `--unclear ${unclear}`,
    `--skills ${skills.join(",")}`,
    `--split ${split ?? "held-out"}`,
    `--seed ${seed}`,
    `--policy ${policy}`,
    ...(head === undefined ? [] : [`--head ${head}`]),
    `--max-seconds ${maxSeconds}`,
  ];
  return `npx bidden eval ${suite} ${flags.join(" ")}`;
}

async function write(report: Report, folder: string): Promise<Files> {
  const files = { html: join(folder, "report.html"), json: join(folder, "report.json") };
  await writeWhole(files.json, reportJson(report));
  await writeWhole(files.html, reportHtml(report, encodePicture));
  return files;
}

/** Such as "2026-11-22T19-04-05". */
function stamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(":", "-");
}
