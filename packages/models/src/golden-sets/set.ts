/** Golden sets that belong to no checkpoint: pictures, tokenizers, rotations, hostile files. */
import { BiddenError } from "@bidden/runtime";
import type { Engine } from "../checkpoint/engine.ts";
import { type GoldenCheck, openGolden, GoldenSet } from "../checkpoint/golden.ts";
import { Fields, parseJson } from "../checkpoint/json.ts";
import type { CheckpointSource } from "../checkpoint/source.ts";

export type GoldenKind = {
  readonly name: string;
  /** By the names of the files in the folder itself. */
  matches(files: readonly string[]): boolean;
  check(source: CheckpointSource, check: GoldenCheck, engine: Engine): Promise<void>;
};

/** A golden set without golden.json: only somewhere to put results. */
export async function looseGolden(source: CheckpointSource): Promise<GoldenSet> {
  return (await openGolden(source)) ?? new GoldenSet(source, new Fields({}, ""), new Map());
}

export async function readJson(source: CheckpointSource, file: string): Promise<Fields> {
  return new Fields(parseJson(await readText(source, file), file), file);
}

export async function readText(source: CheckpointSource, file: string): Promise<string> {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await readAll(source, file));
}

export async function readAll(source: CheckpointSource, file: string): Promise<Uint8Array> {
  const size = await source.size(file);
  if (size === null) throw new BiddenError("not-found", `${source.label} has no file "${file}".`, { file });
  return source.read(file, 0, size);
}
