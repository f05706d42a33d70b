/** GR00T's normalisation (gr00t/data/transform/state_action.py, Normalizer), rounded to float32. */
import type { Fields } from "../../checkpoint/json.ts";

const f32 = Math.fround;

export const GROOT_MODES = ["min_max", "q99", "mean_std", "binary"] as const;
export type GrootMode = (typeof GROOT_MODES)[number];
/** A state may also be angles, of which sines and cosines are read. */
export type StateForm = GrootMode | "sin_cos";

type Forward = (x: number, low: number, high: number) => number;

/** What stands in for values that all are alike, and bounds, differ from mode to mode. */
const forward: Readonly<Record<GrootMode, Forward>> = {
  min_max: (x, low, high) => (low === high ? 0 : f32(2 * f32(f32(x - low) / f32(high - low))) - 1),
  q99: (x, low, high) => {
    const scaled = low === high ? x : f32(2 * f32(f32(x - low) / f32(high - low))) - 1;
    return Math.min(Math.max(scaled, -1), 1);
  },
  mean_std: (x, mean, std) => (std === 0 ? x : f32(x - mean) / std),
  binary: (x) => (x > 0.5 ? 1 : 0),
};

const bounds: Readonly<Record<GrootMode, readonly [string, string] | null>> = {
  min_max: ["min", "max"],
  q99: ["q01", "q99"],
  mean_std: ["mean", "std"],
  binary: null,
};

export class GrootNormalisation {
  readonly mode: GrootMode;
  readonly #low: Float32Array;
  readonly #high: Float32Array;

  private constructor(mode: GrootMode, low: Float32Array, high: Float32Array) {
    this.mode = mode;
    this.#low = low;
    this.#high = high;
  }

  /** @param statistics min, max, mean, std, q01 and q99 of one part */
  static of(mode: GrootMode, statistics: Fields): GrootNormalisation {
    const [low, high] = bounds[mode] ?? ["min", "max"];
    const [a, b] = [low, high].map((name) => Float32Array.from(statistics.numbers(name))) as [
      Float32Array,
      Float32Array,
    ];
    if (a.length !== b.length || a.length === 0) throw statistics.bad(high, `as many numbers as ${low}, at least one`);
    return new GrootNormalisation(mode, a, b);
  }

  get width(): number {
    return this.#low.length;
  }

  /** Rows of `width` numbers. */
  normalise(values: Float32Array): Float32Array {
    return values.map((x, i) =>
      forward[this.mode](x, this.#low[i % this.width] as number, this.#high[i % this.width] as number),
    );
  }

  /** The formula's inverse, also where all values were alike. */
  restore(values: Float32Array): Float32Array {
    return values.map((x, i) => {
      const low = this.#low[i % this.width] as number;
      const high = this.#high[i % this.width] as number;
      if (this.mode === "binary") return x > 0.5 ? 1 : 0;
      if (this.mode === "mean_std") return f32(x * high) + low;
      return f32(f32(f32(x + 1) / 2) * f32(high - low)) + low;
    });
  }
}

/** One named part of a state or an action, in the order of the metadata. */
export type GrootPart = {
  readonly name: string;
  /** Numbers of the robot, and as many as the network reads of them. */
  readonly dim: number;
  readonly width: number;
  readonly form: StateForm;
  readonly normalisation: GrootNormalisation;
};

export function grootParts(statistics: Fields, form: StateForm): GrootPart[] {
  return statistics.keys().map((name) => {
    const normalisation = GrootNormalisation.of(form === "sin_cos" ? "min_max" : form, statistics.object(name));
    const dim = normalisation.width;
    return { name, dim, width: form === "sin_cos" ? 2 * dim : dim, form, normalisation };
  });
}

/** The robot's numbers as the network reads them, padded with zeros: float32[padded]. */
export function grootState(parts: readonly GrootPart[], values: Float32Array, padded: number): Float32Array {
  const out = new Float32Array(padded);
  let [from, to] = [0, 0];
  for (const { dim, width, form, normalisation } of parts) {
    const own = values.subarray(from, from + dim);
    if (form === "sin_cos") {
      out.set(own.map(Math.sin), to);
      out.set(own.map(Math.cos), to + dim);
    } else out.set(normalisation.normalise(own), to);
    from += dim;
    to += width;
  }
  return out;
}

/** float32[horizon, padded] of the network to float32[horizon, dim] of the robot, and the same rows before. */
export function grootActions(
  parts: readonly GrootPart[],
  values: Float32Array,
  padded: number,
): { readonly normalised: Float32Array; readonly actions: Float32Array; readonly dim: number } {
  const dim = parts.reduce((sum, part) => sum + part.dim, 0);
  const horizon = values.length / padded;
  const normalised = new Float32Array(horizon * dim);
  const actions = new Float32Array(horizon * dim);
  for (let row = 0; row < horizon; row++) {
    normalised.set(values.subarray(row * padded, row * padded + dim), row * dim);
    let at = row * dim;
    for (const part of parts) {
      actions.set(part.normalisation.restore(normalised.subarray(at, at + part.dim)), at);
      at += part.dim;
    }
  }
  return { normalised, actions, dim };
}
