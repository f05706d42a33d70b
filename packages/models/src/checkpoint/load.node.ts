/** Published checkpoints from disk, on onnxruntime-node. */
import { createSession } from "@bidden/tensor/node";
import type { SessionOptions } from "@bidden/tensor";
import { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
import type { Engine } from "./engine.ts";
import { familyOf } from "./families.ts";
import type { FamilyOptions, PublishedPolicy } from "./family.ts";
import { keptBeside } from "./kept.node.ts";
import { folderSource } from "./source.node.ts";

/** onnxruntime-node with these options. */
export function nodeEngine(options: SessionOptions = {}): Engine {
  return { openSession: createSession, options, kept: keptBeside() };
}

/** Opens a folder, or one safetensors file, to its metadata. */
export function openCheckpointAt(path: string): Promise<Checkpoint> {
  return openCheckpoint(folderSource(path));
}

/** Opens a published checkpoint of any family, ready to predict; its files are closed with it, or at once where it is refused. */
export async function openPublished(
  path: string,
  options: FamilyOptions & { readonly session?: SessionOptions } = {},
): Promise<PublishedPolicy> {
  const checkpoint = await openCheckpointAt(path);
  try {
    const policy = await familyOf(checkpoint).open(checkpoint, nodeEngine(options.session), options);
    return {
      info: policy.info,
      predict: (observation, how) => policy.predict(observation, how),
      reset: () => policy.reset(),
      close: async () => {
        await policy.close();
        await checkpoint.close();
      },
    };
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
}
