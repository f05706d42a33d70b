/**
 * A LeRobot checkpoint for another robot: what it sees and does, and the statistics, are a dataset's; the weights stay. What
 * fine-tuning begins with.
 */
import { BiddenError } from "@bidden/runtime";
import { type TensorData, writeSafetensors } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { isJsonObject, type Json, type JsonObject } from "../../checkpoint/json.ts";
import { ACTION, STATE } from "./features.ts";
import { featureFields, type FeatureShapes, json, type Modes, processorFiles } from "./make.ts";
import type { Feature } from "./normalise.ts";

/** A dataset as a policy sees it. */
export type DatasetFacts = {
  /** Every camera with the size of its pictures, by LeRobot's name: "observation.images.front". */
  readonly cameras: Readonly<Record<string, { readonly width: number; readonly height: number }>>;
  /** Names of the elements of state and action; as many as there are elements. */
  readonly stateNames: readonly string[];
  readonly actionNames: readonly string[];
  /** Duration of a frame, ms. */
  readonly stepMs: number;
  /** `meta/stats.json`: lists, or lists in lists for pictures, by feature and statistic. */
  readonly statistics: Readonly<Record<string, unknown>>;
};

/** What bidden's recordings call their actions. */
const EE_DELTA = ["dxM", "dyM", "dzM", "rxRad", "ryRad", "rzRad", "gripper"];

/**
 * The files that change, by path: config.json, the processors and their statistics, embodiment.json.
 * @throws `bad-dataset` where a statistic that the checkpoint normalises by is missing
 */
export async function retarget(checkpoint: Checkpoint, facts: DatasetFacts): Promise<Map<string, string | Uint8Array>> {
  const { features, shapes } = featuresOf(facts);
  const modes = modesOf(checkpoint);
  const statistics = statisticsOf(features, modes, facts.statistics);
  const stored = Object.fromEntries(checkpoint.config.keys().map((key) => [key, checkpoint.config.raw(key)]));
  const config = { ...stored, ...featureFields(features, shapes), normalization_mapping: modes };
  const processors = await patchedProcessors(checkpoint, features, shapes, statistics);
  const own = facts.actionNames.join() === EE_DELTA.join();
  const embodiment = {
    state: facts.stateNames,
    ...(own ? { action: { kind: "ee-delta-7" } } : {}),
    stepMs: facts.stepMs,
  };
  return new Map<string, string | Uint8Array>([
    ["config.json", json(config)],
    ...(processors ?? processorFiles(features, shapes, modes, statistics)),
    ["embodiment.json", json(embodiment)],
  ]);
}

function featuresOf({ cameras, stateNames, actionNames }: DatasetFacts): {
  readonly features: readonly Feature[];
  readonly shapes: FeatureShapes;
} {
  const seen = Object.entries(cameras);
  return {
    features: [
      ...seen.map(([name]): Feature => ({ name, kind: "VISUAL", size: 3 })),
      { name: STATE, kind: "STATE", size: stateNames.length },
      { name: ACTION, kind: "ACTION", size: actionNames.length },
    ],
    shapes: {
      ...Object.fromEntries(seen.map(([name, { width, height }]) => [name, [3, height, width]])),
      [STATE]: [stateNames.length],
      [ACTION]: [actionNames.length],
    },
  };
}

function modesOf(checkpoint: Checkpoint): Modes {
  const said = checkpoint.config.object("normalization_mapping", true);
  const mode = (kind: keyof Modes, fallback: string): string => said.text(kind, fallback);
  return {
    VISUAL: mode("VISUAL", "IDENTITY"),
    STATE: mode("STATE", "MEAN_STD"),
    ENV: mode("ENV", "IDENTITY"),
    ACTION: mode("ACTION", "MEAN_STD"),
  } as Modes;
}

const STATISTICS = ["mean", "std", "min", "max", "q01", "q10", "q90", "q99"];
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  IDENTITY: [],
  MEAN_STD: ["mean", "std"],
  MIN_MAX: ["min", "max"],
  QUANTILES: ["q01", "q99"],
  QUANTILE10: ["q10", "q90"],
};

function statisticsOf(
  features: readonly Feature[],
  modes: Modes,
  stats: DatasetFacts["statistics"],
): Map<string, TensorData> {
  const tensors = new Map<string, TensorData>();
  for (const { name, kind, size } of features) {
    const of = stats[name];
    for (const statistic of STATISTICS) {
      const values = flat(isJsonObject(of) ? of[statistic] : undefined);
      if (values.length === size && values.every(Number.isFinite)) {
        const shape = kind === "VISUAL" ? [size, 1, 1] : [size];
        tensors.set(`${name}.${statistic}`, { dtype: "float32", shape, data: Float32Array.from(values) });
      } else if (NEEDED[modes[kind]]?.includes(statistic) === true) {
        throw new BiddenError(
          "bad-dataset",
          `The dataset's statistics: expected ${size} finite numbers "${name}.${statistic}", by which the checkpoint normalises; came ${values.length}.`,
          { field: `${name}.${statistic}`, expected: size, came: values.length },
        );
      }
    }
  }
  return tensors;
}

function flat(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(flat);
  return typeof value === "number" ? [value] : [];
}

/** The checkpoint's own pipelines with other features and statistics; null where it has none. */
async function patchedProcessors(
  checkpoint: Checkpoint,
  features: readonly Feature[],
  shapes: FeatureShapes,
  statistics: ReadonlyMap<string, TensorData>,
): Promise<Map<string, string | Uint8Array> | null> {
  const files = new Map<string, string | Uint8Array>();
  for (const [file, kind] of [
    ["policy_preprocessor.json", "normalizer_processor"],
    ["policy_postprocessor.json", "unnormalizer_processor"],
  ] as const) {
    const pipeline = await checkpoint.json(file);
    if (pipeline === null) return null;
    const wanted = kind === "normalizer_processor" ? features : features.filter((feature) => feature.kind === "ACTION");
    const described = Object.fromEntries(wanted.map((f) => [f.name, { type: f.kind, shape: shapes[f.name] ?? [] }]));
    const steps = pipeline.objects("steps").map((step): Json => {
      const plain = Object.fromEntries(step.keys().map((key) => [key, step.raw(key)]));
      if (step.text("registry_name", "") !== kind) return plain;
      files.set(step.text("state_file"), writeSafetensors(statistics));
      return { ...plain, config: { ...(plain.config as JsonObject), features: described } };
    });
    const rest = Object.fromEntries(pipeline.keys().map((key) => [key, pipeline.raw(key)]));
    files.set(file, json({ ...rest, steps }));
  }
  return files;
}
