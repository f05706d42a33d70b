/**
 * A variant beside a checkpoint (`<checkpoint>/variants/<name>`): its own files, and those of the checkpoint that it lacks. Own
 * weights replace the checkpoint's; a file of normalisation buffers alone is added to them.
 */
import { Checkpoint, openCheckpoint } from "./checkpoint.ts";
import type { CheckpointSource } from "./source.ts";

const BASE = "base/";
const WEIGHTS = /^(model|pytorch_model)[^/]*\.safetensors(\.index\.json)?$/;
const NOT_INHERITED = /^(variants\/|goldens?\.(json|safetensors)$)/;
const BUFFERS = /^(un)?normalize_(inputs|targets|outputs)\b/;
const PROCESSORS = /^policy_(pre|post)processor/;

/** The variant as a checkpoint of its own. Closing it closes both sources. */
export async function openVariant(variant: CheckpointSource, base: CheckpointSource): Promise<Checkpoint> {
  const own = await variant.list();
  const hasWeights = own.some((file) => WEIGHTS.test(file));
  const alone = hasWeights ? (await openCheckpoint(variant)).tensors : new Map();
  const buffersOnly = alone.size > 0 && [...alone.keys()].every((name) => BUFFERS.test(name));
  const hasBuffers = [...alone.keys()].some((name) => BUFFERS.test(name));
  const hidden = (file: string): boolean =>
    NOT_INHERITED.test(file) || (hasWeights && WEIGHTS.test(file)) || (hasBuffers && PROCESSORS.test(file));
  const inherited = (await base.list()).filter((file) => !own.includes(file) && !hidden(file));
  const source = overlay(variant, base, own, inherited);
  const checkpoint = await openCheckpoint(source);
  if (!buffersOnly) return checkpoint;
  const tensors = new Map(checkpoint.tensors);
  for (const info of (await openCheckpoint(base)).tensors.values()) {
    tensors.set(info.name, { ...info, file: `${BASE}${info.file}` });
  }
  return new Checkpoint(source, checkpoint.files, tensors, checkpoint.config);
}

function overlay(
  variant: CheckpointSource,
  base: CheckpointSource,
  own: readonly string[],
  inherited: readonly string[],
): CheckpointSource {
  const place = (path: string): readonly [CheckpointSource, string] | null => {
    if (own.includes(path)) return [variant, path];
    if (path.startsWith(BASE)) return [base, path.slice(BASE.length)];
    return inherited.includes(path) ? [base, path] : null;
  };
  return {
    label: variant.label,
    list: () => Promise.resolve([...own, ...inherited].sort()),
    size: (path) => {
      const found = place(path);
      return found === null ? Promise.resolve(null) : found[0].size(found[1]);
    },
    read: (path, offset, length) => {
      const [source, file] = place(path) ?? [variant, path];
      return source.read(file, offset, length);
    },
    locate: (path) => {
      if (path === "") return base.locate("");
      const found = place(path);
      return found === null ? null : found[0].locate(found[1]);
    },
    close: async () => {
      await variant.close();
      await base.close();
    },
  };
}
