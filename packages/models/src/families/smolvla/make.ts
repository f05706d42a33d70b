/** SmolVLA checkpoints with random weights, in LeRobot's layout: names, files and shapes as published, sizes to choose. */
import { BiddenError } from "@bidden/runtime";
import { Graph } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, isJsonObject, type Json, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { charOfByte } from "../../tokenizers/decode.ts";
import { ACTION, STATE } from "../lerobot/features.ts";
import { featureFields, json, madeStatistics, processorFiles, vector } from "../lerobot/make.ts";
import type { Feature } from "../lerobot/normalise.ts";
import { randomWeights } from "../random-weights.ts";
import { pairLayers, type SmolVlaConfig } from "./config.ts";
import { prefixGraph, stepGraph, visionGraph } from "./model.ts";
import { CONNECTOR, EMBEDDING } from "./names.ts";

/** lerobot/smolvla_base, over SmolVLM2-500M. */
const full = {
  hidden: 960,
  intermediate: 2560,
  heads: 15,
  kv_heads: 5,
  head_dim: 64,
  vlm_layers_kept: 16,
  expert_width_multiplier: 0.75,
  vision: {
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    patch_size: 16,
    image_size: 512,
  },
  pixel_shuffle: 4,
  vocab_size: 49_280,
  rms_eps: 1e-5,
  vision_ln_eps: 1e-6,
  max_state_dim: 32,
  max_action_dim: 32,
  cameras: 2,
  image: [480, 640],
  state_dim: 6,
  action_dim: 6,
};

const tiny = {
  ...full,
  hidden: 48,
  intermediate: 80,
  heads: 6,
  kv_heads: 2,
  head_dim: 8,
  vlm_layers_kept: 4,
  vision: {
    hidden_size: 24,
    intermediate_size: 40,
    num_hidden_layers: 2,
    num_attention_heads: 3,
    patch_size: 8,
    image_size: 64,
  },
  vocab_size: 317,
  image: [48, 64],
  action_dim: 7,
  chunk_size: 9,
  n_action_steps: 5,
};

/** What is said of the sizes in `dims.json`; all else is a field of `config.json`. */
const SIZES = [...Object.keys(full), "expert_hidden", "expert_intermediate", "expert_layers"].filter(
  (key) => !["max_state_dim", "max_action_dim", "expert_width_multiplier"].includes(key),
);

/** Facts of a golden set's dims.json that follow from others. */
const DERIVED = ["note", "tokens_per_image", "vlm_layers_in_config", "rope_base_used", "rope_theta_in_vlm_config"];

/**
 * `dims` may hold the sizes of dims.json (hidden, intermediate, heads, kv_heads, head_dim, vlm_layers_kept, expert_hidden,
 * expert_intermediate, expert_layers, vision, pixel_shuffle, vocab_size), the robot's (cameras: how many, image [height, width],
 * state_dim, action_dim), and any field of config.json.
 */
export function makeSmolVla({ size, dims, seed }: MakeOptions): WrittenFiles {
  const base: JsonObject = size === "tiny" ? tiny : full;
  const given = dims as JsonObject;
  const layers = given.vlm_layers_kept ?? given.num_vlm_layers ?? base.vlm_layers_kept ?? null;
  const chosen: JsonObject = { ...base, ...given, vlm_layers_kept: layers };
  const sizes = new Fields({ ...chosen, vision: joined(base.vision, given.vision) }, "dims.json");
  const { features, shapes } = featuresOf(sizes);
  const fields = configFields(chosen, sizes, features, shapes);
  const config = configOf(sizes, new Fields(fields, "config.json"), features);
  return {
    files: new Map<string, string | Uint8Array>([
      ["config.json", json(fields)],
      ["dims.json", json(dimsFile(config))],
      ["tokenizer/tokenizer.json", json(byteTokenizer(config.vocabulary))],
      ...processorFiles(features, shapes, MODES, madeStatistics(features, seed)),
    ]),
    weights: [randomWeights(graphsOf(config), { seed })],
  };
}

/** One object with the fields of another in place of its own. */
function joined(base: Json | undefined, given: Json | undefined): JsonObject {
  return { ...(isJsonObject(base) ? base : {}), ...(isJsonObject(given) ? given : {}) };
}

const MODES = { VISUAL: "IDENTITY", STATE: "MEAN_STD", ENV: "MEAN_STD", ACTION: "MEAN_STD" } as const;

function featuresOf(sizes: Fields): {
  readonly features: Feature[];
  readonly shapes: Record<string, readonly number[]>;
} {
  const [height, width] = sizes.numbers("image") as readonly [number, number];
  const cameras = Array.from(
    { length: sizes.whole("cameras", undefined, 1) },
    (_, i) => `observation.images.camera${i + 1}`,
  );
  const all: readonly (readonly [Feature, readonly number[]])[] = [
    ...cameras.map((name) => [{ name, kind: "VISUAL", size: 3 }, [3, height, width]] as const),
    ...vector(STATE, "STATE", sizes.whole("state_dim", undefined, 1)),
    ...vector(ACTION, "ACTION", sizes.whole("action_dim", undefined, 1)),
  ];
  return {
    features: all.map(([feature]) => feature),
    shapes: Object.fromEntries(all.map(([{ name }, shape]) => [name, shape])),
  };
}

function configFields(
  chosen: JsonObject,
  sizes: Fields,
  features: readonly Feature[],
  shapes: Readonly<Record<string, readonly number[]>>,
): JsonObject {
  const side = sizes.object("vision").whole("image_size", undefined, 1);
  const own = Object.entries(chosen).filter(([key]) => !SIZES.includes(key) && !DERIVED.includes(key));
  return {
    type: "smolvla",
    n_obs_steps: 1,
    ...featureFields(features, shapes),
    normalization_mapping: { VISUAL: MODES.VISUAL, STATE: MODES.STATE, ACTION: MODES.ACTION },
    chunk_size: 50,
    n_action_steps: 50,
    num_steps: 10,
    resize_imgs_with_padding: [side, side],
    empty_cameras: 0,
    adapt_to_pi_aloha: false,
    tokenizer_max_length: 48,
    vlm_model_name: "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
    load_vlm_weights: false,
    add_image_special_tokens: false,
    attention_mode: "cross_attn",
    prefix_length: -1,
    pad_language_to: "longest",
    num_expert_layers:
      sizes.whole("expert_layers", 0) === sizes.whole("vlm_layers_kept") ? -1 : sizes.number("expert_layers", -1),
    num_vlm_layers: sizes.whole("vlm_layers_kept", undefined, 1),
    self_attn_every_n_layers: 2,
    min_period: 4e-3,
    max_period: 4,
    ...Object.fromEntries(own),
  };
}

/** The expert's MLP where nothing is said: 4·2/3 of its width, up to a multiple of 256 (the reference's rule). */
function expertMlp(width: number): number {
  return 256 * Math.ceil(Math.trunc(4 * Math.trunc((2 * width) / 3)) / 256);
}

function configOf(sizes: Fields, config: Fields, features: readonly Feature[]): SmolVlaConfig {
  const whole = (key: string): number => sizes.whole(key, undefined, 1);
  const tower = sizes.object("vision");
  const [width, heads, kvHeads, headWidth] = [whole("hidden"), whole("heads"), whole("kv_heads"), whole("head_dim")];
  const layers = whole("vlm_layers_kept");
  const epsilon = sizes.number("rms_eps");
  const text = { width, heads, kvHeads, headWidth, mlpWidth: whole("intermediate"), layers, epsilon };
  const expertWidth = sizes.whole(
    "expert_hidden",
    Math.trunc(width * config.number("expert_width_multiplier", 0.75)),
    2,
  );
  const wanted = config.number("num_expert_layers", -1);
  const expertLayers = pairLayers(config, layers, wanted > 0 ? wanted : layers);
  const patch = tower.whole("patch_size", undefined, 1);
  const [imageWidth, imageHeight] = config.numbers("resize_imgs_with_padding") as readonly [number, number];
  const dimOf = (kind: Feature["kind"]): number => features.find((feature) => feature.kind === kind)?.size ?? 0;
  return {
    vision: {
      width: tower.whole("hidden_size", undefined, 1),
      heads: tower.whole("num_attention_heads", undefined, 1),
      layers: tower.whole("num_hidden_layers", undefined, 1),
      mlpWidth: tower.whole("intermediate_size", undefined, 1),
      patch,
      side: tower.whole("image_size", undefined, patch) / patch,
      epsilon: sizes.number("vision_ln_eps"),
    },
    shuffle: whole("pixel_shuffle"),
    text,
    expert: {
      ...text,
      width: expertWidth,
      mlpWidth: sizes.whole("expert_intermediate", expertMlp(expertWidth), 1),
      layers: expertLayers.length,
    },
    expertLayers,
    vocabulary: whole("vocab_size"),
    chunk: config.whole("chunk_size", undefined, 1),
    executed: config.whole("n_action_steps", undefined, 1),
    steps: config.whole("num_steps", undefined, 1),
    time: { minPeriod: config.number("min_period"), maxPeriod: config.number("max_period") },
    stateWidth: whole("max_state_dim"),
    actionWidth: whole("max_action_dim"),
    stateDim: dimOf("STATE"),
    actionDim: dimOf("ACTION"),
    cameras: [],
    emptyCameras: 0,
    imageSize: { width: imageWidth, height: imageHeight },
    imageSpecialTokens: false,
    prefixLength: -1,
    languagePadding: "longest",
    maxTokens: config.whole("tokenizer_max_length", undefined, 1),
    aloha: false,
  };
}

/** The graphs, and what stands in the file beside them. */
function graphsOf(config: SmolVlaConfig): Graph[] {
  const { text, vocabulary, vision, shuffle, stateWidth } = config;
  const side = vision.side * vision.patch;
  const rest = new Graph("smolvla-rest");
  const net = new Net(rest);
  const unit = { kind: "normal", std: 1 / Math.sqrt(text.width) } as const;
  net.tensor(EMBEDDING, [vocabulary, text.width], unit);
  net.tensor("model.vlm_with_expert.vlm.lm_head.weight", [vocabulary, text.width], unit);
  net.matrix("model.state_proj.weight", text.width, stateWidth);
  net.tensor("model.state_proj.bias", [text.width], { kind: "zeros" });
  // Image tokens are multiplied by √width, as words are: so drawn, both come out at unit size. The last graph's word counts.
  const inputs = shuffle ** 2 * vision.width;
  net.tensor(CONNECTOR, [text.width, inputs], { kind: "normal", std: 1 / Math.sqrt(inputs * text.width) });
  return [visionGraph(config, 1, side, side), prefixGraph(config, 1), stepGraph(config, 1), rest];
}

/** dims.json as golden sets have it: what no shape tells. */
function dimsFile({ text, expert, vision, shuffle, vocabulary }: SmolVlaConfig): JsonObject {
  return {
    hidden: text.width,
    intermediate: text.mlpWidth,
    heads: text.heads,
    kv_heads: text.kvHeads,
    head_dim: text.headWidth,
    vlm_layers_kept: text.layers,
    expert_hidden: expert.width,
    expert_intermediate: expert.mlpWidth,
    expert_layers: expert.layers,
    vision: {
      hidden_size: vision.width,
      intermediate_size: vision.mlpWidth,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      patch_size: vision.patch,
      image_size: vision.side * vision.patch,
    },
    pixel_shuffle: shuffle,
    vocab_size: vocabulary,
    rms_eps: text.epsilon,
    vision_ln_eps: vision.epsilon,
  };
}

/** The special tokens that SmolVLA asks for, in front. */
const SPECIAL = [
  "<|endoftext|>",
  "<|im_start|>",
  "<|im_end|>",
  "<fake_token_around_image>",
  "<image>",
  "<end_of_utterance>",
  "<global-img>",
];

/** A byte-level tokenizer without merges: every byte is a token. */
function byteTokenizer(vocabulary: number): JsonObject {
  if (vocabulary < SPECIAL.length + 256) {
    throw new BiddenError(
      "bad-argument",
      `dims.json: expected a vocab_size of at least ${SPECIAL.length + 256}; came ${vocabulary}.`,
    );
  }
  const added = SPECIAL.map((content, id) => {
    return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  });
  const vocab = [...SPECIAL, ...charOfByte].map((token, id) => [token, id] as const);
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: "BPE", dropout: null, unk_token: null, vocab: Object.fromEntries(vocab), merges: [] },
  };
}
