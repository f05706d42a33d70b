/** GR00T checkpoints with random weights, in the published layout: bfloat16 shards, metadata of one embodiment, a tokenizer. */
import type { Shape } from "@bidden/tensor";
import type { MakeOptions } from "../../checkpoint/family.ts";
import { fromFloat32 } from "../../checkpoint/floats.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles, WrittenWeights } from "../../checkpoint/make.ts";
import { charOfByte } from "../../tokenizers/decode.ts";
import { json } from "../lerobot/make.ts";
import { randomWeights } from "../random-weights.ts";
import { type GrootConfig, LANGUAGE, VISION } from "./config.ts";
import { languageGraph, stepGraph, timeGraph, visionGraph } from "./graphs.ts";
import { PER_EMBODIMENT } from "./model.ts";

/** nvidia/GR00T-N1.5-3B. */
const full = {
  vision_width: 1152,
  vision_layers: 27,
  vision_heads: 16,
  vision_mlp: 4304,
  side: 224,
  width: 2048,
  mlp: 6144,
  layers: 12,
  heads: 16,
  kv_heads: 8,
  head_dim: 128,
  vocabulary: 151_680,
  image_token: 151_669,
  dit_heads: 32,
  dit_head_dim: 48,
  dit_layers: 16,
  dit_output: 1024,
  encoder_width: 1024,
  seen_heads: 32,
  seen_head_dim: 64,
  seen_layers: 4,
  future_tokens: 32,
  positions: 1024,
  slots: 32,
  horizon: 16,
  max_state_dim: 64,
  max_action_dim: 32,
  steps: 4,
  views: 1,
  state_dim: 8,
  action_dim: 7,
};

const tiny = {
  ...full,
  vision_width: 48,
  vision_layers: 2,
  vision_heads: 4,
  vision_mlp: 100,
  side: 56,
  width: 64,
  mlp: 96,
  layers: 2,
  heads: 4,
  kv_heads: 2,
  head_dim: 24,
  vocabulary: 320,
  image_token: 258,
  dit_heads: 4,
  dit_head_dim: 12,
  dit_layers: 4,
  dit_output: 40,
  encoder_width: 40,
  seen_heads: 4,
  seen_head_dim: 16,
  seen_layers: 2,
  future_tokens: 8,
  positions: 32,
};

/** The names that a golden set gives its sizes. */
const ALIASES: Readonly<Record<string, keyof typeof full>> = {
  vh: "vision_width",
  vl: "vision_layers",
  vheads: "vision_heads",
  vmlp: "vision_mlp",
  h: "width",
  inter: "mlp",
  select: "layers",
  kv: "kv_heads",
  hd: "head_dim",
  dit_hd: "dit_head_dim",
  dit_out: "dit_output",
  hid: "encoder_width",
  sa_heads: "seen_heads",
  sa_hd: "seen_head_dim",
  sa_layers: "seen_layers",
  future: "future_tokens",
  sdim: "max_state_dim",
  adim: "max_action_dim",
};

type Sizes = Record<keyof typeof full, number>;

/** `dims` may hold the names above, long or short: all are whole numbers. */
export function makeGroot({ size, dims, seed }: MakeOptions): WrittenFiles {
  const named = Object.entries(dims).map(([name, value]) => [ALIASES[name] ?? name, value]);
  const fields = new Fields(
    { ...(size === "tiny" ? tiny : full), ...Object.fromEntries(named) } as JsonObject,
    "dims.json",
  );
  const unknown = fields.keys().find((name) => !Object.hasOwn(full, name));
  if (unknown !== undefined) throw fields.bad(unknown, `one of the sizes ${Object.keys(full).join(", ")}`);
  const sizes = Object.fromEntries(fields.keys().map((name) => [name, fields.whole(name, undefined, 1)])) as Sizes;
  if (sizes.side % 14 !== 0) throw fields.bad("side", "a multiple of 14, the side of a patch");
  if (sizes.seen_heads * sizes.seen_head_dim !== sizes.width)
    throw fields.bad("seen_heads", `heads that make ${sizes.width}`);
  const most = sizes.vocabulary - SPECIAL.length;
  if (sizes.image_token < 258 || sizes.image_token > most) throw fields.bad("image_token", `258 to ${most}`);
  const config = configOf(sizes);
  const shards = shardsOf(config, seed);
  const map = shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file]));
  return {
    files: new Map([
      ["config.json", json(configFile(sizes))],
      ["experiment_cfg/metadata.json", json({ new_embodiment: metadata(sizes) })],
      ["tokenizer.json", json(byteTokenizer(sizes.image_token))],
      ["model.safetensors.index.json", json({ metadata: {}, weight_map: Object.fromEntries(map) })],
    ]),
    weights: shards,
  };
}

function configOf(sizes: Sizes): GrootConfig {
  return {
    vision: {
      width: sizes.vision_width,
      heads: sizes.vision_heads,
      layers: sizes.vision_layers,
      mlpWidth: sizes.vision_mlp,
      patch: 14,
      side: sizes.side / 14,
      epsilon: 1e-6,
    },
    language: {
      width: sizes.width,
      heads: sizes.heads,
      kvHeads: sizes.kv_heads,
      headWidth: sizes.head_dim,
      mlpWidth: sizes.mlp,
      layers: sizes.layers,
      epsilon: 1e-6,
      ropeBase: 1_000_000,
      vocabulary: sizes.vocabulary,
    },
    imageToken: sizes.image_token,
    side: sizes.side,
    seenWidth: sizes.width,
    projected: false,
    seen: { heads: sizes.seen_heads, headWidth: sizes.seen_head_dim, layers: sizes.seen_layers },
    dit: {
      heads: sizes.dit_heads,
      headWidth: sizes.dit_head_dim,
      layers: sizes.dit_layers,
      width: sizes.dit_heads * sizes.dit_head_dim,
      interleaved: true,
      outputWidth: sizes.dit_output,
    },
    encoderWidth: sizes.encoder_width,
    decoderWidth: sizes.encoder_width,
    stateDim: sizes.max_state_dim,
    actionDim: sizes.max_action_dim,
    horizon: sizes.horizon,
    futureTokens: sizes.future_tokens,
    slots: sizes.slots,
    positions: sizes.positions,
    steps: sizes.steps,
    buckets: 1000,
  };
}

function shardsOf(config: GrootConfig, seed: number): WrittenWeights[] {
  const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
  const options = { seed, dtype: "bfloat16" } as const;
  const backbone = randomWeights([visionGraph(config, 1), languageGraph(config, 1)], { ...options, file: first });
  const head = randomWeights([languageGraph(config, 1), timeGraph(config, 256), stepGraph(config, 1)], {
    ...options,
    file: second,
  });
  const isHead = (name: string): boolean => name.startsWith("action_head.");
  const extra = new Map(backboneExtras(config));
  return [
    {
      ...backbone,
      tensors: [
        ...backbone.tensors.filter(({ name }) => !isHead(name)),
        ...[...extra].map(([name, shape]) => ({ name, dtype: "bfloat16", shape }) as const),
      ],
      fill: (name, shape) =>
        extra.has(name)
          ? fromFloat32(
              Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ripple(i)),
              "bfloat16",
            )
          : backbone.fill(name, shape),
    },
    {
      ...head,
      tensors: head.tensors
        .filter(({ name }) => isHead(name))
        .map((tensor) =>
          PER_EMBODIMENT.test(tensor.name) ? { ...tensor, shape: [config.slots, ...tensor.shape] } : tensor,
        ),
    },
  ];
}

/** Something between -1 and 1 that no two neighbours share: embeddings, and weights that nothing reads. */
function ripple(i: number): number {
  return Math.sin(i * 12.9898) * 0.7;
}

/** The table of embeddings, and SigLIP's pooling, which nothing reads. */
function backboneExtras({ language, vision }: GrootConfig): [string, Shape][] {
  const { width, mlpWidth } = vision;
  const pooling: [string, Shape][] = [
    ["probe", [1, 1, width]],
    ["attention.in_proj_weight", [3 * width, width]],
    ["attention.in_proj_bias", [3 * width]],
    ["attention.out_proj.weight", [width, width]],
    ["attention.out_proj.bias", [width]],
    ["layernorm.weight", [width]],
    ["layernorm.bias", [width]],
    ["mlp.fc1.weight", [mlpWidth, width]],
    ["mlp.fc1.bias", [mlpWidth]],
    ["mlp.fc2.weight", [width, mlpWidth]],
    ["mlp.fc2.bias", [width]],
  ];
  return [
    [`${LANGUAGE}.embed_tokens.weight`, [language.vocabulary, language.width]],
    ...pooling.map(([name, shape]): [string, Shape] => [`${VISION}.head.${name}`, shape]),
  ];
}

function configFile(sizes: Sizes): object {
  return {
    action_dim: sizes.max_action_dim,
    action_horizon: sizes.horizon,
    architectures: ["GR00T_N1_5"],
    model_type: "gr00t_n1_5",
    compute_dtype: "bfloat16",
    torch_dtype: "bfloat16",
    hidden_size: sizes.width,
    backbone_cfg: {
      eagle_path: "NVEagle/eagle_er-qwen3_1_7B-Siglip2_400M_stage1_5_128gpu_er_v7_1mlp_nops",
      project_to_dim: null,
      reproject_vision: false,
      select_layer: sizes.layers,
    },
    action_head_cfg: headFile(sizes),
    eagle_config: {
      image_token_index: sizes.image_token,
      use_pixel_shuffle: false,
      mlp_connector_layers: 1,
      text_config: { model_type: "qwen3", rms_norm_eps: 1e-6, rope_theta: 1_000_000, head_dim: sizes.head_dim },
      vision_config: {
        model_type: "siglip_vision_model",
        num_attention_heads: sizes.vision_heads,
        layer_norm_eps: 1e-6,
      },
    },
  };
}

function headFile(sizes: Sizes): object {
  return {
    action_dim: sizes.max_action_dim,
    action_horizon: sizes.horizon,
    add_pos_embed: true,
    backbone_embedding_dim: sizes.width,
    hidden_size: sizes.encoder_width,
    input_embedding_dim: sizes.dit_heads * sizes.dit_head_dim,
    max_action_dim: sizes.max_action_dim,
    max_state_dim: sizes.max_state_dim,
    max_num_embodiments: sizes.slots,
    max_seq_len: sizes.positions,
    num_inference_timesteps: sizes.steps,
    num_target_vision_tokens: sizes.future_tokens,
    num_timestep_buckets: 1000,
    use_vlln: true,
    diffusion_model_cfg: {
      attention_head_dim: sizes.dit_head_dim,
      cross_attention_dim: sizes.width,
      interleave_self_attention: true,
      norm_type: "ada_norm",
      num_attention_heads: sizes.dit_heads,
      num_layers: sizes.dit_layers,
      output_dim: sizes.dit_output,
      positional_embeddings: null,
    },
    vl_self_attention_cfg: {
      attention_head_dim: sizes.seen_head_dim,
      num_attention_heads: sizes.seen_heads,
      num_layers: sizes.seen_layers,
      positional_embeddings: null,
    },
  };
}

/** Made-up statistics of one arm and its gripper. */
function metadata(sizes: Sizes): object {
  const part = (dim: number, spread: number): object => {
    const each = (value: number): number[] => Array.from({ length: dim }, (_, i) => value * (1 + 0.1 * i));
    const [min, max, q01, q99] = [-1, 1, -0.9, 0.9].map((share) => each(share * spread));
    return { min, max, q01, q99, mean: each(0.05), std: each(0.4 * spread) };
  };
  const parts = (dim: number, spread: number): Record<string, object> =>
    dim === 1 ? { arm: part(1, spread) } : { arm: part(dim - 1, spread), gripper: part(1, 1) };
  const facts = (dim: number): Record<string, object> => {
    const of = (shape: number): object => ({ absolute: true, rotation_type: null, shape: [shape], continuous: true });
    return dim === 1 ? { arm: of(1) } : { arm: of(dim - 1), gripper: of(1) };
  };
  const cameras = Array.from({ length: sizes.views }, (_, i) => [
    `view${i}`,
    { resolution: [256, 192], channels: 3, fps: 20 },
  ]);
  return {
    statistics: { state: parts(sizes.state_dim, 2), action: parts(sizes.action_dim, 0.5) },
    modalities: { video: Object.fromEntries(cameras), state: facts(sizes.state_dim), action: facts(sizes.action_dim) },
    embodiment_tag: "new_embodiment",
  };
}

/** In the order of their ids, the two before the image token first. */
const SPECIAL = ["<|im_start|>", "<|im_end|>", "<IMG_CONTEXT>", "<img>", "</img>"];

/** A byte-level tokenizer without merges, with the special tokens around `imageToken`. */
function byteTokenizer(imageToken: number): JsonObject {
  const added = SPECIAL.map((content, i) => {
    const id = imageToken - 2 + i;
    return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  });
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const vocab = Object.fromEntries(charOfByte.map((char, id) => [char, id]));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: "BPE", dropout: null, unk_token: null, vocab, merges: [] },
  };
}
