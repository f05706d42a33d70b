/** Opens what a person named as a checkpoint: a folder, a file, or a repository that was pulled before. */
import { existsSync } from "node:fs";
import { BiddenError } from "@bidden/runtime";
import { type Checkpoint, type FamilyOptions } from "@bidden/models";
import { openFolder, pulledFolder } from "@bidden/models/node";
import type { OpenFlags } from "../commands/policy.ts";

export function checkpointPath(name: string): string {
  if (existsSync(name)) return name;
  const pulled = pulledFolder(name);
  if (pulled !== null) return pulled;
  const hint = /^[\w.-]+\/[\w.-]+$/.test(name) ? ` \`bidden policy pull ${name}\` fetches it.` : "";
  throw new BiddenError(
    "not-found",
    `There is no file or folder "${name}", and no such checkpoint was pulled.${hint}`,
    {
      name,
    },
  );
}

export function openNamed(name: string): Promise<Checkpoint> {
  return openFolder(checkpointPath(name));
}

export function familyOptions(flags: OpenFlags): FamilyOptions {
  return { settings: flags.set, ...(flags.dataset === undefined ? {} : { dataset: flags.dataset }) };
}
