/**
 * Chunks of actions arrive late and overlap; what is due now comes out of here. A movement is spread evenly over its step, so
 * between two steps' borders it is a velocity: the buffer answers "so much a step", and the loop takes the share of the step
 * that has passed. Of set-points it answers the one that is due at this moment, on the straight way from one to the next. A new
 * chunk fades in over a short window from what was due last; at a chunk's end movements fade to rest and set-points stay.
 */
import type { ActionChunk } from "../contract/types.ts";
import { actionDim, between, isAbsolute } from "./spaces.ts";

/** Why a chunk was not taken. */
export type ChunkRefusal = "bad-shape" | "nonfinite" | "out-of-order" | "stale";

export type ChunkBufferOptions = {
  /** Window in which a new chunk fades in, ms; 0 switches at once. */
  readonly blendMs: number;
  /** Time in which the last action fades to rest after a chunk's end, ms. */
  readonly rampMs: number;
  /** Chunks older than this on arrival are dropped, ms since the capture of their observation. */
  readonly maxAgeMs: number;
  /** Joints of the robot; 0: chunks in joint space are not taken. */
  readonly joints: number;
};

/** Where the buffer stands: nothing to do, in a chunk, or fading out after its end. */
export type ChunkPhase = "empty" | "active" | "ramp";

/** Elements of the longest action in the tool's space. */
const LONGEST_TOOL = 8;

export class ChunkBuffer {
  readonly #options: ChunkBufferOptions;
  #chunk: ActionChunk | null = null;
  #startMs = 0;
  /** `#startMs` again, as it is handed out: a field that may be null is a number made once, not at every look. */
  #captureMs: number | null = null;
  #acceptedMs = 0;
  #phase: ChunkPhase = "empty";
  /** What was due last and what a new chunk fades in from, of as many elements as the chunk's actions have. */
  #last: Float64Array;
  #from: Float64Array;
  #next: Float64Array;
  /** Whether `#last` says anything in the space of the chunk: a set-point is never made up. */
  #known = false;

  constructor(options: Partial<ChunkBufferOptions> = {}) {
    this.#options = { blendMs: 40, rampMs: 100, maxAgeMs: 1000, joints: 0, ...options };
    this.#last = new Float64Array(LONGEST_TOOL);
    this.#from = new Float64Array(LONGEST_TOOL);
    this.#next = new Float64Array(LONGEST_TOOL);
  }

  get chunk(): ActionChunk | null {
    return this.#chunk;
  }

  get phase(): ChunkPhase {
    return this.#phase;
  }

  /** Capture time of the observation behind the current chunk, loop clock, ms; null without a chunk. */
  get captureMs(): number | null {
    return this.#captureMs;
  }

  /** Takes the chunk, or says why not. */
  offer(chunk: ActionChunk, nowMs: number): ChunkRefusal | null {
    const { kind, dim } = chunk.space;
    const fits = dim === actionDim(kind, this.#options.joints) && chunk.space.stepMs > 0 && dim > 1;
    if (!fits || chunk.horizon < 1 || chunk.values.length !== chunk.horizon * dim) return "bad-shape";
    for (let i = 0; i < chunk.values.length; i++) if (!Number.isFinite(chunk.values[i]!)) return "nonfinite";
    const startMs = Number(chunk.startNs) / 1e6;
    if (!(nowMs - startMs <= this.#options.maxAgeMs)) return "stale";
    if (this.#chunk !== null && startMs < this.#startMs) return "out-of-order";
    if (this.#chunk?.space.kind !== kind) this.#begin(dim);
    this.#chunk = chunk;
    this.#startMs = startMs;
    this.#captureMs = startMs;
    this.#acceptedMs = nowMs;
    this.#phase = "active";
    this.#from.set(this.#last);
    return null;
  }

  /** The first chunk of its kind: what was due before is in another space, or nothing. */
  #begin(dim: number): void {
    this.#last = new Float64Array(dim);
    this.#from = new Float64Array(dim);
    this.#next = new Float64Array(dim);
    this.#known = false;
  }

  /** Forgets everything: the next chunk starts from rest. */
  clear(): void {
    this.#chunk = null;
    this.#captureMs = null;
    this.#phase = "empty";
    this.#last.fill(0);
    this.#from.fill(0);
    this.#known = false;
  }

  /**
   * What is due at `nowMs`.
   * @param out float64 of at least as many elements as the chunk's actions have; unchanged when "empty". Movements are per step;
   * the gripper, always absolute, is the action's last element
   */
  due(nowMs: number, out: Float64Array): ChunkPhase {
    const chunk = this.#chunk;
    if (chunk === null) return "empty";
    const { blendMs, rampMs } = this.#options;
    const { kind, dim, stepMs } = chunk.space;
    const steps = (nowMs - this.#startMs) / stepMs;
    const overMs = nowMs - this.#startMs - chunk.horizon * stepMs;
    if (overMs >= rampMs) {
      this.clear();
      return "empty";
    }
    const row = Math.min(Math.max(Math.floor(steps + 1e-9), 0), chunk.horizon - 1);
    const mix = blendMs === 0 ? 1 : Math.min(1, (nowMs - this.#acceptedMs) / blendMs);
    if (isAbsolute(kind)) this.#setPoint(chunk, row, steps - row, this.#known ? mix : 1);
    else this.#movement(chunk, row, mix, overMs > 0 ? 1 - overMs / rampMs : 1);
    this.#known = true;
    for (let i = 0; i < dim - 1; i++) out[i] = this.#last[i]!;
    out[dim - 1] = Math.min(1, Math.max(0, chunk.values[row * dim + dim - 1]!));
    this.#phase = overMs > 0 ? "ramp" : "active";
    return this.#phase;
  }

  #movement({ values, space: { dim } }: ActionChunk, row: number, mix: number, fade: number): void {
    for (let i = 0; i < dim - 1; i++) {
      const from = this.#from[i]!;
      this.#last[i] = (from + mix * (values[row * dim + i]! - from)) * fade;
    }
  }

  /** The way from this row to the next, and from what was due before the chunk came. */
  #setPoint({ values, horizon, space }: ActionChunk, row: number, share: number, mix: number): void {
    const { kind, dim } = space;
    const after = Math.min(row + 1, horizon - 1) * dim;
    for (let i = 0; i < dim; i++) {
      this.#last[i] = values[row * dim + i]!;
      this.#next[i] = values[after + i]!;
    }
    between(kind, this.#last, this.#next, Math.min(1, Math.max(0, share)), this.#last);
    if (mix < 1) between(kind, this.#from, this.#last, mix, this.#last);
  }
}
