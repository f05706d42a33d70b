/**
 * What a SmolVLA checkpoint says of itself. Widths and depths are read from its tensors; `config.json` names the rest. How a
 * width is cut into heads stands in neither: a description of the VLM beside the weights says it (`dims.json`, or the VLM's
 * own configuration in `tokenizer/config.json`), else the rule of all published SmolVLM2 sizes holds.
 */
import { BiddenError } from "@bidden/runtime";
import type { TimeEmbedding } from "../../blocks/flow-matching.ts";
import type { LlamaConfig } from "../../blocks/llama.ts";
import { type SiglipConfig, siglipConfig } from "../../blocks/siglip.ts";
import type { Checkpoint, TensorInfo } from "../../checkpoint/checkpoint.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import { lerobotFeatures } from "../lerobot/features.ts";
import { ACTION_IN, CONNECTOR, EMBEDDING, EXPERT, STATE_IN, storedNames, TEXT, VISION } from "./names.ts";

/** What the action expert does beside one layer of the VLM. */
export type ExpertLayer = {
  /** Number of the VLM's layer whose keys and values it reads. */
  readonly vlm: number;
  /** "self": attends to the actions and to the VLM's keys and values; "cross": to its own view of those only. */
  readonly kind: "self" | "cross";
};

export type SmolVlaConfig = {
  readonly vision: SiglipConfig;
  /** Image tokens along a side that become one token. */
  readonly shuffle: number;
  readonly text: LlamaConfig;
  readonly expert: LlamaConfig;
  /** One entry a layer of the expert. */
  readonly expertLayers: readonly ExpertLayer[];
  readonly vocabulary: number;
  /** Actions in a chunk, and how many are executed before the next. */
  readonly chunk: number;
  readonly executed: number;
  /** Denoising steps. */
  readonly steps: number;
  readonly time: TimeEmbedding;
  /** Widths that state and action are padded to with zeros. */
  readonly stateWidth: number;
  readonly actionWidth: number;
  readonly stateDim: number;
  readonly actionDim: number;
  /** Declared cameras in their order, with the size of the images that were trained on. */
  readonly cameras: readonly { readonly name: string; readonly width: number; readonly height: number }[];
  /** How many absent cameras become masked slots; further ones vanish. */
  readonly emptyCameras: number;
  /** Size that images are brought to; null leaves them as they are. Stored as (width, height). */
  readonly imageSize: { readonly width: number; readonly height: number } | null;
  readonly imageSpecialTokens: boolean;
  /** The prefix is padded after the state to this length; -1 for not at all. */
  readonly prefixLength: number;
  readonly languagePadding: "longest" | "max_length";
  readonly maxTokens: number;
  /** State and action are converted between ALOHA's joints and π's. */
  readonly aloha: boolean;
};

/** Stored tensors by the name that the graphs use. */
export type Tensors = ReadonlyMap<string, TensorInfo>;

/**
 * @param changes fields in place of config.json's
 * @throws where sizes contradict each other, with the names of both
 */
export async function readConfig(checkpoint: Checkpoint, changes: JsonObject = {}): Promise<SmolVlaConfig> {
  const tensors = storedNames(checkpoint);
  const facts = await headFacts(checkpoint);
  const stored = checkpoint.config;
  const fields = Object.fromEntries(stored.keys().map((key) => [key, stored.raw(key)]));
  const config = new Fields({ ...fields, ...changes }, stored.file);
  const shape = shapesOf(checkpoint, tensors);
  const vision = siglipConfig([...tensors.keys()], (name) => shape(name), VISION, {
    heads: facts.visionHeads(shape(`${VISION}.embeddings.patch_embedding.weight`)[0] as number),
    ...(facts.visionEpsilon === undefined ? {} : { epsilon: facts.visionEpsilon }),
  });
  const [depth, expertDepth] = depths(tensors, config);
  const text = llamaConfig(TEXT, shape, facts, depth);
  const expert = { ...llamaConfig(EXPERT, shape, facts, expertDepth), kvHeads: text.kvHeads };
  const { stateDim, actionDim } = lerobotFeatures(config);
  return {
    vision,
    shuffle: shuffleFactor(shape(CONNECTOR)[1] as number, vision.width),
    text,
    expert,
    expertLayers: pairLayers(config, depth, expertDepth),
    vocabulary: shape(EMBEDDING)[0] as number,
    chunk: config.whole("chunk_size", 50, 1),
    executed: config.whole("n_action_steps", 50, 1),
    steps: config.whole("num_steps", 10, 1),
    time: { minPeriod: config.number("min_period", 4e-3), maxPeriod: config.number("max_period", 4) },
    stateWidth: shape(STATE_IN)[1] as number,
    actionWidth: shape(ACTION_IN)[1] as number,
    stateDim,
    actionDim,
    ...imageFacts(config),
    prefixLength: config.number("prefix_length", -1),
    languagePadding: oneOf(config, "pad_language_to", ["longest", "max_length"], "longest"),
    maxTokens: config.whole("tokenizer_max_length", 48, 1),
    aloha: config.flag("adapt_to_pi_aloha", false),
  };
}

function shapesOf(checkpoint: Checkpoint, tensors: Tensors): (name: string) => readonly number[] {
  return (name) => {
    const found = tensors.get(name);
    if (found !== undefined) return found.shape;
    throw new BiddenError("bad-checkpoint", `${checkpoint.label}: expected a tensor "${name}"; there is none.`, {
      tensor: name,
    });
  };
}

function imageFacts(
  config: Fields,
): Pick<SmolVlaConfig, "cameras" | "emptyCameras" | "imageSize" | "imageSpecialTokens"> {
  const { cameras } = lerobotFeatures(config);
  if (cameras.length === 0) throw config.bad("input_features", "at least one feature of type VISUAL");
  return {
    cameras,
    emptyCameras: config.whole("empty_cameras", 0),
    imageSize: imageSize(config),
    imageSpecialTokens: config.flag("add_image_special_tokens", false),
  };
}

/** Left out it is 512 by 512, the reference's default; null is said on purpose. */
function imageSize(config: Fields): SmolVlaConfig["imageSize"] {
  const key = "resize_imgs_with_padding";
  if (!config.has(key)) return config.keys().includes(key) ? null : { width: 512, height: 512 };
  const [width, height] = config.numbers(key);
  if (!isSide(width) || !isSide(height)) throw config.bad(key, "a width and a height of 1 to 16384");
  return { width, height };
}

function isSide(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= 16_384;
}

function oneOf<T extends string>(config: Fields, key: string, allowed: readonly T[], fallback: T): T {
  const value = config.text(key, fallback);
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw config.bad(key, `one of ${allowed.join(", ")}`);
  return found;
}

/** Layers of the VLM that are kept, and of the expert. */
function depths(tensors: Tensors, config: Fields): readonly [number, number] {
  const stored = storedLayers(tensors, TEXT);
  const storedExpert = storedLayers(tensors, EXPERT);
  const wanted = config.number("num_vlm_layers", 16);
  const wantedExpert = config.number("num_expert_layers", -1);
  // A VLM of fewer layers than asked for is taken whole, as the reference does; a file that lacks some is not such a VLM.
  const whole = wantedExpert > 0 || stored === storedExpert;
  const depth = wanted > 0 ? (whole ? Math.min(wanted, stored) : wanted) : stored;
  return [depth, wantedExpert > 0 ? wantedExpert : depth];
}

/** One more than the highest number of a layer, so that a layer missing in between is noticed. */
function storedLayers(tensors: Tensors, stack: string): number {
  const prefix = `${stack}.layers.`;
  let count = 0;
  for (const name of tensors.keys()) {
    if (name.startsWith(prefix)) count = Math.max(count, 1 + Number(name.slice(prefix.length).split(".", 1)[0]));
  }
  return count;
}

/**
 * Which layers of the VLM have one of the expert beside them, and how that attends. The reference counts by layers of the VLM;
 * where the expert has fewer, some configurations ask for what its shapes do not allow.
 */
export function pairLayers(config: Fields, depth: number, expertDepth: number): ExpertLayer[] {
  const mode = oneOf(config, "attention_mode", ["cross_attn", "self_attn"], "cross_attn");
  const every = config.number("self_attn_every_n_layers", 2);
  const isSelf = (layer: number): boolean => mode === "self_attn" || (every > 0 && layer % every === 0);
  if (depth % expertDepth !== 0)
    throw config.bad("num_expert_layers", `a number that divides the VLM's ${depth} layers`);
  const apart = depth / expertDepth;
  const layers = Array.from({ length: expertDepth }, (_, i): ExpertLayer => {
    return { vlm: i * apart, kind: isSelf(i * apart) ? "self" : "cross" };
  });
  const alone = Array.from({ length: depth }, (_, i) => i).find((i) => i % apart !== 0 && isSelf(i));
  const odd = layers.findIndex(({ kind }, i) => (kind === "self") !== isSelf(i));
  if (alone !== undefined || odd !== -1) {
    throw new BiddenError(
      "unsupported",
      `config.json: with num_expert_layers ${expertDepth} beside ${depth} layers of the VLM and self_attn_every_n_layers ${every}, ` +
        `layer ${alone ?? odd} would attend to actions through weights made for the VLM; the reference fails on it as well.`,
      { num_expert_layers: expertDepth, num_vlm_layers: depth, self_attn_every_n_layers: every },
    );
  }
  return layers;
}

function shuffleFactor(inputs: number, width: number): number {
  const factor = Math.round(Math.sqrt(inputs / width));
  if (factor * factor * width === inputs) return factor;
  throw new BiddenError(
    "bad-checkpoint",
    `"${CONNECTOR}": expected a square number times the image encoder's width of ${width} inputs; came ${inputs}.`,
    { tensor: CONNECTOR },
  );
}

type HeadFacts = {
  readonly visionHeads: (width: number) => number;
  readonly visionEpsilon: number | undefined;
  readonly headWidth: number;
  readonly epsilon: number;
};

/** Width of a head of SmolLM2's attention, in every published size. */
const HEAD_WIDTH = 64;

/** SigLIP so400m has heads 72 wide, its smaller towers 64. */
function publishedVisionHeads(width: number): number {
  return width % 72 === 0 ? width / 72 : width / 64;
}

async function headFacts(checkpoint: Checkpoint): Promise<HeadFacts> {
  const dims = await checkpoint.json("dims.json");
  const vlm = dims === null ? ((await checkpoint.json("tokenizer/config.json")) ?? null) : null;
  const text = vlm?.object("text_config", true);
  const tower = dims?.object("vision", true) ?? vlm?.object("vision_config", true);
  const heads = tower?.has("num_attention_heads") ? tower.whole("num_attention_heads", 0, 1) : null;
  return {
    visionHeads: (width) => heads ?? publishedVisionHeads(width),
    visionEpsilon: dims?.number("vision_ln_eps", 1e-6) ?? tower?.number("layer_norm_eps", 1e-6),
    headWidth: dims?.whole("head_dim", HEAD_WIDTH, 2) ?? textHeadWidth(text),
    epsilon: dims?.number("rms_eps", 1e-5) ?? text?.number("rms_norm_eps", 1e-5) ?? 1e-5,
  };
}

function textHeadWidth(text: Fields | undefined): number {
  if (text === undefined) return HEAD_WIDTH;
  if (text.has("head_dim")) return text.whole("head_dim", HEAD_WIDTH, 2);
  if (!text.has("hidden_size") || !text.has("num_attention_heads")) return HEAD_WIDTH;
  return text.whole("hidden_size", 0, 1) / text.whole("num_attention_heads", 0, 1);
}

function llamaConfig(
  stack: string,
  shape: (name: string) => readonly number[],
  { headWidth, epsilon }: HeadFacts,
  layers: number,
): LlamaConfig {
  const first = `${stack}.layers.0`;
  const [attended, width] = shape(`${first}.self_attn.q_proj.weight`) as readonly [number, number];
  const keys = shape(`${first}.self_attn.k_proj.weight`)[0] as number;
  const [heads, kvHeads] = [attended / headWidth, keys / headWidth];
  if (!Number.isInteger(heads) || !Number.isInteger(kvHeads) || heads % kvHeads !== 0 || headWidth % 2 !== 0) {
    throw new BiddenError(
      "bad-checkpoint",
      `${first}: ${attended} features of queries and ${keys} of keys do not divide into heads of ${headWidth}; ` +
        'a dims.json beside the weights can say another "head_dim".',
      { tensor: first, headWidth },
    );
  }
  return {
    width,
    heads,
    kvHeads,
    headWidth,
    mlpWidth: shape(`${first}.mlp.gate_proj.weight`)[0] as number,
    layers,
    epsilon,
  };
}
