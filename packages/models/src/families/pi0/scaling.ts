/** State and actions between the robot's units and the model's: LeRobot's pipelines, or openpi's statistics. */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { ACTION, STATE } from "../lerobot/features.ts";
import { type Feature, lerobotNormalisations } from "../lerobot/normalise.ts";
import { openpiStats, type PiConfig } from "./config.ts";

export type Scaling = {
  /** What is done to the state and to the actions, in words. */
  readonly state: string;
  readonly action: string;
  /** The robot's state to the model's, float32[stateDim]. */
  stateIn(state: Float32Array): Float32Array;
  /** The model's actions to the robot's, float32[horizon, actionDim]. */
  actionsOut(actions: Float32Array): Float32Array;
};

export async function piScaling(checkpoint: Checkpoint, config: PiConfig, dataset?: string): Promise<Scaling> {
  return config.origin === "lerobot" ? lerobotScaling(checkpoint, config) : openpiScaling(checkpoint, config, dataset);
}

async function lerobotScaling(checkpoint: Checkpoint, config: PiConfig): Promise<Scaling> {
  const features: Feature[] = [
    { name: STATE, kind: "STATE", size: config.stateDim },
    { name: ACTION, kind: "ACTION", size: config.actionDim },
  ];
  const mode = config.kind === "pi05" ? "QUANTILES" : "MEAN_STD";
  const { inputs, action } = await lerobotNormalisations(checkpoint, features, { STATE: mode, ACTION: mode });
  const state = inputs.get(STATE);
  return {
    state: state?.label ?? "identity",
    action: action.label,
    stateIn: (values) => state?.normalise(values) ?? values.slice(),
    actionsOut: (values) => action.restore(values),
  };
}

/** openpi's ε, in both directions (openpi, transforms.py). */
const EPSILON = 1e-6;

/** openpi: mean and standard deviation for π0, quantiles for the others; neither is clipped. */
async function openpiScaling(checkpoint: Checkpoint, config: PiConfig, dataset?: string): Promise<Scaling> {
  const stats = await openpiStats(checkpoint, dataset);
  const quantiles = config.kind !== "pi0";
  const state = lowAndRange(stats.object("state"), quantiles, config.stateDim);
  const action = lowAndRange(stats.object("actions"), quantiles, config.actionDim);
  const label = `${quantiles ? "quantiles q01..q99" : "mean_std"} of norm_stats.json`;
  const unit = (value: number, low: number, range: number): number => (value - low) / (range + EPSILON);
  return {
    state: label,
    action: label,
    stateIn: (values) =>
      values.map((value, i) => {
        const share = unit(value, state.low[i] as number, state.range[i] as number);
        return quantiles ? share * 2 - 1 : share;
      }),
    actionsOut: (values) =>
      values.map((value, i) => {
        const d = i % config.actionDim;
        const share = quantiles ? (value + 1) / 2 : value;
        return share * ((action.range[d] as number) + EPSILON) + (action.low[d] as number);
      }),
  };
}

function lowAndRange(
  stats: Fields,
  quantiles: boolean,
  dim: number,
): { readonly low: readonly number[]; readonly range: readonly number[] } {
  const read = (key: string): readonly number[] => {
    const values = stats.numbers(key);
    if (values.length < dim || !values.every(Number.isFinite)) throw stats.bad(key, `${dim} finite numbers`);
    return values;
  };
  if (!quantiles) return { low: read("mean"), range: read("std") };
  const low = read("q01");
  const high = read("q99");
  return { low, range: high.map((value, i) => value - (low[i] as number)) };
}
