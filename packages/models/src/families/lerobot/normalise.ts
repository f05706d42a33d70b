/**
 * LeRobot's normalisation, read from the checkpoint: from the processor pipelines beside the weights
 * (`policy_preprocessor.json`, `policy_postprocessor.json`), or from buffers among the weights as files before October 2025
 * have them. Every operation is rounded to float32, as PyTorch does it.
 */
import { BiddenError, type Image } from "@bidden/runtime";
import { readSafetensors, type Shape, type TensorData } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { toFloat32 } from "../../checkpoint/floats.ts";
import { Fields } from "../../checkpoint/json.ts";

const f32 = Math.fround;

/** What each mode needs: shift and scale come from these two statistics. */
const modes = {
  IDENTITY: [],
  MEAN_STD: ["mean", "std"],
  MIN_MAX: ["min", "max"],
  QUANTILES: ["q01", "q99"],
  QUANTILE10: ["q10", "q90"],
} as const;

export type NormMode = keyof typeof modes;
export type FeatureKind = "VISUAL" | "STATE" | "ENV" | "ACTION";
export type Feature = { readonly name: string; readonly kind: FeatureKind; readonly size: number };

/** Tensors of weights files before October 2025 that are no weights: allow them when weights are bound. */
export const NORM_BUFFERS = /^(normalize_inputs|normalize_targets|unnormalize_outputs)\.buffer_/;

type Statistic = { readonly low: Float32Array; readonly high: Float32Array };

/** How one feature is normalised and brought back; statistics per element, or per channel of an image. */
export class Normalisation {
  readonly mode: NormMode;
  /** Where the statistics stand. */
  readonly origin: string;
  readonly #statistic: Statistic | null;
  readonly #epsilon: number;

  constructor(mode: NormMode, statistic: Statistic | null, origin: string, epsilon = 1e-8) {
    this.mode = mode;
    this.origin = origin;
    this.#statistic = statistic;
    this.#epsilon = f32(epsilon);
  }

  /** Such as "mean_std of policy_preprocessor.json". */
  get label(): string {
    return this.mode === "IDENTITY" ? "identity" : `${this.mode.toLowerCase()} of ${this.origin}`;
  }

  /** Values in rows of as many elements as the statistics have. */
  normalise(values: Float32Array): Float32Array {
    const statistic = this.#statistic;
    if (statistic === null) return values.slice();
    const { low, high } = statistic;
    return values.map((value, i) =>
      this.#forward(value, low[i % low.length] as number, high[i % low.length] as number),
    );
  }

  /** The inverse: from the network's numbers to the robot's. */
  restore(values: Float32Array): Float32Array {
    const statistic = this.#statistic;
    if (statistic === null) return values.slice();
    const { low, high } = statistic;
    return values.map((value, i) =>
      this.#inverse(value, low[i % low.length] as number, high[i % low.length] as number),
    );
  }

  /**
   * An image as the network reads it: the pixels as shares of 255, normalised by channel.
   * @param out float32[3, height, width] to write into
   */
  image(image: Image, out: Float32Array): void {
    const places = image.width * image.height;
    const pixels = image.data;
    for (let channel = 0; channel < 3; channel++) {
      const table = this.#channelTable(channel);
      const plane = out.subarray(channel * places, (channel + 1) * places);
      for (let i = 0, at = channel; i < places; i++, at += 3) plane[i] = table[pixels[at] as number] as number;
    }
  }

  /** The network's number for each of the 256 levels of a channel. */
  #channelTable(channel: number): Float32Array {
    const shares = Float32Array.from({ length: 256 }, (_, level) => level / 255);
    const statistic = this.#statistic;
    if (statistic === null) return shares;
    const at = channel % statistic.low.length;
    const [low, high] = [statistic.low[at] as number, statistic.high[at] as number];
    return shares.map((share) => this.#forward(share, low, high));
  }

  #forward(value: number, low: number, high: number): number {
    if (this.mode === "MEAN_STD") return f32(value - low) / f32(high + this.#epsilon);
    return f32(f32(2 * f32(value - low)) / this.#range(low, high)) - 1;
  }

  #inverse(value: number, low: number, high: number): number {
    if (this.mode === "MEAN_STD") return f32(value * high) + low;
    const range = this.#range(low, high);
    const shifted = f32(value + 1);
    return this.mode === "MIN_MAX" ? f32(f32(shifted / 2) * range) + low : f32(f32(shifted * range) / 2) + low;
  }

  #range(low: number, high: number): number {
    const range = f32(high - low);
    return range === 0 ? this.#epsilon : range;
  }
}

export type Normalisations = {
  /** By feature, the way in. */
  readonly inputs: ReadonlyMap<string, Normalisation>;
  /** The way out. */
  readonly action: Normalisation;
};

/**
 * @param features what the policy sees, and its action
 * @param fallback modes where config.json has no `normalization_mapping`
 */
export async function lerobotNormalisations(
  checkpoint: Checkpoint,
  features: readonly Feature[],
  fallback: Readonly<Partial<Record<FeatureKind, NormMode>>> = {},
): Promise<Normalisations> {
  const before = await pipeline(checkpoint, "policy_preprocessor.json", "normalizer_processor");
  const after = await pipeline(checkpoint, "policy_postprocessor.json", "unnormalizer_processor");
  const buffers = [...checkpoint.tensors.keys()].some((name) => NORM_BUFFERS.test(name));
  const inputs = new Map<string, Normalisation>();
  let action: Normalisation | null = null;
  for (const feature of features) {
    const side = feature.kind === "ACTION" ? after : before;
    const mode = modeOf(checkpoint, feature, side, fallback);
    const made = await normalisationOf(checkpoint, feature, mode, side, buffers);
    if (feature.kind === "ACTION") action = made;
    inputs.set(feature.name, made);
  }
  return { inputs, action: action ?? new Normalisation("IDENTITY", null, "") };
}

/** The normalising step of a pipeline, with its statistics. */
type Pipeline = {
  readonly file: string;
  readonly config: Fields;
  readonly tensors: ReadonlyMap<string, TensorData>;
};

async function pipeline(checkpoint: Checkpoint, file: string, step: string): Promise<Pipeline | null> {
  const json = await checkpoint.json(file);
  if (json === null) return null;
  for (const entry of json.objects("steps")) {
    if (entry.text("registry_name", "") !== step) continue;
    const stateFile = entry.text("state_file");
    const bytes = await checkpoint.bytes(stateFile);
    if (bytes === null) {
      throw new BiddenError("bad-checkpoint", `${file} names "${stateFile}" with the statistics; it is not there.`, {
        file,
        missing: stateFile,
      });
    }
    const { tensors } = readSafetensors(bytes, stateFile);
    return { file: stateFile, config: entry.object("config"), tensors };
  }
  return null;
}

function modeOf(
  checkpoint: Checkpoint,
  feature: Feature,
  side: Pipeline | null,
  fallback: Readonly<Partial<Record<FeatureKind, NormMode>>>,
): NormMode {
  const fromPipeline = side?.config.object("norm_map", true);
  const fromConfig = checkpoint.config.object("normalization_mapping", true);
  const map = fromPipeline?.has(feature.kind) === true ? fromPipeline : fromConfig;
  if (!map.has(feature.kind)) return fallback[feature.kind] ?? "IDENTITY";
  const mode = map.text(feature.kind);
  if (Object.hasOwn(modes, mode)) return mode as NormMode;
  throw map.bad(feature.kind, `one of ${Object.keys(modes).join(", ")}`);
}

async function normalisationOf(
  checkpoint: Checkpoint,
  feature: Feature,
  mode: NormMode,
  side: Pipeline | null,
  buffers: boolean,
): Promise<Normalisation> {
  const [low, high] = modes[mode];
  if (low === undefined || high === undefined) return new Normalisation(mode, null, "");
  const epsilon = side?.config.number("eps", 1e-8);
  const read = async (statistic: string): Promise<Float32Array> => {
    const inPipeline = side?.tensors.get(`${feature.name}.${statistic}`);
    const name = bufferName(feature, statistic);
    const stored = inPipeline ?? (buffers && checkpoint.tensors.has(name) ? await checkpoint.read(name) : undefined);
    if (stored === undefined) throw missing(checkpoint, feature, mode, statistic, side);
    return checked(toFloat32(stored.data, stored.dtype), stored.shape, feature, statistic, checkpoint.label);
  };
  const statistic = { low: await read(low), high: await read(high) };
  return new Normalisation(mode, statistic, side?.file ?? "buffers among the weights", epsilon);
}

function bufferName(feature: Feature, statistic: string): string {
  const place = feature.kind === "ACTION" ? "unnormalize_outputs" : "normalize_inputs";
  return `${place}.buffer_${feature.name.replaceAll(".", "_")}.${statistic}`;
}

function checked(values: Float32Array, shape: Shape, feature: Feature, statistic: string, file: string): Float32Array {
  const fits = values.length === feature.size || (feature.kind === "VISUAL" && values.length === 1);
  const came = fits ? "a value that is not finite" : `[${shape.join(", ")}]`;
  if (fits && values.every(Number.isFinite)) return values;
  throw new BiddenError(
    "bad-checkpoint",
    `${file}, statistics "${feature.name}.${statistic}": expected ${feature.size} finite values; came ${came}.`,
    { file, field: `${feature.name}.${statistic}`, expected: feature.size, came },
  );
}

function missing(
  checkpoint: Checkpoint,
  feature: Feature,
  mode: NormMode,
  statistic: string,
  side: Pipeline | null,
): BiddenError {
  const place = side?.file ?? `policy_preprocessor.json, or a tensor "${bufferName(feature, statistic)}"`;
  return new BiddenError(
    "bad-checkpoint",
    `${checkpoint.label}: "${feature.name}" is normalised by ${mode}: expected its "${statistic}" in ${place}; there is none.`,
    { file: checkpoint.label, field: `${feature.name}.${statistic}`, expected: statistic, came: null },
  );
}
