/**
 * Draws batches from shards: rows of demonstrations (action, pointing, done) beside rows of questions and unclear sentences
 * about pictures. Batch `step` depends on the seed and on `step` alone, so that training resumes exactly.
 */
import type { ShardArray, ShardEpisode, Shards } from "@bidden/data/node";
import {
  CHANNELS,
  createRowMaker,
  drawFlowTime,
  patchCount,
  type RowMaker,
  SCENE_INTENTS,
  type TabletopConfig,
} from "@bidden/models";
import { BiddenError, type CameraView, createRng, type Rng } from "@bidden/runtime";
import { type EpisodeMeta, MAX_OBJECTS, type Query, VIEW_SIZE } from "../collect/columns.ts";
import { drawSome } from "../collect/draw-some.ts";
import { type DrawnFrame, FramePool } from "./frame-pool.ts";
import { createBatch, row, type TabletopBatch } from "./batch.ts";
import { mark, readingTarget, readText } from "./reading-targets.ts";
import { chunkTarget, pointTarget, seenTarget } from "./targets.ts";
import type { TextStore } from "./text-store.node.ts";

export type SamplerOptions = {
  /** Pictures a batch, and sentences about each. */
  readonly batch: number;
  readonly sentences: number;
  readonly seed: number;
  /** Share of pictures that teach actions. */
  readonly actionShare?: number;
  /** Share of those that come from corrected rollouts, where there are any. */
  readonly correctionShare?: number;
  /** Share of pictures with actions in which true places stand in for the pointer's. */
  readonly hintShare?: number;
};

/** Noise of hinted places, metres: what the pointer will be off by. */
const HINT_NOISE_M = 0.004;
/** Only this many steps of a corrected rollout's chunk are the expert's own future. */
const CORRECTION_STEPS = 2;

/**
 * How much more a frame counts in which the grip changes: there are few, and a policy that sees its own last command learns
 * to repeat it (the copycat problem; de Haan et al. 2019).
 */
const CHANGE_WEIGHT = 4;

type Plan = {
  readonly episode: ShardEpisode;
  readonly frame: number;
  /** The first one is acted upon, where the picture teaches actions. */
  readonly queries: readonly Query[];
  readonly acts: boolean;
};

export class TabletopSampler {
  readonly #shards: Shards;
  readonly #texts: TextStore;
  readonly #config: TabletopConfig;
  readonly #options: Required<SamplerOptions>;
  readonly #rows: RowMaker;
  readonly #demonstrations: FramePool;
  readonly #corrections: FramePool;
  readonly #stills: readonly ShardEpisode[];
  readonly #scratch: ReturnType<typeof createScratch>;

  constructor(shards: Shards, texts: TextStore, config: TabletopConfig, options: SamplerOptions) {
    this.#shards = shards;
    this.#texts = texts;
    this.#config = config;
    this.#options = { actionShare: 0.5, correctionShare: 0.3, hintShare: 0.4, ...options };
    this.#rows = createRowMaker(config);
    const of = (kind: EpisodeMeta["kind"]): ShardEpisode[] =>
      shards.episodes.filter(({ meta }) => (meta as EpisodeMeta).kind === kind);
    this.#demonstrations = new FramePool(of("demonstration"));
    this.#corrections = new FramePool(of("correction"));
    this.#stills = of("still");
    if (shards.episodes.length === 0) {
      throw new BiddenError(
        "bad-dataset",
        "The shards hold neither demonstrations nor still scenes; collect some first.",
      );
    }
    this.#scratch = createScratch(config, patchTotal(config));
  }

  /** Bytes that two batches need are reused by the caller: pass the batch to fill. */
  allocate(): TabletopBatch {
    return createBatch(this.#config, this.#options.batch, this.#options.sentences);
  }

  async fill(batch: TabletopBatch, step: number): Promise<void> {
    const rng = createRng((this.#options.seed * 0x9e3779b1 + step) >>> 0).fork("batch");
    const plans = Array.from({ length: this.#options.batch }, () => this.#plan(rng));
    const texts = await Promise.all(plans.flatMap(({ queries }) => queries.map(({ text }) => this.#texts.get(text))));
    for (const array of Object.values(batch.arrays)) array.fill(0);
    texts.forEach((text, row) => {
      readText(batch.arrays, row, text, this.#config);
    });
    plans.forEach((plan, picture) => {
      this.#see(batch, picture, plan);
      this.#teach(batch, picture, plan, rng);
    });
  }

  #plan(rng: Rng): Plan {
    const { actionShare, sentences } = this.#options;
    const moving = this.#demonstrations.size + this.#corrections.size;
    const acts = this.#stills.length === 0 || (moving > 0 && rng.uniform() < actionShare);
    if (!acts) {
      const episode = rng.pick(this.#stills);
      return { episode, frame: 0, queries: drawSome((episode.meta as EpisodeMeta).queries, sentences, rng), acts };
    }
    const { episode, frame } = this.#drawMoving(rng);
    const { commands, queries } = episode.meta as EpisodeMeta;
    const command = rng.pick(commands);
    const others = drawSome([...commands.filter((one) => one !== command), ...queries], sentences - 1, rng);
    return { episode, frame, queries: [command, ...others], acts };
  }

  #drawMoving(rng: Rng): DrawnFrame {
    if (this.#corrections.size === 0) return this.#demonstrations.draw(rng);
    if (this.#demonstrations.size === 0) return this.#corrections.draw(rng);
    return (rng.uniform() < this.#options.correctionShare ? this.#corrections : this.#demonstrations).draw(rng);
  }

  /** Pixels, rays and body. */
  #see(batch: TabletopBatch, row: number, plan: Plan): void {
    const { shards, scratch } = { shards: this.#shards, scratch: this.#scratch };
    const at = plan.episode.start + plan.frame;
    const target = batch.rows[row] as TabletopBatch["rows"][number];
    shards.read(at, "views", scratch.views);
    this.#config.cameras.forEach(({ name, grid }, camera) => {
      const data = scratch.images[camera] as Uint8Array;
      shards.read(at, name, data);
      const from = camera * VIEW_SIZE;
      const view: CameraView = {
        image: { width: grid.width, height: grid.height, data },
        fovY: scratch.views[from + 12] as number,
        baseFromCamera: Float64Array.from(scratch.views.subarray(from, from + 12)),
      };
      this.#rows.look(target, camera, view);
    });
    const history: Float32Array[] = [];
    for (let back = this.#config.historyLength; back > 0; back--) {
      const past = new Float32Array(this.#config.stateNames.length);
      shards.read(plan.episode.start + Math.max(0, plan.frame - back), "state", past);
      history.push(past);
    }
    shards.read(at, "state", scratch.state);
    this.#rows.feel(target, scratch.state, history);
  }

  #teach(batch: TabletopBatch, picture: number, plan: Plan, rng: Rng): void {
    const at = plan.episode.start + plan.frame;
    this.#shards.read(at, "cover", this.#scratch.cover);
    this.#shards.read(at, "objects", this.#scratch.objects);
    const { things } = plan.episode.meta as EpisodeMeta;
    const { arrays } = batch;
    const of = (array: Float32Array): Float32Array => row(array, picture, this.#options.batch);
    seenTarget(this.#scratch.cover, this.#scratch.objects, things, this.#config.attributes, {
      values: of(arrays.seenTarget),
      weight: of(arrays.seenWeight),
      present: of(arrays.presentTarget),
      centre: of(arrays.guessTarget),
      centreWeight: of(arrays.guessWeight),
    });
    plan.queries.forEach((query, index) => {
      this.#teachSentence(batch, picture * this.#options.sentences + index, query);
    });
    if (!plan.acts) return;
    if (rng.uniform() < this.#options.hintShare) this.#hint(batch, picture, plan.queries[0] as Query, rng);
    this.#teachAction(batch, picture, plan, rng);
  }

  /** What a sentence speaks of. @param at its row among all sentences of the batch */
  #teachSentence(batch: TabletopBatch, at: number, query: Query): void {
    const { arrays } = batch;
    const { answers } = this.#config;
    const rows = this.#options.batch * this.#options.sentences;
    readingTarget(arrays, { at, rows }, query, this.#config);
    if (query.scene !== null) mark(row(arrays.sceneIntentTarget, at, rows), SCENE_INTENTS, query.scene);
    const answer = row(arrays.answerTarget, at, rows);
    for (const word of query.answer ?? []) mark(answer, answers, word);
    answer.forEach((value, i) => (answer[i] = value / (query.answer?.length ?? 1)));
    const channels = rows * CHANNELS.length;
    [query.act, query.place].forEach((meant, channel) => {
      if (meant === null) return;
      const slot = at * CHANNELS.length + channel;
      const { cover, cameraPatches, objects } = this.#scratch;
      const weight = pointTarget(cover, cameraPatches, meant, row(arrays.pointTarget, slot, channels));
      arrays.pointWeight[slot] = weight;
      const [only] = meant;
      if (only === undefined || meant.length > 1) return;
      arrays.placeTarget.set(objects.subarray(only * 3, only * 3 + 3), slot * 3);
      arrays.placeWeight[slot] = weight;
    });
  }

  /** True places, a little off, stand in for the pointer's. */
  #hint({ arrays }: TabletopBatch, picture: number, query: Query, rng: Rng): void {
    [query.act, query.place].forEach((meant, channel) => {
      const [only] = meant ?? [];
      if (only === undefined) return;
      const slot = picture * CHANNELS.length + channel;
      for (let d = 0; d < 3; d++) {
        arrays.hints[slot * 3 + d] = (this.#scratch.objects[only * 3 + d] as number) + HINT_NOISE_M * rng.normal();
      }
      arrays.hintMask[slot] = 1;
    });
  }

  #teachAction(batch: TabletopBatch, picture: number, plan: Plan, rng: Rng): void {
    const { horizon, actionDim, actionScale } = this.#config;
    const { arrays } = batch;
    const at = plan.episode.start + plan.frame;
    const count = Math.min(horizon, plan.episode.length - plan.frame);
    this.#shards.readRange(at, count, "action", this.#scratch.actions);
    this.#shards.readRange(at, count, "flags", this.#scratch.flags);
    const disturbed = Array.from({ length: count }, (_, i) => this.#scratch.flags[i * 3 + 2] === 1);
    const size = horizon * actionDim;
    const weights = arrays.actionWeight.subarray(picture * horizon, (picture + 1) * horizon);
    const actions = arrays.actionTarget.subarray(picture * size, (picture + 1) * size);
    chunkTarget({ actions: this.#scratch.actions, disturbed, count }, actionScale, horizon, { actions, weights });
    if ((plan.episode.meta as EpisodeMeta).kind === "correction") weights.fill(0, CORRECTION_STEPS);
    if (this.#changesGrip()) weights.forEach((weight, step) => (weights[step] = weight * CHANGE_WEIGHT));
    for (let i = 0; i < size; i++) arrays.flowNoise[picture * size + i] = rng.normal();
    // More time near the noise, which is time 0 here.
    arrays.flowTime[picture] = 1 - drawFlowTime(rng);
    arrays.doneTarget[picture] = this.#scratch.flags[1] as number;
    arrays.doneWeight[picture] = 1;
  }

  /** Whether the right action opens or closes the fingers against what was last commanded. Reads the scratch. */
  #changesGrip(): boolean {
    const commanded = this.#scratch.state[this.#config.stateNames.indexOf("gripperCommand")] as number;
    return Math.abs((this.#scratch.actions[this.#config.actionDim - 1] as number) - commanded) > 0.5;
  }
}

function patchTotal(config: TabletopConfig): number {
  return config.cameras.reduce((sum, camera) => sum + patchCount(camera.grid), 0);
}

function createScratch(config: TabletopConfig, patches: number) {
  return {
    images: config.cameras.map(({ grid }) => new Uint8Array(grid.width * grid.height * 3)),
    cameraPatches: config.cameras.map(({ grid }) => patchCount(grid)),
    views: new Float32Array(config.cameras.length * VIEW_SIZE),
    state: new Float32Array(config.stateNames.length),
    cover: new Uint8Array(patches * MAX_OBJECTS),
    objects: new Float32Array(MAX_OBJECTS * 3),
    actions: new Float32Array(config.horizon * config.actionDim),
    flags: new Uint8Array(config.horizon * 3),
  } satisfies Record<string, ShardArray | readonly unknown[]>;
}
