/** From a checkpoint to a `Policy` on a robot, wherever its files come from. */
import type { Policy } from "@bidden/runtime";
import { type Checkpoint, openCheckpoint } from "../checkpoint/checkpoint.ts";
import type { Engine } from "../checkpoint/engine.ts";
import { familyOf } from "../checkpoint/families.ts";
import type { FamilyOptions } from "../checkpoint/family.ts";
import { memorySource } from "../checkpoint/source.ts";
import { type EmbodimentMap, matchEmbodiment, NO_MAP, readEmbodimentMap, type Robot } from "./match.ts";
import { asPolicy } from "./published-policy.ts";

export type LoadOptions = FamilyOptions & {
  /** The robot that it will drive. */
  readonly embodiment: Robot;
  /** In place of the checkpoint's embodiment.json. */
  readonly map?: EmbodimentMap;
};

/** Opens a checkpoint and matches it with the robot first: a mismatch is told before weights are read. */
export async function loadPolicyFrom(checkpoint: Checkpoint, engine: Engine, options: LoadOptions): Promise<Policy> {
  const { embodiment: robot, dataset } = options;
  const family = familyOf(checkpoint);
  const told = await checkpoint.json("embodiment.json");
  const map = options.map ?? (told === null ? NO_MAP : readEmbodimentMap(told));
  const match = matchEmbodiment(await family.describe(checkpoint, options), robot, map);
  const published = await family.open(checkpoint, engine, options);
  const modelDigest = await weightsDigest(checkpoint);
  const release = (): Promise<void> => checkpoint.close();
  return asPolicy(published, match, { robot, modelDigest, release, ...(dataset === undefined ? {} : { dataset }) });
}

/**
 * In a browser: from files that were fetched.
 * @param files by their path within the checkpoint
 */
export async function loadPolicyFromFiles(
  files: ReadonlyMap<string, Uint8Array>,
  engine: Engine,
  options: LoadOptions,
): Promise<Policy> {
  return loadPolicyFrom(await openCheckpoint(memorySource(files)), engine, options);
}

/** Read at a time when weights are hashed. */
const PART_BYTES = 1 << 24;

/** SHA-256 over the SHA-256 of every 16 MiB of the weights' files in order: files of any size in little memory. */
export async function weightsDigest({ source, tensors }: Checkpoint): Promise<string> {
  const files = [...new Set([...tensors.values()].map((info) => info.file))].sort();
  const digests: Uint8Array[] = [];
  for (const file of files) {
    const size = (await source.size(file)) ?? 0;
    for (let at = 0; at < size; at += PART_BYTES) {
      const part = await source.read(file, at, Math.min(PART_BYTES, size - at));
      digests.push(new Uint8Array(await crypto.subtle.digest("SHA-256", part as Uint8Array<ArrayBuffer>)));
    }
  }
  const joined = new Uint8Array(digests.length * 32);
  digests.forEach((digest, i) => joined.set(digest, i * 32));
  const all = new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
  return Array.from(all, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
