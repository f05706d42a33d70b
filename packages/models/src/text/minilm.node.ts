/** The bundled text encoder, from this package's own folder. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { SessionOptions } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import type { InstructionEncoder } from "./instruction-encoder.ts";
import { createMinilm } from "./minilm.ts";

const FOLDER = fileURLToPath(new URL("../../checkpoints/minilm/", import.meta.url));

export async function loadMinilm(options: SessionOptions = {}): Promise<InstructionEncoder> {
  let files: { weights: Uint8Array; tokenizer: string };
  try {
    files = {
      weights: readFileSync(`${FOLDER}model.safetensors`),
      tokenizer: readFileSync(`${FOLDER}tokenizer.json`, "utf8"),
    };
  } catch (error) {
    throw new BiddenError(
      "bad-checkpoint",
      `The bundled text encoder could not be read: ${messageOf(error)}.`,
      {},
      error,
    );
  }
  return createMinilm(files, createSession, options);
}
