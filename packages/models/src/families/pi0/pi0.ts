/**
 * π0 (Black et al. 2024, arXiv:2410.24164) and π0.5 (arXiv:2504.16054): PaliGemma reads pictures and words; a smaller Gemma, the
 * action expert, attends to its keys and values and denoises a chunk of actions. Files of LeRobot and of openpi's PyTorch code.
 */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyOptions, PolicyFamily } from "../../checkpoint/family.ts";
import { wordRows } from "../../checkpoint/words.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { dimsHints, type PiConfig, piConfig, piKind } from "./config.ts";
import { describePi } from "./describe.ts";
import { type PiDims, readDims } from "./dims.ts";
import { checkPiGolden } from "./golden.ts";
import { checkFlowLoss } from "./golden-train.ts";
import { makePi } from "./make.ts";
import { PiModel, piGraphs } from "./model.ts";
import { type PiParts, PiPolicy } from "./policy.ts";
import { formsOf } from "./precision.ts";
import { piScaling, type Scaling } from "./scaling.ts";
import { bindPi, embeddingTensor, type PiTensors, piTensors } from "./tensors.ts";

export const pi0: PolicyFamily = familyOf("pi0");
export const pi05: PolicyFamily = familyOf("pi05");

function familyOf(kind: "pi0" | "pi05"): PolicyFamily {
  return {
    name: kind,
    matches: (checkpoint) => piKind(checkpoint) === kind,
    async describe(checkpoint, options) {
      return describePi(await readPi(checkpoint, options));
    },
    async open(checkpoint, engine, options) {
      return new PiPolicy(await openPi(checkpoint, engine, options));
    },
    async checkGolden(checkpoint, engine, check) {
      const parts = await openPi(checkpoint, engine);
      try {
        await checkPiGolden(parts, check);
        if (check.golden.has("train/loss")) await checkFlowLoss(parts, { checkpoint, engine }, check);
      } finally {
        await parts.model.close();
      }
    },
    make: (options) => makePi(kind, options),
  };
}

/** What opening reads: configuration, sizes, statistics; no weights. */
export type PiRead = {
  readonly checkpoint: Checkpoint;
  readonly config: PiConfig;
  readonly dims: PiDims;
  readonly tensors: PiTensors;
  readonly scaling: Scaling;
};

export async function readPi(checkpoint: Checkpoint, options: FamilyOptions = {}): Promise<PiRead> {
  const config = await piConfig(checkpoint, options);
  const tensors = piTensors(checkpoint, config.kind);
  const dims = readDims(config.kind, tensors.shapes, await dimsHints(checkpoint));
  return { checkpoint, config, dims, tensors, scaling: await piScaling(checkpoint, config, options.dataset) };
}

export async function openPi(checkpoint: Checkpoint, engine: Engine, options: FamilyOptions = {}): Promise<PiParts> {
  const read = await readPi(checkpoint, options);
  const { config, dims, tensors, scaling } = read;
  const words = await loadTokenizer(checkpoint);
  const forms = formsOf(options.precision);
  const weights = bindPi(checkpoint, tensors, piGraphs(dims, config.horizon, forms));
  const embed = wordRows(checkpoint, embeddingTensor(tensors), dims.text.width);
  const model = new PiModel({ dims, weights, embed, engine, horizon: config.horizon, time: config.time, forms });
  return { info: describePi(read), config, model, scaling, words };
}
