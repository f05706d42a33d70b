/**
 * The backbone of the tabletop policy: images, sentence and body become latents, a pointer and its coordinates.
 *
 * 1. The instruction's tokens (from a frozen text encoder) are read by a few learned queries: what to act on, where to put
 *    it, which skill, is it clear, what is asked.
 * 2. Each patch goes through an MLP whose hidden layer the instruction scales and shifts (FiLM, Perez et al. 2018), so that
 *    a patch can answer "am I what is asked for?" on its own; two layers of attention among all tokens add relations.
 * 3. Recognition: what each patch shows is compared with what is asked for, attribute by attribute (attributes.ts).
 * 4. Dense pointing: per channel (act, place) one logit a patch and one for "nowhere". Each patch also predicts how far from
 *    its own spot on the table the thing's centre is; the pointer's softmax averages spot + offset into coordinates.
 * 5. Coordinates (or hints that replace them), the body's state and the skill enter a few latents, which attend to the
 *    patches and become actions, "done", "clear?" and answers.
 */
import {
  add,
  cast,
  concat,
  detach,
  expand,
  type Graph,
  gelu,
  matmul,
  mul,
  reshape,
  slice,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
} from "@bidden/tensor";
import { crossLayer, dense, norm, selfLayer } from "../blocks/layers.ts";
import { PLANE_Z_M } from "../image/patches.ts";
import { type Attributes, recognise } from "./attributes.ts";
import { CHANNELS, SCENE_INTENTS, SKILLS, TEXT_INTENTS, type TabletopConfig } from "./config.ts";
import { tabletopSizes } from "./inputs.ts";

export type BackboneInputs = {
  /** uint8[b, patches, patchBytes] */
  readonly patches: Tensor;
  /** float32[b, patches, 3] */
  readonly rays: Tensor;
  /** float32[b, proprio] */
  readonly proprio: Tensor;
  /** float32[b, 3] */
  readonly tool: Tensor;
  /** float32[b, textTokens, textWidth] */
  readonly text: Tensor;
  /** float32[b, textTokens]: 0 for a token, -10000 for padding. */
  readonly textMask: Tensor;
  /** float32[b, 2, 3]: places that replace the pointer's coordinates where hintMask is 1; metres, base frame. */
  readonly hints: Tensor;
  /** float32[b, 2, 1] */
  readonly hintMask: Tensor;
};

export type BackboneOutputs = {
  /** float32[b, 2, patches + 1]: pointer logits, the last one "nowhere". */
  readonly pointer: Tensor;
  /** float32[b, 2, patches, 3]: each patch's guess of the thing's centre, metres, base frame. */
  readonly guesses: Tensor;
  /** float32[b, 2, 3]: the pointer's average of the guesses. */
  readonly coordinates: Tensor;
  readonly attributes: Attributes;
  /** float32[b, horizon, width]: one latent for each action. */
  readonly actions: Tensor;
  /** float32[b, 1] */
  readonly done: Tensor;
  /** float32[b, TEXT_INTENTS] */
  readonly textIntent: Tensor;
  /** float32[b, SCENE_INTENTS] */
  readonly sceneIntent: Tensor;
  /** float32[b, SKILLS] */
  readonly skill: Tensor;
  /** float32[b, answers] */
  readonly answer: Tensor;
};

/** What each of the learned text queries reads out. */
const QUERIES = ["act", "place", "skill", "intent", "answer", "relation"] as const;
type QueryName = (typeof QUERIES)[number];

export function tabletopInputs(graph: Graph, config: TabletopConfig, batch: number): BackboneInputs {
  const { patches, patchBytes, proprio } = tabletopSizes(config);
  return {
    patches: graph.input("patches", "uint8", [batch, patches, patchBytes]),
    rays: graph.input("rays", "float32", [batch, patches, 3]),
    proprio: graph.input("proprio", "float32", [batch, proprio]),
    tool: graph.input("tool", "float32", [batch, 3]),
    text: graph.input("text", "float32", [batch, config.textTokens, config.textWidth]),
    textMask: graph.input("textMask", "float32", [batch, config.textTokens]),
    hints: graph.input("hints", "float32", [batch, 2, 3]),
    hintMask: graph.input("hintMask", "float32", [batch, 2, 1]),
  };
}

/** Learned tokens [count, width], one copy for each row of the batch. */
function learned(graph: Graph, name: string, batch: number, count: number, width: number): Tensor {
  const tokens = graph.parameter(name, [1, count, width], { kind: "normal", std: 0.5 });
  return expand(tokens, [batch, count, width]);
}

/** Elements `start` (inclusive) to `end` (exclusive) of an axis. */
function range(x: Tensor, axis: number, start: number, end: number): Tensor {
  return slice(x, { axis, start, end });
}

/** Tokens `from` (inclusive) to `to` (exclusive) of [b, t, width]. */
function tokens(x: Tensor, from: number, to: number): Tensor {
  return range(x, 1, from, to);
}

/** Token `at` of [b, t, width] as [b, width]. */
function token(x: Tensor, at: number): Tensor {
  const [b, , width] = x.shape as readonly [number, number, number];
  return reshape(tokens(x, at, at + 1), [b, width]);
}

/** The instruction read by the learned queries: [b, QUERIES, width]. */
function readText(graph: Graph, config: TabletopConfig, inputs: BackboneInputs): Tensor {
  const batch = inputs.text.shape[0] as number;
  const { width, heads, mlpWidth, textTokens } = config;
  const words = norm(graph, "text.norm", dense(graph, "text.in", inputs.text, width));
  const own = graph.constant(new Float32Array(batch * QUERIES.length), "float32", [batch, QUERIES.length]);
  const mask = reshape(concat([inputs.textMask, own], 1), [batch, 1, 1, textTokens + QUERIES.length]);
  let queries = learned(graph, "text.queries", batch, QUERIES.length, width);
  for (let layer = 0; layer < 2; layer++) {
    const memory = concat([words, norm(graph, `text.${layer}.own`, queries)], 1);
    queries = crossLayer(graph, `text.${layer}`, queries, memory, { heads, mlpWidth, mask });
  }
  return norm(graph, "text.final", queries);
}

/** Where each patch looks, relative to the table's middle and to the tool: [b, patches, 6], about unit scale. */
function rayFeatures(graph: Graph, inputs: BackboneInputs): Tensor {
  const [batch, patches] = inputs.rays.shape as readonly [number, number, number];
  const spots = range(inputs.rays, 2, 0, 2);
  const tool = reshape(range(inputs.tool, 1, 0, 2), [batch, 1, 2]);
  const middle = graph.constant([0.5, 0], "float32", [1, 1, 2]);
  const height = expand(reshape(range(inputs.tool, 1, 2, 3), [batch, 1, 1]), [batch, patches, 1]);
  return concat([mul(sub(spots, middle), 4), mul(sub(spots, tool), 4), range(inputs.rays, 2, 2, 3), mul(height, 4)], 2);
}

/** Patches conditioned on the instruction: [b, patches, width]. */
function readPatches(graph: Graph, config: TabletopConfig, inputs: BackboneInputs, text: Tensor): Tensor {
  const [batch, patches] = inputs.patches.shape as readonly [number, number, number];
  const pixels = sub(mul(cast(inputs.patches, "float32"), 1 / 64), 2);
  const asked = reshape(tokens(text, 0, 2), [batch, 2 * config.width]);
  const film = dense(graph, "patch.film", asked, 2 * config.filmWidth, { std: 0.02 });
  const scale = reshape(range(film, 1, 0, config.filmWidth), [batch, 1, config.filmWidth]);
  const shift = reshape(range(film, 1, config.filmWidth, 2 * config.filmWidth), [batch, 1, config.filmWidth]);
  const seen = add(
    dense(graph, "patch.pixels", pixels, config.filmWidth),
    dense(graph, "patch.rays", rayFeatures(graph, inputs), config.filmWidth, { bias: false }),
  );
  const hidden = gelu(add(mul(seen, add(scale, 1)), shift), "tanh");
  const where = graph.parameter("patch.position", [1, patches, config.width], { kind: "normal", std: 0.1 });
  return add(dense(graph, "patch.out", hidden, config.width), where);
}

type Pointer = Pick<BackboneOutputs, "pointer" | "guesses" | "coordinates"> & {
  /** [b, 2, width]: the patches' features averaged by the pointer. */
  readonly looks: Tensor;
  /** [b, 2, 1]: mass on "nowhere". */
  readonly nowhere: Tensor;
};

function point(
  graph: Graph,
  config: TabletopConfig,
  inputs: BackboneInputs,
  { heard, patches, attributes }: { heard: Tensor; patches: Tensor; attributes: Attributes },
): Pointer {
  const [batch, count, width] = patches.shape as readonly [number, number, number];
  const channels = CHANNELS.length;
  const asked = tokens(heard, 0, channels);
  const keys = dense(graph, "pointer.key", patches, config.width);
  const queries = mul(dense(graph, "pointer.query", asked, config.width), 1 / Math.sqrt(width));
  const logits = add(matmul(queries, keys, { transposeB: true }), attributes.fit);
  const nowhereLogit = add(
    dense(graph, "pointer.nowhere", asked, 1),
    dense(graph, "pointer.nowhereFit", attributes.bestFit, 1, { std: 0.5 }),
  );
  const pointer = concat([logits, nowhereLogit], 2);
  const shares = softmax(pointer, -1);
  const onPatches = range(shares, 2, 0, count);

  const offsets = reshape(mul(dense(graph, "pointer.offset", patches, channels * 3), 0.05), [
    batch,
    count,
    channels,
    3,
  ]);
  const height = graph.constant(new Float32Array(batch * count).fill(PLANE_Z_M), "float32", [batch, count, 1]);
  const spots = reshape(concat([range(inputs.rays, 2, 0, 2), height], 2), [batch, count, 1, 3]);
  const guesses = channelFirst(add(offsets, spots));
  const coordinates = settle(guesses, range(pointer, 2, 0, count));
  return {
    pointer,
    guesses,
    coordinates,
    looks: matmul(onPatches, patches),
    nowhere: range(shares, 2, count, count + 1),
  };
}

/** How much the first look at the pointer prefers its strongest patches. */
const SHARPNESS = 4;
/** Guesses farther from the first look than about this speak of another thing, metres. */
const SAME_THING_M = 0.03;

/**
 * One place from many guesses: the strongest patches say about where, then all patches that speak of that place are averaged.
 * A plain average over two things would point between them.
 *
 * @param guesses float32[b, 2, patches, 3], metres
 * @param logits float32[b, 2, patches]
 * @returns float32[b, 2, 3], metres
 */
function settle(guesses: Tensor, logits: Tensor): Tensor {
  const [b, channels, count] = logits.shape as readonly [number, number, number];
  const average = (shares: Tensor): Tensor =>
    reshape(matmul(reshape(shares, [b, channels, 1, count]), guesses), [b, channels, 3]);
  const first = average(softmax(mul(logits, SHARPNESS), -1));
  const away = sum(square(sub(guesses, reshape(first, [b, channels, 1, 3]))), -1);
  return average(softmax(sub(logits, mul(away, 0.5 / SAME_THING_M ** 2)), -1));
}

/** [b, patches, 2, 3] -> [b, 2, patches, 3] */
function channelFirst(x: Tensor): Tensor {
  const [b, n, , d] = x.shape as readonly [number, number, number, number];
  const act = reshape(range(x, 2, 0, 1), [b, 1, n, d]);
  const place = reshape(range(x, 2, 1, 2), [b, 1, n, d]);
  return concat([act, place], 1);
}

/**
 * Where things are, as the motor skill needs it: [b, features]. Coarse (about 20 cm) and fine (about 3 cm) views of act and
 * place relative to the table, to the tool and to each other, faded out where there is nothing. The motor loss does not teach the pointer: gradients stop here.
 */
function geometry(graph: Graph, inputs: BackboneInputs, pointer: Pointer): Tensor {
  const batch = inputs.tool.shape[0] as number;
  const keep = sub(1, inputs.hintMask);
  const places = add(mul(inputs.hints, inputs.hintMask), mul(detach(pointer.coordinates), keep));
  const tool = reshape(inputs.tool, [batch, 1, 3]);
  const middle = graph.constant([0.5, 0, 0.05], "float32", [1, 1, 3]);
  const fromTool = sub(places, tool);
  const between = sub(range(places, 1, 1, 2), range(places, 1, 0, 1));
  const present = add(inputs.hintMask, mul(keep, sub(1, detach(pointer.nowhere))));
  const views = concat([mul(sub(places, middle), 5), mul(fromTool, 5), tanh(mul(fromTool, 30))], 2);
  const both = concat([mul(views, present), present], 2);
  const bothPresent = mul(range(present, 1, 0, 1), range(present, 1, 1, 2));
  const apart = mul(concat([mul(between, 5), tanh(mul(between, 20))], 2), bothPresent);
  return concat([reshape(both, [batch, 20]), reshape(apart, [batch, 6])], 1);
}

/** The whole backbone for a batch. */
export function tabletopBackbone(graph: Graph, config: TabletopConfig, inputs: BackboneInputs): BackboneOutputs {
  const { width, heads, mlpWidth, horizon } = config;
  const batch = inputs.tool.shape[0] as number;
  const text = readText(graph, config, inputs);
  const at = (name: QueryName): number => QUERIES.indexOf(name);
  const body = gelu(dense(graph, "body.in", inputs.proprio, 2 * width), "tanh");
  const bodyToken = reshape(dense(graph, "body.out", body, width), [batch, 1, width]);

  let mixed = concat([text, bodyToken, readPatches(graph, config, inputs, text)], 1);
  for (let layer = 0; layer < config.mixLayers; layer++)
    mixed = selfLayer(graph, `mix.${layer}`, mixed, heads, mlpWidth);
  mixed = norm(graph, "mix.final", mixed);
  const patches = tokens(mixed, QUERIES.length + 1, mixed.shape[1] as number);
  const heard = tokens(mixed, 0, QUERIES.length + 1);
  const attributes = recognise(graph, config, patches, tokens(text, 0, CHANNELS.length));
  const pointer = point(graph, config, inputs, { heard, patches, attributes });

  const motor = concat([geometry(graph, inputs, pointer), inputs.proprio, token(text, at("skill"))], 1);
  const motor1 = gelu(dense(graph, "motor.0", motor, 2 * width), "tanh");
  const motor2 = gelu(dense(graph, "motor.1", motor1, 2 * width), "tanh");
  const motorToken = reshape(dense(graph, "motor.2", motor2, width), [batch, 1, width]);
  let latents = concat([learned(graph, "latents.actions", batch, horizon, width), motorToken, pointer.looks, heard], 1);
  for (let layer = 0; layer < config.latentLayers; layer++) {
    const memory = concat([norm(graph, `latents.${layer}.own`, latents), patches], 1);
    latents = crossLayer(graph, `latents.${layer}`, latents, memory, { heads, mlpWidth });
  }
  latents = norm(graph, "latents.final", latents);
  const firstHeard = horizon + 1 + CHANNELS.length;
  return {
    pointer: pointer.pointer,
    guesses: pointer.guesses,
    coordinates: pointer.coordinates,
    attributes,
    actions: add(tokens(latents, 0, horizon), motorToken),
    done: dense(graph, "done", token(latents, horizon), 1),
    textIntent: dense(graph, "intent.text", token(text, at("intent")), TEXT_INTENTS.length),
    sceneIntent: add(
      dense(graph, "intent.scene", token(latents, firstHeard + at("intent")), SCENE_INTENTS.length),
      dense(graph, "intent.sceneFit", reshape(attributes.bestFit, [batch, CHANNELS.length]), SCENE_INTENTS.length, {
        bias: false,
      }),
    ),
    skill: dense(graph, "skill", token(text, at("skill")), SKILLS.length),
    answer: dense(graph, "answer", token(latents, firstHeard + at("answer")), config.answers.length),
  };
}
