/**
 * Draws batches from shards: rows of demonstrations (action, pointing, done) beside rows of questions and unclear sentences
 * about pictures. Batch `step` depends on the seed and on `step` alone, so that training resumes exactly.
 */
import type { ShardArray, ShardEpisode, Shards } from "@bidden/data/node";
import {
  createRowMaker,
  type Int8Rows,
  patchCount,
  type RowMaker,
  SCENE_INTENTS,
  SKILLS,
  type TabletopConfig,
  TEXT_INTENTS,
} from "@bidden/models";
import { BiddenError, type CameraView, createRng, type Rng } from "@bidden/runtime";
import { type EpisodeMeta, MAX_OBJECTS, type Query, VIEW_SIZE } from "../collect/columns.ts";
import { createBatch, type TabletopBatch } from "./batch.ts";
import { askedTarget, chunkTarget, pointTarget, seenTarget } from "./targets.ts";
import { type TextStore, unpackInto } from "./text-store.node.ts";

export type SamplerOptions = {
  readonly batch: number;
  readonly seed: number;
  /** Share of rows that teach actions, and of rows with a garbage or forbidden sentence over any frame. */
  readonly actionShare?: number;
  readonly timelessShare?: number;
  /** Share of action rows in which true places stand in for the pointer's. */
  readonly hintShare?: number;
};

/** Noise of hinted places, metres: what the pointer will be off by. */
const HINT_NOISE_M = 0.004;
/** Only this many steps of a corrected rollout's chunk are the expert's own future. */
const CORRECTION_STEPS = 2;

type Plan = {
  readonly episode: ShardEpisode;
  readonly meta: EpisodeMeta;
  readonly frame: number;
  readonly query: Query;
  readonly acts: boolean;
};

export class TabletopSampler {
  readonly #shards: Shards;
  readonly #texts: TextStore;
  readonly #config: TabletopConfig;
  readonly #options: Required<SamplerOptions>;
  readonly #rows: RowMaker;
  readonly #moving: readonly ShardEpisode[];
  readonly #stills: readonly ShardEpisode[];
  /** For each moving episode the number of frames before its end, for drawing frames uniformly. */
  readonly #ends: Float64Array;
  readonly #scratch: ReturnType<typeof createScratch>;

  constructor(shards: Shards, texts: TextStore, config: TabletopConfig, options: SamplerOptions) {
    this.#shards = shards;
    this.#texts = texts;
    this.#config = config;
    this.#options = { actionShare: 0.6, timelessShare: 0.08, hintShare: 0.4, ...options };
    this.#rows = createRowMaker(config);
    this.#moving = shards.episodes.filter((episode) => (episode.meta as EpisodeMeta).commands.length > 0);
    this.#stills = shards.episodes.filter((episode) => (episode.meta as EpisodeMeta).kind === "still");
    if (this.#moving.length + this.#stills.length === 0) {
      throw new BiddenError(
        "bad-dataset",
        "The shards hold neither demonstrations nor still scenes; collect some first.",
      );
    }
    let total = 0;
    this.#ends = Float64Array.from(this.#moving, (episode) => (total += episode.length));
    this.#scratch = createScratch(config, patchTotal(config));
  }

  /** Bytes that two batches need are reused by the caller: pass the batch to fill. */
  allocate(): TabletopBatch {
    return createBatch(this.#config, this.#options.batch);
  }

  async fill(batch: TabletopBatch, step: number): Promise<void> {
    const rng = createRng((this.#options.seed * 0x9e3779b1 + step) >>> 0).fork("batch");
    const plans = Array.from({ length: this.#options.batch }, () => this.#plan(rng));
    const texts = await Promise.all(plans.map((plan) => this.#texts.get(plan.query.text)));
    for (const array of Object.values(batch.arrays)) array.fill(0);
    plans.forEach((plan, row) => {
      this.#see(batch, row, plan);
      this.#read(batch, row, texts[row] as Int8Rows);
      this.#teach(batch, row, plan, rng);
    });
  }

  #plan(rng: Rng): Plan {
    const { actionShare, timelessShare } = this.#options;
    const u = this.#moving.length === 0 ? 1 : rng.uniform();
    if (u < actionShare + timelessShare || this.#stills.length === 0) {
      const at = rng.uniform() * (this.#ends[this.#ends.length - 1] as number);
      let low = 0;
      for (let high = this.#ends.length - 1; low < high; ) {
        const middle = (low + high) >> 1;
        if ((this.#ends[middle] as number) > at) high = middle;
        else low = middle + 1;
      }
      const episode = this.#moving[low] as ShardEpisode;
      const meta = episode.meta as EpisodeMeta;
      const acts = u < actionShare || meta.queries.length === 0;
      return {
        episode,
        meta,
        frame: rng.below(episode.length),
        query: rng.pick(acts ? meta.commands : meta.queries),
        acts,
      };
    }
    const episode = rng.pick(this.#stills);
    const meta = episode.meta as EpisodeMeta;
    return { episode, meta, frame: 0, query: rng.pick(meta.queries), acts: false };
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

  #read(batch: TabletopBatch, row: number, text: Int8Rows): void {
    const { textTokens, textWidth } = this.#config;
    unpackInto(text, batch.arrays.text, row * textTokens * textWidth);
    batch.arrays.textMask.fill(-10_000, row * textTokens + text.rows, (row + 1) * textTokens);
  }

  #teach(batch: TabletopBatch, row: number, plan: Plan, rng: Rng): void {
    const { query } = plan;
    const { arrays } = batch;
    mark(arrays.textIntentTarget, row, TEXT_INTENTS, query.intent);
    if (query.scene !== null) mark(arrays.sceneIntentTarget, row, SCENE_INTENTS, query.scene);
    if (query.skill !== null) mark(arrays.skillTarget, row, SKILLS, query.skill);
    for (const word of query.answer ?? []) {
      const place = mark(arrays.answerTarget, row, this.#config.answers, word);
      arrays.answerTarget[place] = 1 / (query.answer?.length ?? 1);
    }
    const at = plan.episode.start + plan.frame;
    this.#shards.read(at, "cover", this.#scratch.cover);
    this.#shards.read(at, "objects", this.#scratch.objects);
    this.#teachAttributes(batch, row, plan);
    const hinted = plan.acts && rng.uniform() < this.#options.hintShare;
    [query.act, query.place].forEach((things, channel) => {
      if (things !== null) this.#teachPlace(batch, row * 2 + channel, things, hinted ? rng : null);
    });
    if (plan.acts) this.#teachAction(batch, row, plan, rng);
  }

  #teachAttributes(batch: TabletopBatch, row: number, { meta, query }: Plan): void {
    const { arrays } = batch;
    const { attributes, cameras } = this.#config;
    const patches = patchTotal(this.#config);
    const width = arrays.seenTarget.length / (this.#options.batch * patches);
    const cell = (cameras[0] as TabletopConfig["cameras"][number]).grid.stride ** 2;
    seenTarget(this.#scratch.cover, cell, meta.things, attributes, {
      target: arrays.seenTarget.subarray(row * patches * width, (row + 1) * patches * width),
      weight: arrays.seenWeight.subarray(row * patches, (row + 1) * patches),
    });
    const asked = arrays.askedTarget.length / (this.#options.batch * 2);
    [query.act, query.place].forEach((things, channel) => {
      const at = (row * 2 + channel) * asked;
      askedTarget(things ?? [], meta.things, attributes, arrays.askedTarget.subarray(at, at + asked));
    });
  }

  #teachPlace(batch: TabletopBatch, slot: number, things: readonly number[], hintRng: Rng | null): void {
    const { arrays } = batch;
    const width = patchTotal(this.#config) + 1;
    const target = arrays.pointTarget.subarray(slot * width, (slot + 1) * width);
    const weight = pointTarget(this.#scratch.cover, this.#scratch.cameraPatches, things, target);
    arrays.pointWeight[slot] = weight;
    const [only] = things;
    if (only === undefined || things.length > 1) return;
    const centre = this.#scratch.objects.subarray(only * 3, only * 3 + 3);
    arrays.placeTarget.set(centre, slot * 3);
    arrays.placeWeight[slot] = weight;
    if (hintRng === null) return;
    for (let d = 0; d < 3; d++) arrays.hints[slot * 3 + d] = (centre[d] as number) + HINT_NOISE_M * hintRng.normal();
    arrays.hintMask[slot] = 1;
  }

  #teachAction(batch: TabletopBatch, row: number, plan: Plan, rng: Rng): void {
    const { horizon, actionDim, actionScale } = this.#config;
    const { arrays } = batch;
    const at = plan.episode.start + plan.frame;
    const count = Math.min(horizon, plan.episode.length - plan.frame);
    this.#shards.readRange(at, count, "action", this.#scratch.actions);
    this.#shards.readRange(at, count, "flags", this.#scratch.flags);
    const disturbed = Array.from({ length: count }, (_, i) => this.#scratch.flags[i * 3 + 2] === 1);
    const size = horizon * actionDim;
    const weights = arrays.actionWeight.subarray(row * horizon, (row + 1) * horizon);
    const actions = arrays.actionTarget.subarray(row * size, (row + 1) * size);
    chunkTarget({ actions: this.#scratch.actions, disturbed, count }, actionScale, horizon, { actions, weights });
    if (plan.meta.kind === "correction") weights.fill(0, CORRECTION_STEPS);
    for (let i = 0; i < size; i++) arrays.flowNoise[row * size + i] = rng.normal();
    // More time near the noise, as in pi0 (Beta(1.5, 1) of 1 - t).
    arrays.flowTime[row] = 1 - rng.uniform() ** (1 / 1.5);
    arrays.doneTarget[row] = this.#scratch.flags[1] as number;
    arrays.doneWeight[row] = 1;
  }
}

function patchTotal(config: TabletopConfig): number {
  return config.cameras.reduce((sum, camera) => sum + patchCount(camera.grid), 0);
}

/** Sets a one-hot target and returns its index. */
function mark(target: Float32Array, row: number, names: readonly string[], name: string): number {
  const index = names.indexOf(name);
  if (index < 0) {
    throw new BiddenError("bad-dataset", `The data speak of "${name}"; this policy knows ${names.join(", ")}.`, {
      name,
    });
  }
  const place = row * names.length + index;
  target[place] = 1;
  return place;
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
