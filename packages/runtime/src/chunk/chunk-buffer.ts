/**
 * Chunks of actions arrive late and overlap; what is due now comes out of here. An action of a chunk is a movement spread
 * evenly over its step, so between two steps' borders it is a velocity: the buffer answers "so much a step", and the loop
 * takes the share of the step that has passed. A new chunk fades in over a short window from what was done last, a chunk
 * that runs out fades to rest.
 */
import type { ActionChunk } from "../contract/types.ts";

/** Why a chunk was not taken. */
export type ChunkRefusal = "bad-shape" | "nonfinite" | "out-of-order" | "stale";

export type ChunkBufferOptions = {
  /** Window in which a new chunk fades in, ms; 0 switches at once. */
  readonly blendMs: number;
  /** Time in which the last action fades to rest after a chunk's end, ms. */
  readonly rampMs: number;
  /** Chunks older than this on arrival are dropped, ms since the capture of their observation. */
  readonly maxAgeMs: number;
};

/** Where the buffer stands: nothing to do, in a chunk, or fading out after its end. */
export type ChunkPhase = "empty" | "active" | "ramp";

const DIM = 7;
const GRIPPER = 6;

export class ChunkBuffer {
  readonly #options: ChunkBufferOptions;
  #chunk: ActionChunk | null = null;
  #startMs = 0;
  /** `#startMs` again, as it is handed out: a field that may be null is a number made once, not at every look. */
  #captureMs: number | null = null;
  #acceptedMs = 0;
  #phase: ChunkPhase = "empty";
  /** What was done last and what a new chunk fades in from, both per step. */
  readonly #last = new Float64Array(DIM);
  readonly #from = new Float64Array(DIM);

  constructor(options: Partial<ChunkBufferOptions> = {}) {
    this.#options = { blendMs: 40, rampMs: 100, maxAgeMs: 1000, ...options };
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
    if (chunk.space.dim !== DIM || chunk.horizon < 1 || chunk.values.length !== chunk.horizon * DIM) return "bad-shape";
    for (let i = 0; i < chunk.values.length; i++) if (!Number.isFinite(chunk.values[i]!)) return "nonfinite";
    const startMs = Number(chunk.startNs) / 1e6;
    if (!(nowMs - startMs <= this.#options.maxAgeMs)) return "stale";
    if (this.#chunk !== null && startMs < this.#startMs) return "out-of-order";
    this.#chunk = chunk;
    this.#startMs = startMs;
    this.#captureMs = startMs;
    this.#acceptedMs = nowMs;
    this.#phase = "active";
    this.#from.set(this.#last);
    return null;
  }

  /** Forgets everything: the next chunk starts from rest. */
  clear(): void {
    this.#chunk = null;
    this.#captureMs = null;
    this.#phase = "empty";
    this.#last.fill(0);
    this.#from.fill(0);
  }

  /**
   * What is due at `nowMs`.
   * @param out float64[7]: movement per step (m, rad) and the absolute gripper, unchanged when "empty"
   */
  due(nowMs: number, out: Float64Array): ChunkPhase {
    const chunk = this.#chunk;
    if (chunk === null) return "empty";
    const { blendMs, rampMs } = this.#options;
    const stepMs = chunk.space.stepMs;
    const steps = (nowMs - this.#startMs) / stepMs;
    const overMs = nowMs - this.#startMs - chunk.horizon * stepMs;
    if (overMs >= rampMs) {
      this.clear();
      return "empty";
    }
    const row = Math.min(Math.max(Math.floor(steps + 1e-9), 0), chunk.horizon - 1) * DIM;
    const fade = overMs > 0 ? 1 - overMs / rampMs : 1;
    const mix = blendMs === 0 ? 1 : Math.min(1, (nowMs - this.#acceptedMs) / blendMs);
    for (let i = 0; i < GRIPPER; i++) {
      const from = this.#from[i]!;
      const value = (from + mix * (chunk.values[row + i]! - from)) * fade;
      out[i] = value;
      this.#last[i] = value;
    }
    out[GRIPPER] = Math.min(1, Math.max(0, chunk.values[row + GRIPPER]!));
    this.#phase = overMs > 0 ? "ramp" : "active";
    return this.#phase;
  }
}
