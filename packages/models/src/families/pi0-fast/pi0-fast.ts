/**
 * π0-FAST (Pertsch et al. 2025, arXiv:2501.09747): PaliGemma alone, which writes its actions as words. A chunk is a cosine
 * transform along time, rounded, and packed by byte-pair encoding (the FAST tokenizer).
 */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyInfo, FamilyOptions, PolicyFamily } from "../../checkpoint/family.ts";
import { wordRows } from "../../checkpoint/words.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { dimsHints, piKind } from "../pi0/config.ts";
import { describePi } from "../pi0/describe.ts";
import { readDims } from "../pi0/dims.ts";
import { makePi } from "../pi0/make.ts";
import { PiModel, piGraphs } from "../pi0/model.ts";
import { formsOf } from "../pi0/precision.ts";
import { piScaling } from "../pi0/scaling.ts";
import { bindPi, embeddingTensor, piTensors } from "../pi0/tensors.ts";
import { needId } from "../pi0/words.ts";
import { DECODING_SETTING, fastConfig } from "./config.ts";
import { openFast } from "./fast.ts";
import { checkFastGolden } from "./golden.ts";
import { checkAnswerLoss } from "./golden-train.ts";
import { headGraph } from "./graphs.ts";
import { FastDecoder } from "./model.ts";
import { type PiFastParts, PiFastPolicy } from "./policy.ts";

export const pi0Fast: PolicyFamily = {
  name: "pi0_fast",
  matches: (checkpoint) => piKind(checkpoint) === "pi0_fast",
  describe,
  async open(checkpoint, engine, options) {
    return new PiFastPolicy(await describe(checkpoint, options), await openParts(checkpoint, engine, options));
  },
  async checkGolden(checkpoint, engine, check) {
    const parts = await openParts(checkpoint, engine);
    try {
      await checkFastGolden(parts, check);
      if (check.golden.has("train/loss")) await checkAnswerLoss(parts, { checkpoint, engine }, check);
    } finally {
      await Promise.all([parts.decoder.close(), parts.model.close()]);
    }
  },
  make: (options) => makePi("pi0_fast", options),
};

async function describe(checkpoint: Checkpoint, options: FamilyOptions = {}): Promise<FamilyInfo> {
  const config = await fastConfig(checkpoint, options);
  const tensors = piTensors(checkpoint, config.kind);
  const dims = readDims(config.kind, tensors.shapes, await dimsHints(checkpoint));
  const scaling = await piScaling(checkpoint, config, options.dataset);
  const info = describePi({ checkpoint, config, dims, tensors, scaling });
  const short = `n_action_steps is ${config.executed}; actions are decoded for all ${config.horizon} of chunk_size`;
  return {
    ...info,
    notes: [
      ...info.notes,
      `decoding: ${config.decoding} (setting ${DECODING_SETTING})`,
      ...(config.executed === config.horizon ? [] : [short]),
    ],
  };
}

async function openParts(checkpoint: Checkpoint, engine: Engine, options: FamilyOptions = {}): Promise<PiFastParts> {
  const config = await fastConfig(checkpoint, options);
  const tensors = piTensors(checkpoint, config.kind);
  const dims = readDims(config.kind, tensors.shapes, await dimsHints(checkpoint));
  const words = await loadTokenizer(checkpoint);
  const fast = await openFast(checkpoint);
  const forms = formsOf(options.precision);
  const weights = bindPi(checkpoint, tensors, [...piGraphs(dims, config.horizon, forms), headGraph(dims, forms.netOn)]);
  const embed = wordRows(checkpoint, embeddingTensor(tensors), dims.text.width);
  const model = new PiModel({ dims, weights, embed, engine, horizon: config.horizon, time: config.time, forms });
  return {
    config,
    model,
    words,
    fast,
    scaling: await piScaling(checkpoint, config, options.dataset),
    decoder: new FastDecoder({ model, weights, engine, forms }),
    bos: needId(words, "<bos>"),
    actionWords: {
      prefix: words.encode("Action: "),
      end: needId(words, "|"),
      vocabulary: dims.vocabulary,
      skipped: config.skipped,
    },
  };
}
