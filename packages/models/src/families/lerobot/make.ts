/** The files of a LeRobot checkpoint beside its weights, with made-up statistics: for `policy make`. */
import { createRng } from "@bidden/runtime";
import { type TensorData, writeSafetensors } from "@bidden/tensor";
import { PUBLISHED_PLANES } from "../../blocks/resnet.ts";
import { Fields, isJsonObject, type JsonObject } from "../../checkpoint/json.ts";
import { ACTION, ENVIRONMENT, STATE } from "./features.ts";
import type { Feature, FeatureKind, NormMode } from "./normalise.ts";

export type Modes = Readonly<Record<FeatureKind, NormMode>>;

/** Statistics that no dimension shares with another. */
export function madeStatistics(features: readonly Feature[], seed: number): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>();
  for (const { name, kind, size } of features) {
    const rng = createRng(seed).fork(name);
    const mean = Array.from({ length: size }, () => (kind === "VISUAL" ? 0.45 : 0.7 * rng.normal()));
    const std = mean.map(() => (kind === "VISUAL" ? 0.25 : 0.2 + rng.uniform()));
    const spread = (factor: number): number[] => mean.map((value, i) => value + factor * (std[i] as number));
    const quantiles = { q01: spread(-2.3), q99: spread(2.3), q10: spread(-1.3), q90: spread(1.3) };
    const all = { mean, std, min: spread(-3), max: spread(3), ...(kind === "VISUAL" ? {} : quantiles) };
    const shape = kind === "VISUAL" ? [size, 1, 1] : [size];
    for (const [statistic, values] of Object.entries(all)) {
      tensors.set(`${name}.${statistic}`, { dtype: "float32", shape, data: Float32Array.from(values) });
    }
  }
  return tensors;
}

export type FeatureShapes = Readonly<Record<string, readonly number[]>>;

/**
 * `policy_preprocessor.json`, `policy_postprocessor.json` and their statistics.
 * @param statistics by `feature.statistic`, as `action.mean`
 */
export function processorFiles(
  features: readonly Feature[],
  shapes: FeatureShapes,
  modes: Modes,
  statistics: ReadonlyMap<string, TensorData>,
): Map<string, string | Uint8Array> {
  const described = (list: readonly Feature[]): object =>
    Object.fromEntries(list.map(({ name, kind }) => [name, { type: kind, shape: shapes[name] }]));
  const step = (kind: string, list: readonly Feature[], file: string): object => ({
    registry_name: kind,
    config: { eps: 1e-8, features: described(list), norm_map: modes },
    state_file: file,
  });
  const before = "policy_preprocessor_step_3_normalizer_processor.safetensors";
  const after = "policy_postprocessor_step_0_unnormalizer_processor.safetensors";
  const device = { registry_name: "device_processor", config: { device: "cpu", float_dtype: null } };
  const stored = writeSafetensors(statistics);
  return new Map<string, string | Uint8Array>([
    [
      "policy_preprocessor.json",
      json({
        name: "policy_preprocessor",
        steps: [
          { registry_name: "rename_observations_processor", config: { rename_map: {} } },
          { registry_name: "to_batch_processor", config: {} },
          device,
          step("normalizer_processor", features, before),
        ],
      }),
    ],
    [
      "policy_postprocessor.json",
      json({
        name: "policy_postprocessor",
        steps: [
          step(
            "unnormalizer_processor",
            features.filter(({ kind }) => kind === "ACTION"),
            after,
          ),
          device,
        ],
      }),
    ],
    [before, stored],
    [after, stored],
  ]);
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** `input_features` and `output_features` of config.json. */
export function featureFields(features: readonly Feature[], shapes: FeatureShapes): object {
  const described = (list: readonly Feature[]): object =>
    Object.fromEntries(list.map(({ name, kind }) => [name, { type: kind, shape: shapes[name] }]));
  return {
    input_features: described(features.filter(({ kind }) => kind !== "ACTION")),
    output_features: described(features.filter(({ kind }) => kind === "ACTION")),
  };
}

/** Sizes that are no fields of config.json. */
const OWN = ["cameras", "image", "state_dim", "environment_dim", "action_dim", "backbone_planes"];

export type ChosenSizes = {
  /** The sizes that are no fields of config.json: `backbonePlanes` reads its part from them. */
  readonly own: Fields;
  readonly features: readonly Feature[];
  readonly shapes: FeatureShapes;
  /** Those that are. */
  readonly rest: JsonObject;
};

/**
 * Sizes of a policy with a ResNet over LeRobot's features. `chosen` may hold any field of config.json, and: cameras (how
 * many), image [height, width], state_dim, environment_dim, action_dim, backbone_planes.
 */
export function chooseSizes(chosen: JsonObject): ChosenSizes {
  const own = new Fields(chosen, "dims.json");
  const [height, width] = own.numbers("image") as readonly [number, number];
  const cameras = Array.from({ length: own.whole("cameras") }, (_, i) => `observation.images.cam${i}`);
  const sizes: readonly (readonly [Feature, readonly number[]])[] = [
    ...cameras.map((name) => [{ name, kind: "VISUAL", size: 3 }, [3, height, width]] as const),
    ...vector(STATE, "STATE", own.whole("state_dim")),
    ...vector(ENVIRONMENT, "ENV", own.whole("environment_dim")),
    ...vector(ACTION, "ACTION", own.whole("action_dim", undefined, 1)),
  ];
  return {
    own,
    features: sizes.map(([feature]) => feature),
    shapes: Object.fromEntries(sizes.map(([{ name }, shape]) => [name, shape])),
    rest: Object.fromEntries(Object.entries(chosen).filter(([name]) => !OWN.includes(name))),
  };
}

/** A vector feature and its shape; none where it has no elements. */
export function vector(name: string, kind: FeatureKind, size: number): (readonly [Feature, readonly number[]])[] {
  return size === 0 ? [] : [[{ name, kind, size }, [size]]];
}

/** Channels of a ResNet's stages: four numbers, or { "64": .., "128": .., "256": .., "512": .. } as dims.json has them. */
export function backbonePlanes(dims: Fields): number[] {
  const name = "backbone_planes";
  const value = dims.raw(name);
  const planes = isJsonObject(value) ? PUBLISHED_PLANES.map((plane) => value[plane]) : value;
  if (Array.isArray(planes) && planes.length === 4 && planes.every((n) => Number.isSafeInteger(n) && Number(n) > 0)) {
    return planes.map(Number);
  }
  throw dims.bad(name, "four positive whole numbers");
}
