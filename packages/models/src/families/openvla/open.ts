/** Opens the parts of an OpenVLA checkpoint that OFT shares: sizes, weights, tokenizer, statistics. */
import { BiddenError } from "@bidden/runtime";
import type { Graph } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import { type BindOptions, bindWeights } from "../../checkpoint/weights.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { EMBEDDING, type OpenvlaConfig, readConfig, ropeBase, unusedOf } from "./config.ts";
import { OpenvlaModel, openvlaGraphs } from "./model.ts";
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
  /** The vision graph, where it is not the plain one. */
  readonly vision?: (config: OpenvlaConfig) => Graph;
  /** Other graphs whose weights are the same checkpoint's. */
  readonly others?: (config: OpenvlaConfig) => readonly Graph[];
  readonly source?: BindOptions["source"];
  readonly unused?: readonly RegExp[];
};

export async function openModel(
  checkpoint: Checkpoint,
  engine: Engine,
  options: ModelOptions = {},
): Promise<{ readonly config: OpenvlaConfig; readonly model: OpenvlaModel; readonly tokenizer: PromptTokenizer }> {
  const config = await readConfig(checkpoint, options.prompt);
  const vision = options.vision?.(config);
  const graphs = [...openvlaGraphs(config, vision), ...(options.others?.(config) ?? [])];
  const weights = bindWeights(checkpoint, graphs, {
    ...(options.source === undefined ? {} : { source: options.source }),
    unused: [...unusedOf(config), ...(options.unused ?? [])],
  });
  const model = new OpenvlaModel({
    config,
    ropeBase: ropeBase(checkpoint.config),
    weights,
    embed: (ids) => checkpoint.rows(EMBEDDING, ids),
    engine,
    ...(vision === undefined ? {} : { vision }),
  });
  return { config, model, tokenizer: await openTokenizer(checkpoint, config) };
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
