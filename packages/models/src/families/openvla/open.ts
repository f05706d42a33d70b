/** Opens the parts of an OpenVLA checkpoint that OFT shares: sizes, weights, tokenizer, statistics. */
import { BiddenError } from "@bidden/runtime";
import type { Graph, Shape } from "@bidden/tensor";
import { quantisedSource } from "../../blocks/quantised.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import { bindWeights, type WeightSource } from "../../checkpoint/weights.ts";
import { wordRows } from "../../checkpoint/words.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { EMBEDDING, type OpenvlaConfig, readConfig, ropeBase, unusedOf } from "./config.ts";
import { type NetOn, visionGraph } from "./graphs.ts";
import { OpenvlaModel, openvlaGraphs } from "./model.ts";
import { type MatrixForms, matrixForms } from "./precision.ts";
import { createPromptTokenizer, type PromptTokenizer } from "./prompt.ts";

/** Settings that a family knows; any other is refused, so that a misspelt one cannot be overlooked. */
export function checkSettings(options: FamilyOptions, known: readonly string[]): Readonly<Record<string, string>> {
  const settings = options.settings ?? {};
  const stranger = Object.keys(settings).find((name) => !known.includes(name));
  if (stranger === undefined) return settings;
  throw new BiddenError("bad-argument", `There is no setting "${stranger}" here; there are ${known.join(", ")}.`, {
    setting: stranger,
  });
}

/** "true" or "false" of a setting. */
export function flagOf(settings: Readonly<Record<string, string>>, name: string, fallback: boolean): boolean {
  const value = settings[name];
  if (value === undefined) return fallback;
  if (value === "true" || value === "false") return value === "true";
  throw new BiddenError("bad-argument", `Setting "${name}": expected true or false; came "${value}".`, { name, value });
}

export type ModelOptions = {
  readonly prompt?: string | undefined;
  readonly precision?: FamilyOptions["precision"] | undefined;
  /** How matrices are held, in place of what `precision` says. */
  readonly form?: MatrixForms;
  /** The vision graph, where it is not the plain one. */
  readonly vision?: (config: OpenvlaConfig, netOn: NetOn) => Graph;
  /** Where a stored tensor's value comes from, where it is not stored as it is used. */
  readonly source?: (stored: string) => WeightSource;
  readonly unused?: readonly RegExp[];
};

export async function openModel(
  checkpoint: Checkpoint,
  engine: Engine,
  options: ModelOptions = {},
): Promise<{ readonly config: OpenvlaConfig; readonly model: OpenvlaModel; readonly tokenizer: PromptTokenizer }> {
  const config = await readConfig(checkpoint, options.prompt);
  const form = options.form ?? matrixForms(options.precision);
  const vision = (options.vision ?? visionGraph)(config, form.netOn);
  const weights = bindWeights(checkpoint, [vision, ...openvlaGraphs(config, form)], {
    source: (parameter, shape) => quantised(parameter, shape, options.source ?? ((stored) => stored)),
    unused: [...unusedOf(config), ...(options.unused ?? [])],
  });
  const model = new OpenvlaModel({
    config,
    ropeBase: ropeBase(checkpoint.config),
    weights,
    embed: wordRows(checkpoint, EMBEDDING, config.llama.width),
    engine,
    form,
    vision,
  });
  return { config, model, tokenizer: await openTokenizer(checkpoint, config) };
}

/** A quantised parameter is made of the stored value, or of what is computed in its place. */
function quantised(parameter: string, shape: Shape, source: (stored: string) => WeightSource): WeightSource {
  const recipe = quantisedSource(parameter, (name) => name, shape);
  if (recipe === null) return source(parameter);
  const inner = source(recipe.from[0] as string);
  if (typeof inner === "string") return { ...recipe, from: [inner] };
  if (!("compute" in inner)) return inner;
  return {
    id: `${recipe.id} of ${inner.id}`,
    from: inner.from,
    // What is computed in a tensor's place has its shape: that of the first it is computed from.
    compute: (inputs, infos) => recipe.compute([inner.compute(inputs, infos) as Float32Array], infos.slice(0, 1)),
  };
}

export async function openTokenizer(checkpoint: Checkpoint, config: OpenvlaConfig): Promise<PromptTokenizer> {
  return createPromptTokenizer(await loadTokenizer(checkpoint), config.baseVocabulary);
}

/** Statistics by data set: dataset_statistics.json of a fine-tuned checkpoint, else `norm_stats` of config.json. */
export async function statisticsOf(checkpoint: Checkpoint): Promise<Fields> {
  const own = await checkpoint.json("dataset_statistics.json");
  if (own !== null) return own;
  const all = checkpoint.config.raw("norm_stats");
  if (all !== null && typeof all === "object" && !Array.isArray(all) && Object.keys(all).length > 0) {
    return new Fields(all as JsonObject, "config.json", "norm_stats");
  }
  throw new BiddenError(
    "bad-checkpoint",
    `${checkpoint.label}: expected the statistics that turn the model's numbers into motion, in dataset_statistics.json or as norm_stats of config.json; there are none.`,
    { file: "config.json", field: "norm_stats" },
  );
}
