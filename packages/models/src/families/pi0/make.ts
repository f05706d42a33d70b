/** π checkpoints with random weights, in LeRobot's layout: names, files and shapes as published, sizes to choose. */
import { BiddenError } from "@bidden/runtime";
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject, parseJson } from "../../checkpoint/json.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { Graph, type DType, type Shape } from "@bidden/tensor";
import type { GemmaDims } from "../../blocks/gemma.ts";
import { ACTION, STATE } from "../lerobot/features.ts";
import { featureFields, json, madeStatistics, processorFiles, vector } from "../lerobot/make.ts";
import type { Feature } from "../lerobot/normalise.ts";
import { randomWeights } from "../random-weights.ts";
import type { PiDims } from "./dims.ts";
import { fastTokenizer, gemmaTokenizer } from "./make-words.ts";
import { piGraphs } from "./model.ts";
import { HEAD, type PiKind } from "./names.ts";

const CAMERAS = ["base_0_rgb", "left_wrist_0_rgb", "right_wrist_0_rgb"];

/** PaliGemma-3B and the 300M expert. */
const full = {
  text: { width: 2048, depth: 18, mlp_dim: 16_384, num_heads: 8, num_kv_heads: 1, head_dim: 256 },
  expert: { width: 1024, depth: 18, mlp_dim: 4096, num_heads: 8, num_kv_heads: 1, head_dim: 256 },
  vision: {
    hidden_size: 1152,
    intermediate_size: 4304,
    num_hidden_layers: 27,
    num_attention_heads: 16,
    patch_size: 14,
    image_size: 224,
  },
  vocab_size: 257_152,
  fast: { scale: 10, min_token: -64, vocab_size: 2048 },
  chunk_size: 50,
  cameras: 2,
  image: [480, 640],
  state_dim: 8,
  action_dim: 7,
  max_action_dim: 32,
};

const tiny = {
  ...full,
  text: { width: 32, depth: 4, mlp_dim: 64, num_heads: 8, num_kv_heads: 1, head_dim: 8 },
  expert: { width: 24, depth: 4, mlp_dim: 40, num_heads: 8, num_kv_heads: 1, head_dim: 8 },
  vision: {
    hidden_size: 24,
    intermediate_size: 40,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    patch_size: 14,
    image_size: 42,
  },
  vocab_size: 880,
  fast: { scale: 10, min_token: -64, vocab_size: 300 },
  chunk_size: 10,
  image: [48, 80],
  max_decoding_steps: 48,
};

/** Sizes of dims.json and of the robot; all else is a field of config.json. */
const SIZES = (
  "text expert vision vocab_size fast cameras image state_dim action_dim dtype note tokens_per_image rms_eps " +
  "vision_ln_eps rope_base fast_bpe_vocab tokenizer_first_reserved_id"
).split(" ");

/**
 * `dims` may hold the sizes of dims.json (text, expert, vision, vocab_size, fast), the robot's (cameras: how many, image
 * [height, width], state_dim, action_dim), `dtype` "float32" or "bfloat16", and any field of config.json.
 */
export function makePi(kind: PiKind, { size, dims, seed }: MakeOptions): WrittenFiles {
  const base = size === "tiny" ? tiny : full;
  const given = dims as JsonObject;
  const merged = ["text", "expert", "vision", "fast"].map((key) => {
    const part = { ...(base[key as "text"] as object), ...(given[key] as object | undefined) };
    return [key, part];
  });
  const chosen = { ...base, ...given, ...Object.fromEntries(merged) } as JsonObject;
  const sizes = new Fields(chosen, "dims.json");
  const piDims = dimsOf(kind, sizes);
  const { features, shapes } = featuresOf(sizes);
  const modes = { VISUAL: "IDENTITY", STATE: normMode(kind), ENV: "MEAN_STD", ACTION: normMode(kind) } as const;
  const config = configOf(kind, chosen, piDims, featureFields(features, shapes), modes);
  const files = processorFiles(features, shapes, modes, madeStatistics(features, seed));
  files.set("policy_preprocessor.json", withPrompt(kind, files.get("policy_preprocessor.json")));
  const horizon = new Fields(config, "config.json").whole("chunk_size", 50, 1);
  return {
    files: new Map<string, string | Uint8Array>([
      ["config.json", json(config)],
      ["dims.json", json(dimsFile(piDims, sizes))],
      ["tokenizer/tokenizer.json", json(gemmaTokenizer(piDims.vocabulary))],
      ...(kind === "pi0_fast" ? fastFiles(sizes.object("fast")) : []),
      ...files,
    ]),
    weights: [
      randomWeights([...piGraphs(piDims, horizon), wordsGraph(piDims)], {
        seed,
        dtype: dtypeOf(sizes),
        rename: (name) => `model.${name}`,
      }),
    ],
  };
}

/** Published files hold the words once, as the output matrix. */
function wordsGraph(dims: PiDims): Graph {
  const graph = new Graph("pi-words");
  graph.parameter(HEAD, [dims.vocabulary, dims.text.width], { kind: "normal", std: dims.text.width ** -0.5 });
  return graph;
}

function dtypeOf(sizes: Fields): DType {
  const dtype = sizes.text("dtype", "float32");
  if (dtype === "float32" || dtype === "bfloat16") return dtype;
  throw sizes.bad("dtype", "float32 or bfloat16");
}

function normMode(kind: PiKind): "MEAN_STD" | "QUANTILES" {
  return kind === "pi0" ? "MEAN_STD" : "QUANTILES";
}

function dimsOf(kind: PiKind, sizes: Fields): PiDims {
  const vision = sizes.object("vision");
  const [image, patch] = [vision.whole("image_size", undefined, 1), vision.whole("patch_size", undefined, 1)];
  if (image % patch !== 0) throw vision.bad("image_size", `a multiple of patch_size, ${patch}`);
  const text = gemmaOf(sizes.object("text"), sizes);
  const expert = kind === "pi0_fast" ? null : gemmaOf(sizes.object("expert"), sizes);
  if (expert !== null && (expert.depth !== text.depth || expert.headDim !== text.headDim)) {
    throw new BiddenError("bad-argument", "dims: expected text and expert of the same depth and head_dim.");
  }
  return {
    kind,
    text,
    expert,
    vision: {
      width: vision.whole("hidden_size", undefined, 1),
      heads: vision.whole("num_attention_heads", undefined, 1),
      layers: vision.whole("num_hidden_layers", undefined, 1),
      mlpWidth: vision.whole("intermediate_size", undefined, 1),
      patch,
      side: image / patch,
      epsilon: sizes.number("vision_ln_eps", 1e-6),
    },
    vocabulary: sizes.whole("vocab_size", undefined, 1),
    actionWidth: kind === "pi0_fast" ? 0 : sizes.whole("max_action_dim", undefined, 1),
  };
}

function gemmaOf(fields: Fields, sizes: Fields): GemmaDims {
  const [heads, kvHeads] = [fields.whole("num_heads", undefined, 1), fields.whole("num_kv_heads", undefined, 1)];
  if (heads % kvHeads !== 0) throw fields.bad("num_heads", `a multiple of num_kv_heads, ${kvHeads}`);
  const headDim = fields.whole("head_dim", undefined, 2);
  if (headDim % 2 !== 0) throw fields.bad("head_dim", "an even number");
  return {
    width: fields.whole("width", undefined, 2),
    depth: fields.whole("depth", undefined, 1),
    mlpWidth: fields.whole("mlp_dim", undefined, 1),
    heads,
    kvHeads,
    headDim,
    epsilon: sizes.number("rms_eps", 1e-6),
  };
}

function dimsFile({ text, expert, vision, vocabulary }: PiDims, sizes: Fields): object {
  const gemma = (dims: GemmaDims): object => ({
    width: dims.width,
    depth: dims.depth,
    mlp_dim: dims.mlpWidth,
    num_heads: dims.heads,
    num_kv_heads: dims.kvHeads,
    head_dim: dims.headDim,
  });
  return {
    text: gemma(text),
    ...(expert === null ? {} : { expert: gemma(expert) }),
    vision: sizes.raw("vision"),
    vocab_size: vocabulary,
    rms_eps: text.epsilon,
    vision_ln_eps: vision.epsilon,
  };
}

function featuresOf(sizes: Fields): { readonly features: Feature[]; readonly shapes: Record<string, Shape> } {
  const [height, width] = sizes.numbers("image") as readonly [number, number];
  const count = sizes.whole("cameras", undefined, 1);
  const names = Array.from({ length: count }, (_, i) => `observation.images.${CAMERAS[i] ?? `camera_${i}`}`);
  const all: readonly (readonly [Feature, readonly number[]])[] = [
    ...names.map((name) => [{ name, kind: "VISUAL", size: 3 }, [3, height, width]] as const),
    ...vector(STATE, "STATE", sizes.whole("state_dim", undefined, 1)),
    ...vector(ACTION, "ACTION", sizes.whole("action_dim", undefined, 1)),
  ];
  return {
    features: all.map(([feature]) => feature),
    shapes: Object.fromEntries(all.map(([{ name }, shape]) => [name, shape])),
  };
}

function configOf(
  kind: PiKind,
  chosen: JsonObject,
  { vision }: PiDims,
  features: object,
  modes: Readonly<Record<string, string>>,
): JsonObject {
  const side = vision.side * vision.patch;
  const own = Object.fromEntries(Object.entries(chosen).filter(([name]) => !SIZES.includes(name)));
  const words = { pi0: 48, pi05: 200, pi0_fast: 200 }[kind];
  const fields: object = {
    type: kind,
    n_obs_steps: 1,
    ...features,
    paligemma_variant: "gemma_2b",
    action_expert_variant: "gemma_300m",
    n_action_steps: (own.chunk_size as number | undefined) ?? 50,
    max_state_dim: (own.max_action_dim as number | undefined) ?? 32,
    image_resolution: [side, side],
    normalization_mapping: modes,
    tokenizer_max_length: words,
    ...(kind === "pi0_fast"
      ? { max_action_tokens: 256, max_decoding_steps: 256, fast_skip_tokens: 128, temperature: 0 }
      : { num_inference_steps: 10, min_period: 4e-3, max_period: 4 }),
    ...own,
  };
  return fields as JsonObject;
}

const PROMPT_STEPS: Readonly<Record<PiKind, string>> = {
  pi0: "pi0_new_line_processor",
  pi05: "pi05_prepare_state_tokenizer_processor_step",
  pi0_fast: "pi0_fast_prepare_state_tokenizer_processor_step",
};

/** The step that writes the prompt, which says whether the state stands in it. */
function withPrompt(kind: PiKind, preprocessor: string | Uint8Array | undefined): string {
  const pipeline = parseJson(String(preprocessor), "policy_preprocessor.json");
  const steps = [...(pipeline.steps as readonly JsonObject[]), { registry_name: PROMPT_STEPS[kind], config: {} }];
  return json({ ...pipeline, steps });
}

function fastFiles(fast: Fields): readonly (readonly [string, string])[] {
  const [size, minToken] = [fast.whole("vocab_size", undefined, 1), fast.number("min_token")];
  const processor = {
    processor_class: "UniversalActionProcessor",
    scale: fast.number("scale"),
    min_token: minToken,
    vocab_size: size,
  };
  return [
    ["fast_tokenizer/tokenizer.json", json(fastTokenizer(size, minToken))],
    ["fast_tokenizer/processor_config.json", json(processor)],
  ];
}
