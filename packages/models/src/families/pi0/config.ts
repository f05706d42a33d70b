/**
 * What a π checkpoint says of itself. LeRobot's files say everything; openpi's PyTorch files (`action_dim`, `action_horizon`
 * and `assets/<robot>/norm_stats.json`) leave open what only openpi's Python configuration knows, and then the person is asked.
 */
import { BiddenError } from "@bidden/runtime";
import type { TimeEmbedding } from "../../blocks/flow-matching.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { type LerobotFeatures, lerobotFeatures } from "../lerobot/features.ts";
import type { DimsHints } from "./dims.ts";
import { canonicalName, EXPERT, type PiKind } from "./names.ts";
import type { PromptStyle } from "./prompt.ts";

export type PiConfig = {
  readonly kind: PiKind;
  readonly origin: "lerobot" | "openpi";
  /** Camera names in the order of the prefix; all but one may be absent. */
  readonly cameras: readonly string[];
  readonly stateDim: number;
  readonly actionDim: number;
  readonly horizon: number;
  /** Actions meant to be executed before the next prediction. */
  readonly executed: number;
  readonly steps: number;
  readonly time: TimeEmbedding;
  readonly prompt: PromptStyle;
  /** Longest prompt, tokens. */
  readonly maxTokens: number;
  /** Largest delay that the model was trained to go on after (training-time real-time chunking); 0 where it was not. */
  readonly trainedDelay: number;
  /** What LeRobot's config.json says of inputs and outputs. */
  readonly features: LerobotFeatures | null;
};

/** The setting that answers what no file says. */
export const STATE_SETTING = "state-in-prompt";

/** openpi's camera slots. */
const OPENPI_CAMERAS = ["base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"];

const TYPES: readonly PiKind[] = ["pi0", "pi05", "pi0_fast"];

/** The kind that config.json names or, where it names none, that the tensors show; null for other families. */
export function piKind(checkpoint: Checkpoint): PiKind | null {
  const type = checkpoint.config.has("type") ? checkpoint.config.raw("type") : null;
  if (type !== null) return TYPES.find((kind) => kind === type) ?? null;
  const names = [...checkpoint.tensors.keys()];
  if (!names.some((name) => /^(model\.)?paligemma_with_expert\./.test(name))) return null;
  const inside = new Set(names.map((name) => canonicalName(name, "pi0")));
  if (inside.has(`${EXPERT}.layers.0.input_layernorm.dense.weight`)) return "pi05";
  return inside.has(`${EXPERT}.layers.0.input_layernorm.weight`) ? "pi0" : "pi0_fast";
}

export async function piConfig(checkpoint: Checkpoint, options: FamilyOptions = {}): Promise<PiConfig> {
  const kind = piKind(checkpoint);
  if (kind === null) {
    throw new BiddenError("unsupported", `${checkpoint.label} is no checkpoint of π0, π0.5 or π0-FAST.`);
  }
  const { config } = checkpoint;
  const openpi = !config.has("type") && !config.has("input_features");
  const prompt = await promptStyle(checkpoint, kind, openpi, options);
  const time = { minPeriod: config.number("min_period", 4e-3), maxPeriod: config.number("max_period", 4) };
  const steps = options.steps ?? config.whole("num_inference_steps", 10, 1);
  if (!Number.isInteger(steps) || steps < 1 || steps > 1000) {
    throw new BiddenError("bad-argument", `Expected 1 to 1000 denoising steps; came ${steps}.`, { steps });
  }
  const shared = { kind, steps, time, prompt } as const;
  return openpi ? openpiConfig(checkpoint, shared) : lerobotConfig(config, shared);
}

type Shared = Pick<PiConfig, "kind" | "steps" | "time" | "prompt">;

/** Prompts that the published models were trained with hold at most so many tokens. */
const MAX_TOKENS: Readonly<Record<PiKind, number>> = { pi0: 48, pi05: 200, pi0_fast: 200 };

function lerobotConfig(config: Fields, shared: Shared): PiConfig {
  refuseRelative(config);
  const features = lerobotFeatures(config);
  const horizon = config.whole("chunk_size", 50, 1);
  const executed = config.whole("n_action_steps", horizon, 1);
  if (executed > horizon) throw config.bad("n_action_steps", `at most chunk_size, ${horizon}`);
  return {
    ...shared,
    origin: "lerobot",
    cameras: features.cameras.map(({ name }) => name),
    stateDim: features.stateDim,
    actionDim: features.actionDim,
    horizon,
    executed,
    maxTokens: config.whole("tokenizer_max_length", MAX_TOKENS[shared.kind], 1),
    trainedDelay: config.whole("rtc_training_max_delay", 0),
    features,
  };
}

function refuseRelative(config: Fields): void {
  if (!config.flag("use_relative_actions", false)) return;
  throw config.bad("use_relative_actions", "false: actions relative to the state are not supported");
}

async function openpiConfig(checkpoint: Checkpoint, shared: Shared): Promise<PiConfig> {
  const { config } = checkpoint;
  const horizon = config.whole("action_horizon", undefined, 1);
  const stats = await openpiStats(checkpoint);
  return {
    ...shared,
    origin: "openpi",
    cameras: OPENPI_CAMERAS,
    stateDim: stats.object("state").numbers("mean").length,
    actionDim: stats.object("actions").numbers("mean").length,
    horizon,
    executed: horizon,
    maxTokens: config.whole("max_token_len", MAX_TOKENS[shared.kind], 1),
    trainedDelay: 0,
    features: null,
  };
}

/** `assets/<robot>/norm_stats.json`; more than one is a question to the person. */
export async function openpiStats(checkpoint: Checkpoint, dataset?: string): Promise<Fields> {
  const found = checkpoint.files.filter((file) => /(^|\/)norm_stats\.json$/.test(file));
  const wanted = dataset === undefined ? found : found.filter((file) => file.split("/").includes(dataset));
  if (wanted.length === 1) {
    const json = await checkpoint.json(wanted[0] as string);
    if (json !== null) return json.object("norm_stats");
  }
  const came = found.length === 0 ? "none" : found.join(", ");
  throw new BiddenError(
    "bad-checkpoint",
    `${checkpoint.label}: expected the statistics of one robot, assets/<robot>/norm_stats.json; came ${came}${found.length > 1 ? ". Say which with dataset" : ""}.`,
    { file: "norm_stats.json", came },
  );
}

/** Names of the steps that LeRobot's preprocessor takes. */
async function processorSteps(checkpoint: Checkpoint): Promise<ReadonlySet<string> | null> {
  const json = await checkpoint.json("policy_preprocessor.json");
  return json === null ? null : new Set(json.objects("steps").map((step) => step.text("registry_name", "")));
}

/**
 * Nothing in π0.5's weights says whether the state stands in the prompt, and openpi and LeRobot differ for the same task
 * (openpi's `pi05_libero` leaves it out): the processor files or `discrete_state_input` must say it, or the person.
 */
async function promptStyle(
  checkpoint: Checkpoint,
  kind: PiKind,
  openpi: boolean,
  options: FamilyOptions,
): Promise<PromptStyle> {
  if (kind === "pi0_fast") return { form: "state", cleaned: true };
  if (kind === "pi0") return { form: "plain", cleaned: openpi };
  const steps = await processorSteps(checkpoint);
  const said = saidState(checkpoint.config, steps, options);
  if (said === null) {
    throw new BiddenError(
      "bad-checkpoint",
      `${checkpoint.label}: π0.5 was trained with or without the robot's state in the prompt, and no file here says which. ` +
        `Give the setting ${STATE_SETTING}=true or ${STATE_SETTING}=false, or "discrete_state_input" in config.json.`,
      { field: STATE_SETTING, expected: "true or false", came: null },
    );
  }
  return { form: said ? "state-action" : "plain", cleaned: steps?.has("pi0_new_line_processor") !== true };
}

function saidState(config: Fields, steps: ReadonlySet<string> | null, options: FamilyOptions): boolean | null {
  const setting = options.settings?.[STATE_SETTING];
  if (setting !== undefined) {
    if (setting === "true" || setting === "false") return setting === "true";
    throw new BiddenError("bad-argument", `${STATE_SETTING}: expected true or false; came ${setting}.`);
  }
  if (config.has("discrete_state_input")) return config.flag("discrete_state_input");
  if (steps?.has("pi05_prepare_state_tokenizer_processor_step") === true) return true;
  return steps?.has("pi0_new_line_processor") === true ? false : null;
}

/** `dims.json`, where there is one: head counts and widths that shapes do not tell. */
export async function dimsHints(checkpoint: Checkpoint): Promise<DimsHints> {
  const json = await checkpoint.json("dims.json");
  if (json === null) return {};
  const pick = (fields: Fields, key: string): number | undefined => (fields.has(key) ? fields.number(key) : undefined);
  const [text, vision] = [json.object("text", true), json.object("vision", true)];
  const hints: Record<string, number | undefined> = {
    heads: pick(text, "num_heads"),
    kvHeads: pick(text, "num_kv_heads"),
    headDim: pick(text, "head_dim"),
    visionHeads: pick(vision, "num_attention_heads"),
    epsilon: pick(json, "rms_eps"),
    visionEpsilon: pick(json, "vision_ln_eps"),
  };
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined));
}
