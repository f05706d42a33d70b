/** π0-FAST as a policy: an observation in, words that stand for actions out, and back to actions. */
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
} from "../../checkpoint/family.ts";
import { embedPrefix, type PiParts, readObservation } from "../pi0/policy.ts";
import type { FastTokenizer } from "../../tokenizers/fast.ts";
import { type ActionWords, decodeActions } from "./actions.ts";
import type { FastConfig } from "./config.ts";
import { chunkGrammar } from "./grammar.ts";
import type { FastDecoder } from "./model.ts";

export type PiFastParts = Omit<PiParts, "info" | "config"> & {
  readonly config: FastConfig;
  readonly decoder: FastDecoder;
  readonly fast: FastTokenizer;
  readonly actionWords: ActionWords;
  /** The token that begins a prompt, and once more the answer. */
  readonly bos: number;
};

export class PiFastPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: PiFastParts;

  constructor(info: FamilyInfo, parts: PiFastParts) {
    this.info = info;
    this.#parts = parts;
  }

  async predict(observation: FamilyObservation, _options: PredictOptions): Promise<FamilyChunk> {
    const { config, model, decoder, scaling, fast, actionWords } = this.#parts;
    const size = { horizon: config.horizon, dim: config.actionDim };
    const began = performance.now();
    const read = readObservation(observation, this.#parts);
    const prepared = performance.now();
    const embeds = await embedPrefix(model, read.pixels, [...read.ids, this.#parts.bos]);
    const seen = performance.now();
    const prefix = await model.prefix(embeds, { hidden: true });
    const understood = performance.now();
    const ids = await decoder.decode(prefix, {
      maxTokens: config.maxDecoded,
      end: actionWords.end,
      ...(config.decoding === "constrained" ? { grammar: chunkGrammar(actionWords, fast, size) } : {}),
    });
    const { values, problems } = decodeActions(ids, actionWords, fast, size);
    return {
      actions: scaling.actionsOut(values),
      normalised: values,
      ...size,
      stageMs: {
        preprocess: prepared - began,
        vision: seen - prepared,
        prefix: understood - seen,
        decode: performance.now() - understood,
      },
      warnings: problems,
      executable: problems.length === 0,
    };
  }

  reset(): void {
    // Nothing is kept from one prediction to the next.
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.decoder.close(), this.#parts.model.close()]);
  }
}
