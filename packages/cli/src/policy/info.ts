/** `bidden policy info`: what a checkpoint is, and what it needs here. */
import { availableParallelism, totalmem } from "node:os";
import { familyOf, type FamilyInfo, type VectorLayout } from "@bidden/models";
import { measureGflops } from "@bidden/models/node";
import type { OpenFlags } from "../commands/policy.ts";
import { familyOptions, openNamed } from "./open.ts";
import { bytesText, columns, countText, msText } from "./print.ts";

export async function printInfo(name: string, flags: OpenFlags): Promise<void> {
  const checkpoint = await openNamed(name);
  try {
    const info = await familyOf(checkpoint).describe(checkpoint, familyOptions(flags));
    const gflops = await measureGflops();
    const ms = info.flops / (gflops * 1e6);
    const memory = { neededBytes: info.memoryBytes, hereBytes: totalmem() };
    const text =
      flags.json === true
        ? JSON.stringify({ checkpoint: checkpoint.label, ...info, here: { ...memory, gflops, estimatedMs: ms } })
        : sayInfo(checkpoint.label, info, ms, gflops);
    process.stdout.write(`${text}\n`);
  } finally {
    await checkpoint.close();
  }
}

function sayInfo(label: string, info: FamilyInfo, ms: number, gflops: number): string {
  const rows: [string, string][] = [
    ["checkpoint", label],
    ["family", info.variant === "" || info.variant === info.family ? info.family : `${info.family}, ${info.variant}`],
    ["parameters", countText(info.parameters)],
    [
      "weights",
      Object.entries(info.weightBytes)
        .map(([type, bytes]) => `${bytesText(bytes)} of ${type}`)
        .join(", "),
    ],
    ...info.cameras.map((camera): [string, string] => [
      "camera",
      `${camera.name}, seen at ${camera.width}x${camera.height}${camera.optional ? ", may be absent" : ""}`,
    ]),
    ["state", info.state.dim === 0 ? "none is read" : sayVector(info.state)],
    ["action", sayVector(info.action)],
    ["chunk", `${info.chunk} actions, ${info.executed} of them executed before the next`],
    ["steps", info.steps === 1 ? "one pass" : `${info.steps} passes a chunk`],
    ["rate", info.rateHz === null ? "not said in the checkpoint" : `${info.rateHz} Hz`],
    ["licence", info.licence ?? "not said in the checkpoint"],
    ["memory", `about ${bytesText(info.memoryBytes)} of ${bytesText(totalmem())} here`],
    [
      "time",
      `about ${msText(ms)} a chunk here (${(info.flops / 1e9).toFixed(1)} GFLOP at ${gflops.toFixed(0)} GFLOP/s on ${availableParallelism()} cores)`,
    ],
    ...info.notes.map((note): [string, string] => ["note", note]),
  ];
  return columns(rows);
}

function sayVector({ dim, names, normalisation }: VectorLayout): string {
  const named = names.length === 0 ? "" : ` (${names.join(", ")})`;
  return `${dim} numbers${named}, ${normalisation}`;
}
