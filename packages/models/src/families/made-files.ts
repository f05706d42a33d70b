/** A made checkpoint in memory, for small sizes: what `policy make` writes to a folder. */
import { type TensorData, writeSafetensors } from "@bidden/tensor";
import type { WrittenFiles } from "../checkpoint/make.ts";

export function madeFiles(written: WrittenFiles): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  const files = new Map<string, Uint8Array>();
  for (const [name, content] of written.files) {
    files.set(name, typeof content === "string" ? encoder.encode(content) : content);
  }
  for (const { file, tensors, fill, metadata } of written.weights) {
    const filled = new Map<string, TensorData>();
    for (const { name, dtype, shape } of tensors) filled.set(name, { dtype, shape, data: fill(name, shape) });
    files.set(file, writeSafetensors(filled, metadata));
  }
  return files;
}
