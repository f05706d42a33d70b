/**
 * Sizes of a π checkpoint, read from the shapes of its tensors. Two things no shape tells: how many heads share the width of
 * the image encoder, and how a vector of keys is cut into heads; those come from `dims.json`, or follow the published models
 * (one key head; SigLIP heads 72 wide).
 */
import { BiddenError } from "@bidden/runtime";
import type { Shape } from "@bidden/tensor";
import type { GemmaDims } from "../../blocks/gemma.ts";
import { countLayers } from "../../blocks/net.ts";
import { type SiglipConfig, siglipConfig } from "../../blocks/siglip.ts";
import { EMBEDDING, EXPERT, HEAD, LANGUAGE, type PiKind, VISION } from "./names.ts";

export type PiDims = {
  readonly kind: PiKind;
  readonly text: GemmaDims;
  /** null for π0-FAST. */
  readonly expert: GemmaDims | null;
  readonly vision: SiglipConfig;
  readonly vocabulary: number;
  /** Width of a padded action and state; 0 for π0-FAST. */
  readonly actionWidth: number;
};

/** What `dims.json` may say beside the shapes. */
export type DimsHints = {
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly visionHeads?: number;
  readonly epsilon?: number;
  readonly visionEpsilon?: number;
};

/** Shapes by canonical name (names.ts). */
export type Shapes = ReadonlyMap<string, Shape>;

/** Width of a head of SigLIP So400m (1152 / 16), which every published π model uses. */
const SIGLIP_HEAD = 72;

export function readDims(kind: PiKind, shapes: Shapes, hints: DimsHints = {}): PiDims {
  const text = gemmaDims(LANGUAGE, shapes, hints);
  const expert = kind === "pi0_fast" ? null : gemmaDims(EXPERT, shapes, hints);
  if (expert !== null && (expert.depth !== text.depth || expert.headDim !== text.headDim)) {
    throw new BiddenError(
      "bad-checkpoint",
      `Expected an action expert with as many layers as the language model and heads as wide; came ${expert.depth} layers with heads of ${expert.headDim} beside ${text.depth} with heads of ${text.headDim}.`,
    );
  }
  const [vocabulary] = shapes.get(EMBEDDING) ?? need(shapes, HEAD, 2);
  return {
    kind,
    text,
    expert,
    vision: visionDims(shapes, hints),
    vocabulary: vocabulary as number,
    actionWidth: kind === "pi0_fast" ? 0 : (need(shapes, "action_in_proj.weight", 2)[1] as number),
  };
}

function need(shapes: Shapes, name: string, rank: number): Shape {
  const shape = shapes.get(name);
  if (shape?.length === rank) return shape;
  const came = shape === undefined ? "nothing" : `[${shape.join(", ")}]`;
  throw new BiddenError("bad-checkpoint", `Expected a tensor "${name}" with ${rank} dimensions; came ${came}.`, {
    tensor: name,
    expected: `${rank} dimensions`,
    came,
  });
}

function gemmaDims(stack: string, shapes: Shapes, hints: DimsHints): GemmaDims {
  const first = `${stack}.layers.0`;
  const [queries, width] = need(shapes, `${first}.self_attn.q_proj.weight`, 2) as readonly [number, number];
  const [keys] = need(shapes, `${first}.self_attn.k_proj.weight`, 2) as readonly [number, number];
  const [mlpWidth] = need(shapes, `${first}.mlp.gate_proj.weight`, 2) as readonly [number, number];
  const kvHeads = hints.kvHeads ?? 1;
  const headDim = hints.headDim ?? keys / kvHeads;
  const heads = queries / headDim;
  const cut = keys === kvHeads * headDim && Number.isInteger(heads / kvHeads) && headDim % 2 === 0;
  if (!cut || (hints.heads ?? heads) !== heads) {
    throw new BiddenError(
      "bad-checkpoint",
      `${first}: expected heads of ${headDim}, ${kvHeads} of them for keys; came ${queries} query and ${keys} key features.`,
      { tensor: first, headDim, kvHeads, queries, keys },
    );
  }
  const depth = countLayers(shapes.keys(), `${stack}.layers`, "self_attn.q_proj.weight");
  return { width, depth, mlpWidth, heads, kvHeads, headDim, epsilon: hints.epsilon ?? 1e-6 };
}

function visionDims(shapes: Shapes, hints: DimsHints): SiglipConfig {
  const [width] = need(shapes, `${VISION}.embeddings.patch_embedding.weight`, 4) as readonly [number];
  const heads = hints.visionHeads ?? width / SIGLIP_HEAD;
  if (!Number.isInteger(heads)) {
    throw new BiddenError(
      "bad-checkpoint",
      `The image encoder is ${width} wide, which heads of ${SIGLIP_HEAD} do not divide; say vision.num_attention_heads in dims.json.`,
      { width },
    );
  }
  const shapeOf = (name: string): Shape => need(shapes, name, name.includes("patch_embedding") ? 4 : 2);
  return siglipConfig(shapes.keys(), shapeOf, VISION, { heads, epsilon: hints.visionEpsilon ?? 1e-6 });
}
