/** A policy for this room's own tests: drives the tool straight to a point, and can be told to misbehave. */
import type { ActionChunk, Belief, Intent, Observation, Policy } from "../contract/types.ts";

export type ToyThought = { readonly intent?: Intent; readonly done?: number; readonly values?: Float32Array };

export type ToyOptions = {
  /** Base frame, m. */
  readonly goal: readonly [number, number, number];
  readonly horizon?: number;
  readonly gripper?: number;
  readonly stateNames: readonly string[];
  /** What to think instead, by number of the inference. */
  readonly instead?: (index: number, observation: Observation) => ToyThought;
};

const MAX_STEP_M = 0.03;

export function createToyPolicy({ goal, horizon = 8, gripper = 1, stateNames, instead }: ToyOptions): Policy {
  const toolAt = stateNames.indexOf("toolXM");
  let index = 0;
  return {
    info: {
      name: "toy",
      modelDigest: "",
      space: { kind: "ee-delta-7", dim: 7, stepMs: 100 },
      horizon,
      cameras: {},
      stateNames,
      historyLength: 2,
      heads: ["toy"],
    },
    infer: (observation, request) => {
      const thought = instead?.(index, observation) ?? {};
      index += 1;
      const at = [0, 1, 2].map((i) => observation.state[toolAt + i]!);
      const distance = Math.hypot(...at.map((x, i) => goal[i]! - x));
      const belief: Belief = {
        intent: thought.intent ?? { kind: "obey" },
        done: thought.done ?? (distance < 0.006 ? 0.9 : 0.1),
        pointing: [{ channel: "act", at: goal, nowhere: 0, heat: {} }],
      };
      const chunk: ActionChunk = {
        values: thought.values ?? straight(at, goal, horizon, gripper),
        horizon,
        space: { kind: "ee-delta-7", dim: 7, stepMs: 100 },
        startNs: observation.captureNs,
        origin: { source: "toy", modelDigest: "", observationId: observation.id, seed: request.seed, stageMs: {} },
        belief,
      };
      return Promise.resolve(chunk);
    },
    close: () => Promise.resolve(),
  };
}

/** Speed proportional to what is left, at most MAX_STEP_M a step. */
function straight(from: number[], goal: readonly number[], horizon: number, gripper: number): Float32Array {
  const values = new Float32Array(horizon * 7);
  const at = [...from];
  for (let row = 0; row < horizon; row++) {
    const left = at.map((x, i) => goal[i]! - x);
    const share = Math.min(0.3, MAX_STEP_M / Math.max(Math.hypot(...left), 1e-9));
    for (let i = 0; i < 3; i++) {
      values[row * 7 + i] = share * left[i]!;
      at[i] = at[i]! + share * left[i]!;
    }
    values[row * 7 + 6] = gripper;
  }
  return values;
}
