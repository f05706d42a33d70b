/** OpenVLA-OFT (Kim et al. 2025, arXiv:2502.19645): recognises, describes, opens, checks and makes its checkpoints. */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyInfo, FamilyOptions, PolicyFamily } from "../../checkpoint/family.ts";
import { patchesOf, readConfig } from "../openvla/config.ts";
import {
  hasOftParts,
  isPrismatic,
  languageFlops,
  memoryOfSequence,
  visionFlops,
  weightFacts,
} from "../openvla/openvla.ts";
import { imageForm } from "../openvla/pixels.ts";
import { checkOftGolden } from "./golden.ts";
import { makeOft } from "./make.ts";
import { openOft, type OftFacts, readOft, stepsOf } from "./open.ts";
import { OftPolicy } from "./policy.ts";

export const openvlaOft: PolicyFamily = {
  name: "openvla-oft",
  matches: (checkpoint) => isPrismatic(checkpoint) && hasOftParts(checkpoint),
  describe: async (checkpoint, options) => describe(await readOft(checkpoint, options), options),
  open,
  checkGolden: checkOftGolden,
  make: makeOft,
};

async function open(checkpoint: Checkpoint, engine: Engine, options: FamilyOptions = {}): Promise<OftPolicy> {
  const form = imageForm(options.settings?.images);
  const { facts, model } = await openOft(checkpoint, engine, options);
  const steps = stepsOf(options);
  return new OftPolicy({ info: await describe(facts, options), facts, model, imageForm: form, steps });
}

async function describe(facts: OftFacts, options: FamilyOptions = {}): Promise<FamilyInfo> {
  const { parts, kind, platform, actionDim, proprioDim, statistics } = facts;
  const config = await readConfig(parts.checkpoint, options.settings?.prompt);
  const { side } = config.pixels;
  const images = platform.cameras.length;
  const tokens = images * patchesOf(config) + 24 + platform.chunk * actionDim + 3;
  const steps = kind === "diffusion" ? stepsOf(options) : 1;
  const weights = weightFacts(parts.checkpoint);
  const range = platform.bounds === "bounds" ? "min..max" : "quantiles q01..q99";
  return {
    family: "openvla-oft",
    variant: parts.film ? `${kind} + FiLM` : kind,
    ...weights,
    cameras: platform.cameras.map((name) => ({ name, width: side, height: side, optional: false })),
    state: { dim: proprioDim, names: [], normalisation: proprioDim > 0 ? `${range} of ${statistics.key}` : "none" },
    action: { dim: actionDim, names: [], normalisation: `${range} of ${statistics.key}` },
    chunk: platform.chunk,
    executed: platform.chunk,
    steps,
    rateHz: null,
    licence: null,
    memoryBytes: 4 * weights.parameters + memoryOfSequence(config, tokens),
    flops: images * visionFlops(config) + steps * languageFlops(config, tokens),
    notes: [
      `platform ${platform.name}: chunks of ${platform.chunk}, ${range}; --set platform=, chunk=, bounds=, cameras=`,
      `parts: ${[...parts.files.values()].join(", ") || "none"}; --set head=, proprio=, film=, parts=<folder>`,
    ],
  };
}
