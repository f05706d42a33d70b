/** `bidden policy pull`: a checkpoint from the hub, or a folder that is there already. */
import { existsSync } from "node:fs";
import { familyOf } from "@bidden/models";
import { openFolder, pullCheckpoint } from "@bidden/models/node";
import type { PullFlags } from "../commands/policy.ts";
import { createProgress } from "../progress.ts";
import { bytesText } from "./print.ts";

export async function pull(name: string, flags: PullFlags): Promise<void> {
  if (existsSync(name)) {
    process.stdout.write(`${name} is here already: ${await familyAt(name)}\n`);
    return;
  }
  const progress = createProgress(`pulling ${name}, per mille`, 1000);
  const pulled = await pullCheckpoint(name, {
    revision: flags.revision,
    precision: flags.precision,
    ...(flags.to === undefined ? {} : { to: flags.to }),
    progress: (done, total, file) =>
      progress.update(Math.floor((1000 * done) / Math.max(1, total)), `${bytesText(done)}, ${file}`),
  });
  const { folder, revision, bytes, fetchedBytes, offline } = pulled;
  const how = offline
    ? "the hub was not reached, so this is what was pulled before"
    : `${bytesText(fetchedBytes)} fetched now, every file as the hub names it`;
  process.stdout.write(`${name} at ${revision.slice(0, 12)}: ${bytesText(bytes)} in ${folder} (${how})\n`);
  process.stdout.write(`${await familyAt(folder)}\n`);
}

async function familyAt(folder: string): Promise<string> {
  const checkpoint = await openFolder(folder);
  try {
    return `family ${familyOf(checkpoint).name}, ${checkpoint.tensors.size} tensors`;
  } finally {
    await checkpoint.close();
  }
}
