/** `bidden policy check`: golden comparison where there is something to compare with, a synthetic run elsewhere. */
import { statSync } from "node:fs";
import { createRng } from "@bidden/runtime";
import { type Checkpoint, familyOf, type FamilyInfo, type FamilyObservation, type StageResult } from "@bidden/models";
import { checkGoldenFolders, type FolderReport, nodeEngine, openFolder, receiptOf } from "@bidden/models/node";
import type { CheckFlags } from "../commands/policy.ts";
import { rotationsKind } from "./check-rotations.ts";
import { checkpointPath, familyOptions } from "./open.ts";
import { bytesText, columns, msText } from "./print.ts";

export async function check(name: string, flags: CheckFlags): Promise<void> {
  const path = checkpointPath(name);
  const engine = nodeEngine({
    threads: flags.threads,
    ...(flags.provider === undefined ? {} : { provider: flags.provider }),
  });
  const reports: FolderReport[] = [];
  if (statSync(path).isDirectory()) {
    for await (const report of checkGoldenFolders(path, engine, [rotationsKind])) {
      reports.push(report);
      if (flags.json !== true) process.stdout.write(`${sayReport(report, flags.all === true)}\n`);
    }
  }
  if (reports.length === 0) {
    await checkSynthetic(path, flags, engine);
    return;
  }
  const pass = reports.every((report) => report.pass);
  if (flags.json === true)
    process.stdout.write(`${JSON.stringify({ checkpoint: path, pass, folders: reports.map(plain) })}\n`);
  else {
    const stages = reports.reduce((sum, report) => sum + report.results.length, 0);
    const verdict = pass ? "all within tolerance" : "NOT within tolerance";
    process.stdout.write(`${stages} stages in ${reports.length} folders: ${verdict}\n`);
  }
  process.exitCode = pass ? 0 : 1;
}

/** JSON has no Infinity: an error that has no size becomes null. */
function plain({ results, ...report }: FolderReport): unknown {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
  return {
    ...report,
    stages: results.map(({ maxAbs, relL2, ...rest }) => ({ ...rest, maxAbs: finite(maxAbs), relL2: finite(relL2) })),
  };
}

function sayReport(report: FolderReport, all: boolean): string {
  const { folder, kind, results, pass, error, notes, ms } = report;
  const failed = results.filter((result) => !result.pass);
  const shown = all ? results : failed.length > 0 ? failed : worst(results);
  return [
    `${pass ? "ok  " : "FAIL"} ${folder} (${kind}, ${results.length} stages, ${msText(ms)})`,
    ...(error === null ? [] : [`     ${error}`]),
    ...shown.map((result) => `     ${sayStage(result)}`),
    ...notes.map((note) => `     note: ${note}`),
  ].join("\n");
}

/** The stages with the largest errors. */
function worst(results: readonly StageResult[]): readonly StageResult[] {
  return results.toSorted((a, b) => b.relL2 - a.relL2).slice(0, 3);
}

function sayStage({ stage, maxAbs, relL2, tolerance, pass, problem }: StageResult): string {
  const bounds = Object.entries(tolerance).map(([name, bound]) => `${name} <= ${bound}`);
  const came = `largest error ${maxAbs.toExponential(1)}, relative L2 ${relL2.toExponential(1)}`;
  return `${pass ? "  " : "X "}${stage}: ${problem ?? `${came} (${bounds.join(", ")})`}`;
}

async function checkSynthetic(path: string, flags: CheckFlags, engine: ReturnType<typeof nodeEngine>): Promise<void> {
  const checkpoint = await openFolder(path);
  try {
    const report = await runOnce(checkpoint, flags, engine);
    const lines = flags.json === true ? JSON.stringify(report) : sayRun(report);
    process.stdout.write(`${lines}\n`);
    process.exitCode = report.pass ? 0 : 1;
  } finally {
    await checkpoint.close();
  }
}

type RunReport = {
  readonly checkpoint: string;
  readonly family: string;
  readonly pass: boolean;
  readonly openMs: number;
  readonly stages: readonly { readonly stage: string; readonly ms: number }[];
  readonly totalMs: number;
  readonly memoryBytes: number;
  readonly chunk: readonly [horizon: number, dim: number];
  readonly warnings: readonly string[];
};

async function runOnce(
  checkpoint: Checkpoint,
  flags: CheckFlags,
  engine: ReturnType<typeof nodeEngine>,
): Promise<RunReport> {
  const before = performance.now();
  const family = familyOf(checkpoint);
  const policy = await family.open(checkpoint, engine, {
    ...familyOptions(flags),
    precision: flags.precision ?? receiptOf(checkpoint.label)?.precision ?? "fp32",
  });
  const opened = performance.now();
  try {
    const dataset = flags.dataset === undefined ? {} : { dataset: flags.dataset };
    const observation = syntheticObservation(policy.info);
    // The first run also reads weights and lays out memory: the second is what a robot would wait for.
    await policy.predict(observation, { seed: 1, ...dataset });
    const began = performance.now();
    const chunk = await policy.predict(observation, { seed: 1, ...dataset });
    const totalMs = performance.now() - began;
    const finite = chunk.actions.every(Number.isFinite);
    return {
      checkpoint: checkpoint.label,
      family: family.name,
      pass: finite,
      openMs: opened - before,
      stages: Object.entries(chunk.stageMs).map(([stage, ms]) => ({ stage, ms })),
      totalMs,
      memoryBytes: process.memoryUsage.rss(),
      chunk: [chunk.horizon, chunk.dim],
      warnings: [...chunk.warnings, ...(finite ? [] : ["The actions are not finite."])],
    };
  } finally {
    await policy.close();
  }
}

function sayRun(report: RunReport): string {
  const rows: [string, string][] = [
    ["checkpoint", report.checkpoint],
    ["family", report.family],
    ["opened in", msText(report.openMs)],
    ...report.stages.map(({ stage, ms }): [string, string] => [stage, msText(ms)]),
    ["a chunk", `${report.chunk[0]} actions of ${report.chunk[1]} numbers in ${msText(report.totalMs)}`],
    ["memory", bytesText(report.memoryBytes)],
    ...report.warnings.map((warning): [string, string] => ["warning", warning]),
    ["result", report.pass ? "ran; there are no golden files here to compare with" : "FAILED"],
  ];
  return columns(rows);
}

/** Noise for every camera, a state of zeros, a plain sentence: the same at every run. */
export function syntheticObservation(info: FamilyInfo): FamilyObservation {
  const images: Record<string, { width: number; height: number; data: Uint8Array }> = {};
  for (const { name, width, height } of info.cameras) {
    const rng = createRng(7).fork(name);
    const data = Uint8Array.from({ length: width * height * 3 }, () => Math.floor(rng.uniform() * 256));
    images[name] = { width, height, data };
  }
  return { images, state: new Float32Array(info.state.dim), instruction: "pick up the red block" };
}
