/** `bidden policy make`: a checkpoint with random weights. */
import { readFile } from "node:fs/promises";
import { BiddenError, messageOf } from "@bidden/runtime";
import { familyByName } from "@bidden/models";
import { writeCheckpoint } from "@bidden/models/node";
import type { MakeFlags } from "../commands/policy.ts";
import { createProgress } from "../progress.ts";
import { bytesText } from "./print.ts";

export async function make(name: string, folder: string, flags: MakeFlags): Promise<void> {
  const family = familyByName(name);
  if (family.make === undefined) {
    throw new BiddenError("unsupported", `The family "${name}" makes no checkpoints.`, { name });
  }
  const dims = flags.dims === undefined ? {} : await readDims(flags.dims);
  const written = family.make({ size: flags.size, dims, seed: flags.seed });
  const progress = createProgress(`writing ${name} to ${folder}, per mille`, 1000);
  let bytes = 0;
  await writeCheckpoint(folder, written, (done, total) => {
    bytes = total;
    progress.update(Math.floor((1000 * done) / total), bytesText(done));
  });
  progress.end(`${bytesText(bytes)} written`);
  process.stdout.write(`${name}, random weights of seed ${flags.seed}, ${bytesText(bytes)} in ${folder}\n`);
}

async function readDims(path: string): Promise<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new BiddenError("bad-argument", `--dims ${path} could not be read: ${messageOf(error)}.`, { path }, error);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new BiddenError("bad-argument", `--dims ${path}: expected a JSON object.`, { path });
}
