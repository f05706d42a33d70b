/** Walks a folder and compares everything in it that has golden files: checkpoints of every family, their variants, loose sets. */
import { type Dirent, existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf } from "@bidden/runtime";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.ts";
import type { Engine } from "../checkpoint/engine.ts";
import { FAMILIES } from "../checkpoint/families.ts";
import type { PolicyFamily } from "../checkpoint/family.ts";
import { GoldenCheck, openGolden, type StageResult } from "../checkpoint/golden.ts";
import { openVariant } from "../checkpoint/overlay.ts";
import { folderSource } from "../checkpoint/source.node.ts";
import { GOLDEN_KINDS } from "./kinds.ts";
import { type GoldenKind, looseGolden } from "./set.ts";

export type FolderReport = {
  readonly folder: string;
  /** A family's name, or what kind of set it is. */
  readonly kind: string;
  readonly pass: boolean;
  readonly results: readonly StageResult[];
  readonly notes: readonly string[];
  /** Why it could not be compared to the end. */
  readonly error: string | null;
  readonly ms: number;
};

const MAX_DEPTH = 4;

/** @param kinds sets that belong to no checkpoint, beside those of this package */
export async function* checkGoldenFolders(
  path: string,
  engine: Engine,
  kinds: readonly GoldenKind[] = [],
): AsyncGenerator<FolderReport> {
  yield* walk(resolve(path), engine, [...GOLDEN_KINDS, ...kinds], 0);
}

async function* walk(
  folder: string,
  engine: Engine,
  kinds: readonly GoldenKind[],
  depth: number,
): AsyncGenerator<FolderReport> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  const kind = kinds.find((candidate) => candidate.matches(files));
  if (kind !== undefined) {
    yield await checkLoose(folder, kind, engine);
    return;
  }
  const base = baseOf(folder);
  if (base !== null) {
    yield await checkVariant(folder, base, engine);
    return;
  }
  let family: PolicyFamily | null = null;
  try {
    if (files.some((file) => /^(config\.json|goldens?\.json)$/.test(file))) family = await familyAt(folder);
  } catch (thrown) {
    yield { folder, kind: "checkpoint", pass: false, results: [], notes: [], error: messageOf(thrown), ms: 0 };
    return;
  }
  if (family !== null) {
    yield await checkCheckpoint(folder, family, engine);
    for (const name of await foldersOf(join(folder, "variants"))) {
      yield await checkVariant(join(folder, "variants", name), folder, engine);
    }
    return;
  }
  if (depth === MAX_DEPTH) return;
  for (const entry of entries.filter(isFolder).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    yield* walk(join(folder, entry.name), engine, kinds, depth + 1);
  }
}

function isFolder(entry: Dirent): boolean {
  return entry.isDirectory() && !entry.name.startsWith(".");
}

async function foldersOf(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter(isFolder)
    .map((entry) => entry.name)
    .sort();
}

/** The checkpoint that a variant's folder belongs to. */
export function baseOf(folder: string): string | null {
  const parent = dirname(folder);
  const base = dirname(parent);
  return basename(parent) === "variants" && existsSync(join(base, "config.json")) ? base : null;
}

/** Opens a folder as a checkpoint: on its own, or as a variant of the checkpoint two levels above. */
export async function openFolder(folder: string): Promise<Checkpoint> {
  const base = baseOf(resolve(folder));
  return base === null ? openCheckpoint(folderSource(folder)) : openVariant(folderSource(folder), folderSource(base));
}

async function familyAt(folder: string): Promise<PolicyFamily | null> {
  const source = folderSource(folder);
  try {
    if ((await openGolden(source)) === null) return null;
    const checkpoint = await openCheckpoint(source);
    return FAMILIES.find((family) => family.matches(checkpoint)) ?? null;
  } finally {
    await source.close();
  }
}

async function checkLoose(folder: string, kind: GoldenKind, engine: Engine): Promise<FolderReport> {
  const source = folderSource(folder);
  const check = new GoldenCheck(await looseGolden(source));
  return reported(folder, kind.name, check, () => kind.check(source, check, engine)).finally(() => source.close());
}

async function checkCheckpoint(folder: string, family: PolicyFamily, engine: Engine): Promise<FolderReport> {
  const source = folderSource(folder);
  const check = new GoldenCheck(await looseGolden(source));
  return reported(folder, family.name, check, async () => {
    const checkpoint = await openCheckpoint(source);
    await family.checkGolden?.(checkpoint, engine, check);
  }).finally(() => source.close());
}

async function checkVariant(folder: string, base: string, engine: Engine): Promise<FolderReport> {
  const [own, above] = [folderSource(folder), folderSource(base)];
  const baseGolden = await looseGolden(above);
  const check = new GoldenCheck((await openGolden(own)) ?? baseGolden, baseGolden);
  let name = "variant";
  return reported(
    folder,
    () => name,
    check,
    async () => {
      const checkpoint = await openVariant(own, above);
      const family = FAMILIES.find((candidate) => candidate.matches(checkpoint));
      name = family?.name ?? name;
      await family?.checkGolden?.(checkpoint, engine, check);
    },
  ).finally(async () => {
    await own.close();
    await above.close();
  });
}

async function reported(
  folder: string,
  kind: string | (() => string),
  check: GoldenCheck,
  run: () => Promise<void>,
): Promise<FolderReport> {
  const began = performance.now();
  let error: string | null = null;
  try {
    await run();
    if (check.results.length === 0) error = "Nothing was compared.";
  } catch (thrown) {
    error = messageOf(thrown);
  }
  const { results, notes, pass } = check;
  const ms = performance.now() - began;
  return {
    folder,
    kind: typeof kind === "string" ? kind : kind(),
    pass: pass && error === null,
    results,
    notes,
    error,
    ms,
  };
}
