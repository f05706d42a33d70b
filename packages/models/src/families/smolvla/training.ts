/**
 * Fine-tuning of SmolVLA: recorded frames to the inputs of the flow-matching loss. "head" trains the action expert and the
 * projections around it, as LeRobot does by default. With LoRA the attention and MLP matrices of what is trained get additions
 * and stay; the small projections around the expert are trained themselves.
 */
import { BiddenError, createRng, type Rng } from "@bidden/runtime";
import { type Elements, Graph, initParameters, type TensorData } from "@bidden/tensor";
import { drawFlowTime, embedTime } from "../../blocks/flow-matching.ts";
import { isLora, loraForm, mergeLora } from "../../blocks/lora.ts";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { type FamilyTraining, trainedOf, type TrainingOptions, type TrainingRow } from "../../checkpoint/training.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { ACTION } from "../lerobot/features.ts";
import type { SmolVlaConfig } from "./config.ts";
import type { Pixels } from "./engine.ts";
import { imageSlots, padded, promptOf } from "./inputs.ts";
import { storedNames, UNUSED } from "./names.ts";
import { imageMarks, prepareState, type Words } from "./policy.ts";
import { actionPositions, attentionOf, layOut, positionsOf, type PrefixLayout } from "./prefix.ts";
import type { Normalisations } from "../lerobot/normalise.ts";
import { isTrained, smolvlaLoss, trainInputs } from "./train.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** LeRobot's SmolVLAConfig. */
const DEFAULTS = { rate: 1e-4, beta2: 0.95, weightDecay: 1e-10, clipNorm: 10 } as const;

/** What LoRA is added to: attention and MLP of the language model and of the expert. */
const ADAPTED = /\.layers\.\d+\.(self_attn|mlp)\.\w+\.weight$/;
/** What is trained itself beside additions. */
const AROUND = /^model\.(state_proj|action_in_proj|action_out_proj|action_time_mlp_(in|out))\./;

/** What training needs of an opened checkpoint. */
export type TrainingParts = {
  readonly config: SmolVlaConfig;
  readonly normalisations: Normalisations;
  readonly words: Words;
};

export function trainSmolVla(checkpoint: Checkpoint, parts: TrainingParts, options: TrainingOptions): FamilyTraining {
  const { config } = parts;
  checkTrainable(config);
  const { batch, lora, seed } = options;
  const maker = new RowMaker(parts, options.instructions);
  const graph = new Graph("smolvla-training");
  const chosen = isTrained(config, options.what ?? "all");
  const adapted = (name: string): boolean => lora !== undefined && ADAPTED.test(name) && chosen(name);
  const net = new Net(graph, {
    trainable: (name) => chosen(name) && (lora === undefined || AROUND.test(name)),
    form: (name) => (lora !== undefined && adapted(name) ? loraForm(lora) : null),
  });
  const inputs = trainInputs(graph, config, batch, maker.layout, maker.image);
  const { loss } = smolvlaLoss(net, config, inputs, maker.layout);
  const names = storedNames(checkpoint);
  const stored = (name: string): string => names.get(name)?.name ?? name;
  const begun = initParameters(graph, createRng(seed));
  const weights = bindWeights(checkpoint, [graph], {
    source: (name) => (isLora(name) ? (begun.get(name) as TensorData) : stored(name)),
    unused: UNUSED,
  });
  return {
    chunk: config.chunk,
    graph,
    loss,
    metrics: {},
    defaults: DEFAULTS,
    parameters: () => weights.values(),
    feeds: (rows, rng) => smolvlaFeeds(parts, maker, rows, rng),
    tensors: (values) => {
      const plain = [...trainedOf(graph, values)].filter(([name]) => !isLora(name));
      const merged = lora === undefined ? [] : mergeLora(values, lora);
      return new Map([...plain, ...merged].map(([name, value]) => [stored(name), value]));
    },
  };
}

function checkTrainable({ aloha, imageSize, cameras }: SmolVlaConfig): void {
  if (aloha) throw new BiddenError("unsupported", "Training with adapt_to_pi_aloha is not supported.");
  const sizes = new Set(cameras.map(({ width, height }) => `${width}x${height}`));
  if (imageSize !== null || sizes.size === 1) return;
  throw new BiddenError(
    "unsupported",
    `Images of several sizes (${[...sizes].join(", ")}) are trained on together only where resize_imgs_with_padding brings them to one.`,
    { field: "resize_imgs_with_padding" },
  );
}

/** Rows of one layout: every instruction is padded to the longest. */
class RowMaker {
  readonly layout: PrefixLayout;
  readonly image: { readonly width: number; readonly height: number };
  /** Images that a row has room for; masked ones stand last. */
  readonly slots: number;
  readonly #parts: TrainingParts;
  readonly #length: number;

  constructor(parts: TrainingParts, instructions: readonly string[]) {
    const { config, words } = parts;
    this.#parts = parts;
    const lengths = instructions.map((text) => words.encode(promptOf(text)).length);
    this.#length = Math.max(1, ...lengths);
    if (this.#length > config.maxTokens) {
      const text = instructions[lengths.indexOf(this.#length)] ?? "";
      throw new BiddenError(
        "bad-instruction",
        `The policy reads instructions of at most ${config.maxTokens} tokens; "${text}" has ${this.#length}.`,
        { expected: config.maxTokens, came: this.#length },
      );
    }
    const real = config.cameras.filter(({ name }) => !/\.empty_camera_\d+$/.test(name)).length;
    this.slots = Math.min(config.cameras.length, real + config.emptyCameras);
    this.layout = this.place(
      "",
      Array.from({ length: this.slots }, () => true),
    );
    this.image = config.imageSize ?? (config.cameras[0] as { width: number; height: number });
  }

  /** @param present whether the image of each slot is there */
  place(instruction: string, present: readonly boolean[]): PrefixLayout {
    const { config, words } = this.#parts;
    const ids = words.encode(promptOf(instruction));
    if (ids.length > this.#length) {
      throw new BiddenError("bad-argument", `The instruction "${instruction}" was not named before training began.`, {
        instruction,
      });
    }
    const rest = Array.from({ length: this.#length - ids.length }, () => 0);
    return layOut(config, {
      images: present,
      tokens: [...ids, ...rest],
      tokenMask: [...ids.map(() => 1), ...rest],
      ...imageMarks(config, words),
    });
  }

  /** By slot; null where it is masked. */
  look(row: TrainingRow): (Pixels | null)[] {
    const pixels = imageSlots(this.#parts.config, row.images);
    const { width, height } = this.image;
    const fits = (image: Pixels | null): boolean =>
      image === null || (image.width === width && image.height === height);
    if (pixels.length === this.slots && pixels.every(fits)) return pixels;
    const expected = this.#parts.config.cameras.map(({ name }) => name);
    throw new BiddenError(
      "bad-argument",
      `A row shows all cameras (${expected.join(", ")}); came ${Object.keys(row.images).join(", ")}.`,
      { field: "images", expected },
    );
  }
}

function smolvlaFeeds(
  parts: TrainingParts,
  maker: RowMaker,
  rows: readonly TrainingRow[],
  rng: Rng,
): Record<string, Elements> {
  const { chunk, actionWidth, text, expert, time: embedding } = parts.config;
  const pixels = rows.map((row) => maker.look(row));
  const black = new Float32Array(3 * maker.image.width * maker.image.height).fill(-1);
  const layouts = rows.map(({ instruction }, i) =>
    maker.place(
      instruction,
      (pixels[i] as (Pixels | null)[]).map((image) => image !== null),
    ),
  );
  const turns = layouts.map((layout) => turnValues(positionsOf(layout), text.headWidth));
  const actionTurns = layouts.map((layout) => turnValues(actionPositions(layout, chunk), expert.headWidth));
  const times = rows.map(() => drawTime(rng));
  const slots = Array.from({ length: maker.slots }, (_, slot) => slot);
  const words = layouts.flatMap(({ places }) =>
    places.flatMap((place) => (place.kind === "word" ? [BigInt(place.id)] : [])),
  );
  return {
    pixels: joinRows(slots.flatMap((slot) => pixels.map((images) => images[slot]?.data ?? black))),
    tokens: BigInt64Array.from(words),
    state: joinRows(rows.map(({ state }) => prepareState(parts, state))),
    mask: joinRows(layouts.map(attentionOf)),
    seen: joinRows(layouts.map(({ valid }) => valid)),
    cos: joinRows(turns.map(({ cos }) => cos)),
    sin: joinRows(turns.map(({ sin }) => sin)),
    actionCos: joinRows(actionTurns.map(({ cos }) => cos)),
    actionSin: joinRows(actionTurns.map(({ sin }) => sin)),
    actions: wideActions(parts, rows),
    noise: Float32Array.from({ length: rows.length * chunk * actionWidth }, () => rng.normal()),
    time: Float32Array.from(times),
    timeEmbedding: Float32Array.from(times.flatMap((t) => [...embedTime(t, expert.width, embedding)])),
    valid: Float32Array.from(rows.flatMap(({ isPad }) => Array.from(isPad, (is) => 1 - is))),
  };
}

/** float32[rows, chunk, actionWidth], normalised. */
function wideActions({ config, normalisations }: TrainingParts, rows: readonly TrainingRow[]): Float32Array {
  const { chunk, actionDim, actionWidth } = config;
  const normalise = normalisations.inputs.get(ACTION);
  const steps = rows.flatMap(({ actions }) => {
    const values = normalise?.normalise(actions) ?? actions;
    return Array.from({ length: chunk }, (_, i) =>
      padded(values.subarray(i * actionDim, (i + 1) * actionDim), actionWidth),
    );
  });
  return joinRows(steps);
}

/** In [0.001, 1], as LeRobot scales it. */
function drawTime(rng: Rng): number {
  return Math.fround(0.999 * drawFlowTime(rng) + 0.001);
}
