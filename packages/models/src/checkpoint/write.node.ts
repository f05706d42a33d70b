/** Writes a checkpoint into a new folder, tensor by tensor: full sizes never lie in memory as a whole. */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BiddenError } from "@bidden/runtime";
import { bytesOf, bytesPerElement, type Elements, planSafetensors, sizeOf } from "@bidden/tensor";
import type { WrittenFiles, WrittenWeights } from "./make.ts";

type Weights = WrittenWeights<Elements | Promise<Elements>>;

/**
 * @param folder must be new or empty
 * @param progress called after every tensor with the bytes written so far and in all
 */
export async function writeCheckpoint(
  folder: string,
  written: WrittenFiles<Elements | Promise<Elements>>,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<void> {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new BiddenError("bad-argument", `"${folder}" holds files already; name a new folder.`, { folder });
  }
  await mkdir(folder, { recursive: true });
  const total = written.weights.reduce((sum, weights) => sum + plan(weights).bytes, 0);
  let done = 0;
  for (const weights of written.weights) {
    await writeWeights(join(folder, weights.file), weights, (bytes) => progress((done += bytes), total));
  }
  for (const [name, content] of written.files) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

function plan({ tensors, metadata }: Weights): ReturnType<typeof planSafetensors> {
  return planSafetensors(new Map(tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }])), metadata);
}

async function writeWeights(path: string, weights: Weights, wrote: (bytes: number) => void): Promise<void> {
  const { head, order } = plan(weights);
  const facts = new Map(weights.tensors.map((tensor) => [tensor.name, tensor]));
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "wx");
  try {
    await handle.write(head);
    wrote(head.length);
    for (const name of order) {
      const { dtype, shape } = facts.get(name) as Weights["tensors"][number];
      const bytes = bytesOf(await weights.fill(name, shape));
      if (bytes.length !== sizeOf(shape) * bytesPerElement(dtype)) {
        throw new BiddenError("internal", `internal: "${name}" was filled with ${bytes.length} bytes`);
      }
      for (let at = 0; at < bytes.length; ) {
        at += (await handle.write(bytes, at, Math.min(bytes.length - at, 1 << 30))).bytesWritten;
      }
      wrote(bytes.length);
    }
  } finally {
    await handle.close();
  }
}
