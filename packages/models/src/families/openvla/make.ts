/** OpenVLA checkpoints with random weights in the published layout: three shards, norm_stats, processor, tokenizer. */
import { type DType, type Elements, Graph, type Shape, sizeOf } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import type { VitConfig } from "../../blocks/vit.ts";
import { fromFloat32, toFloat32 } from "../../checkpoint/floats.ts";
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles, WrittenWeights } from "../../checkpoint/make.ts";
import { randomWeights } from "../random-weights.ts";
import { EMBEDDING, HEAD, type OpenvlaConfig, TOWERS } from "./config.ts";
import { sequenceGraph, visionGraph } from "./graphs.ts";
import { llamaTokenizer } from "./make-tokenizer.ts";
import { plainNet } from "./model.ts";

/** The sizes of openvla-7b. */
const full = {
  image_size: 224,
  patch: 14,
  dino_width: 1024,
  dino_depth: 24,
  dino_heads: 16,
  dino_mlp: 4096,
  siglip_width: 1152,
  siglip_depth: 27,
  siglip_heads: 16,
  siglip_mlp: 4304,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  vocab_size: 32064,
};

const tiny = {
  image_size: 56,
  patch: 14,
  dino_width: 32,
  dino_depth: 3,
  dino_heads: 4,
  dino_mlp: 64,
  siglip_width: 40,
  siglip_depth: 4,
  siglip_heads: 5,
  siglip_mlp: 72,
  hidden_size: 48,
  intermediate_size: 96,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  vocab_size: 832,
};

const MEANS = [
  [0.484375, 0.455078125, 0.40625],
  [0.5, 0.5, 0.5],
];
const STDS = [
  [0.228515625, 0.2236328125, 0.224609375],
  [0.5, 0.5, 0.5],
];
/** A published shard holds up to 7 GB. */
const SHARDS = 3;
/** Larger tensors repeat a random block of this many values, a prime so that no two rows are alike. */
const BLOCK = 1_048_573;

/** Every size may be overridden by `dims`, under the names above. */
export function openvlaSizes({ size, dims }: MakeOptions): OpenvlaConfig {
  const fields = new Fields({ ...(size === "tiny" ? tiny : full), ...dims } as JsonObject, "dims.json");
  const whole = (key: string): number => fields.whole(key, undefined, 1);
  const [patch, side] = [whole("patch"), whole("image_size") / whole("patch")];
  if (!Number.isInteger(side)) throw fields.bad("image_size", `a multiple of ${patch}`);
  const tower = (name: "dino" | "siglip"): VitConfig => ({
    width: whole(`${name}_width`),
    heads: whole(`${name}_heads`),
    depth: whole(`${name}_depth`),
    mlpWidth: whole(`${name}_mlp`),
    patch,
    side,
    classToken: name === "dino",
    registers: name === "dino" ? 4 : 0,
    layerScale: name === "dino",
  });
  const [width, heads] = [whole("hidden_size"), whole("num_attention_heads")];
  return {
    towers: [tower("dino"), tower("siglip")],
    llama: {
      width,
      heads,
      kvHeads: whole("num_key_value_heads"),
      headWidth: width / heads,
      mlpWidth: whole("intermediate_size"),
      layers: whole("num_hidden_layers"),
      epsilon: 1e-6,
    },
    vocabulary: whole("vocab_size"),
    baseVocabulary: whole("vocab_size") - 64,
    bins: 256,
    maxTokens: 2048,
    pixels: { side: side * patch, means: MEANS, stds: STDS },
    prompt: "v02",
  };
}

export function makeOpenvla(options: MakeOptions): WrittenFiles {
  const sizes = openvlaSizes(options);
  const norm = { bridge_orig: statistics(7, 0) };
  const weights = baseWeights(sizes, options.seed);
  return { files: baseFiles(sizes, norm).set("model.safetensors.index.json", indexOf(weights)), weights };
}

/** config.json, processor, tokenizer. */
export function baseFiles(config: OpenvlaConfig, normStats: JsonObject | null): Map<string, string | Uint8Array> {
  const { side } = config.pixels;
  const text = (value: JsonObject): string => `${JSON.stringify(value, null, 1)}\n`;
  return new Map<string, string | Uint8Array>([
    ["config.json", text(configJson(config, normStats))],
    [
      "preprocessor_config.json",
      text({
        image_processor_type: "PrismaticImageProcessor",
        image_resize_strategy: "resize-naive",
        input_sizes: config.towers.map(() => [3, side, side]),
        interpolations: config.towers.map(() => "bicubic"),
        means: MEANS,
        stds: STDS,
        use_fused_vision_backbone: true,
      }),
    ],
    ["tokenizer.json", text(llamaTokenizer(config.baseVocabulary))],
    ["tokenizer_config.json", text({ tokenizer_class: "LlamaTokenizer", legacy: false, model_max_length: 2048 })],
  ]);
}

function configJson(config: OpenvlaConfig, normStats: JsonObject | null): JsonObject {
  const { llama, vocabulary, baseVocabulary, towers, pixels } = config;
  return {
    architectures: ["OpenVLAForActionPrediction"],
    model_type: "openvla",
    arch_specifier: "no-align+fused-gelu-mlp",
    llm_backbone_id: "llama2-7b-pure",
    vision_backbone_id: "dinosiglip-vit-so-224px",
    image_resize_strategy: "resize-naive",
    image_sizes: [pixels.side, pixels.side],
    llm_max_length: config.maxTokens,
    n_action_bins: config.bins,
    norm_stats: normStats,
    pad_to_multiple_of: vocabulary - baseVocabulary,
    pad_token_id: baseVocabulary,
    text_config: {
      model_type: "llama",
      hidden_size: llama.width,
      intermediate_size: llama.mlpWidth,
      num_hidden_layers: llama.layers,
      num_attention_heads: llama.heads,
      num_key_value_heads: llama.kvHeads,
      vocab_size: vocabulary,
      torch_dtype: "bfloat16",
    },
    timm_model_ids: ["vit_large_patch14_reg4_dinov2.lvd142m", "vit_so400m_patch14_siglip_224"],
    timm_model_args: towers.map(({ heads }) => ({ num_heads: heads })),
    torch_dtype: "bfloat16",
    use_fused_vision_backbone: true,
  };
}

/** All graphs that hold the tensors of the layout, with those that nothing reads. */
function layoutGraphs(config: OpenvlaConfig): readonly Graph[] {
  // One more block, so that the last one, which is stored and not run, is among them.
  const deeper = { ...config, towers: config.towers.map((tower) => ({ ...tower, depth: tower.depth + 1 })) };
  const rest = new Graph("openvla-unread");
  const net = new Net(rest);
  net.tensor(EMBEDDING, [config.vocabulary, config.llama.width], { kind: "normal", std: 1 });
  config.towers.forEach(({ width, mlpWidth, classToken }, i) => {
    const tower = TOWERS[i] as string;
    const layer = (name: string, outer: number, inner: number): void => {
      net.matrix(`${tower}.${name}.weight`, outer, inner);
      net.tensor(`${tower}.${name}.bias`, [outer], { kind: "zeros" });
    };
    const norm = (name: string): void => {
      net.tensor(`${tower}.${name}.weight`, [width], { kind: "ones" });
      net.tensor(`${tower}.${name}.bias`, [width], { kind: "zeros" });
    };
    norm("norm");
    if (classToken) return;
    net.tensor(`${tower}.attn_pool.latent`, [1, 1, width], { kind: "normal", std: 0.02 });
    layer("attn_pool.q", width, width);
    layer("attn_pool.kv", 2 * width, width);
    layer("attn_pool.proj", width, width);
    norm("attn_pool.norm");
    layer("attn_pool.mlp.fc1", mlpWidth, width);
    layer("attn_pool.mlp.fc2", width, mlpWidth);
  });
  return [visionGraph(deeper, plainNet), sequenceGraph(config, { n: 16, read: 1 }, plainNet), rest];
}

/** The shards and their index. */
export function baseWeights(config: OpenvlaConfig, seed: number): WrittenWeights[] {
  const all = randomWeights(layoutGraphs(config), { seed, dtype: "bfloat16" });
  const { tensors } = all;
  const total = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const shards: WrittenWeights["tensors"][number][][] = Array.from({ length: SHARDS }, () => []);
  let before = 0;
  for (const tensor of tensors) {
    shards[Math.min(SHARDS - 1, Math.floor((before * SHARDS) / total))]?.push(tensor);
    before += sizeOf(tensor.shape);
  }
  const fill = (name: string, shape: Shape): Elements => fillTensor(config, all, name, shape);
  return shards.map((shard, i) => ({ file: shardName(i), tensors: shard, fill, metadata: { format: "pt" } }));
}

function shardName(i: number): string {
  const number = (n: number): string => String(n).padStart(5, "0");
  return `model-${number(i + 1)}-of-${number(SHARDS)}.safetensors`;
}

/** model.safetensors.index.json of shards. */
export function indexOf(shards: readonly WrittenWeights[]): string {
  const map = shards.flatMap(({ file, tensors }) => tensors.map(({ name }): [string, string] => [name, file]));
  const bytes = shards.flatMap(({ tensors }) => tensors).reduce((sum, { shape }) => sum + 2 * sizeOf(shape), 0);
  return `${JSON.stringify({ metadata: { total_size: bytes }, weight_map: Object.fromEntries(map) }, null, 1)}\n`;
}

function fillTensor(config: OpenvlaConfig, all: WrittenWeights, name: string, shape: Shape): Elements {
  const size = sizeOf(shape);
  if (size > BLOCK) return repeated(all.fill(name, [BLOCK]) as Uint16Array, size);
  const values = all.fill(name, shape);
  return name === `${HEAD}.weight` ? favourActions(config, values, "bfloat16") : values;
}

/** Rows of ids that are no actions are weaker, so that greedy decoding finds actions nearly always. */
function favourActions({ baseVocabulary, bins, llama }: OpenvlaConfig, values: Elements, dtype: DType): Elements {
  const floats = toFloat32(values, dtype).map((value, i) => {
    const id = Math.floor(i / llama.width);
    return id < baseVocabulary - bins || id >= baseVocabulary ? value / 4 : value;
  });
  return fromFloat32(floats, dtype);
}

function repeated(block: Uint16Array, size: number): Uint16Array {
  const out = new Uint16Array(size);
  for (let at = 0; at < size; at += block.length) out.set(block.subarray(0, Math.min(block.length, size - at)), at);
  return out;
}

/** Statistics of a made-up data set. */
export function statistics(actionDim: number, proprioDim: number): JsonObject {
  const vector = (dim: number, gripper: boolean): JsonObject => {
    const each = (value: number, last: number): number[] =>
      Array.from({ length: dim }, (_, d) => (gripper && d === dim - 1 ? last : value * (1 + d / 8)));
    return {
      q01: each(-0.5, 0),
      q99: each(0.6, 1),
      min: each(-0.7, 0),
      max: each(0.8, 1),
      mean: each(0.05, 0.5),
      std: each(0.2, 0.4),
    };
  };
  const mask = Array.from({ length: actionDim }, (_, d) => d < actionDim - 1);
  return {
    action: { ...vector(actionDim, true), mask },
    ...(proprioDim > 0 ? { proprio: vector(proprioDim, false) } : {}),
    num_transitions: 1000,
    num_trajectories: 10,
  };
}
