/**
 * Disturbances of a demonstration: they change what is executed, never what is recorded as right. A policy that has only
 * seen perfect episodes does not know the way back.
 */

import type { Rng } from "@bidden/runtime";
import type { Vec3 } from "../types.ts";
import { MAX_STEP_M } from "./expert/motion.ts";

/** How one episode is disturbed. All rates are probabilities a control step. */
export type Disturbance = {
  /** Standard deviation of the noise on every executed step, metres; and its correlation from step to step, 0..1. */
  readonly noiseM: number;
  readonly correlation: number;
  /** Another motion takes over for 3 to 8 steps. */
  readonly shoveRate: number;
  /** The gripper is opened or closed wrongly for 2 to 6 steps. */
  readonly fumbleRate: number;
  /** A thing gets a push. */
  readonly nudgeRate: number;
  /** Where the tool is when the episode begins; null: where it is. */
  readonly startTool: Vec3 | null;
  /** Steps of another task that are done before this one begins: the hand may be full or down among things. */
  readonly preludeSteps: number;
};

export const UNDISTURBED: Disturbance = {
  noiseM: 0,
  correlation: 0,
  shoveRate: 0,
  fumbleRate: 0,
  nudgeRate: 0,
  startTool: null,
  preludeSteps: 0,
};

/** Draws the disturbances of one episode: about 30 % of the episodes have none. */
export function drawDisturbance(rng: Rng, share = 0.7): Disturbance {
  if (rng.uniform() >= share) return UNDISTURBED;
  const prelude = rng.uniform() < 0.2;
  const maybe = (probability: number, value: number): number => (rng.uniform() < probability ? value : 0);
  return {
    noiseM: maybe(0.6, 0.002 + 0.006 * rng.uniform()),
    correlation: 0.4 + 0.5 * rng.uniform(),
    shoveRate: maybe(0.6, 0.03),
    fumbleRate: maybe(0.4, 0.02),
    nudgeRate: maybe(0.3, 0.015),
    startTool: prelude ? null : rng.uniform() < 0.6 ? drawToolPosition(rng) : null,
    preludeSteps: prelude ? 8 + rng.below(40) : 0,
  };
}

/** Anywhere over the table, 5 to 30 cm up. */
export function drawToolPosition(rng: Rng): Vec3 {
  return [0.33 + 0.33 * rng.uniform(), -0.27 + 0.54 * rng.uniform(), 0.05 + 0.25 * rng.uniform()];
}

export type DisturbedAction = { readonly executed: Float32Array; readonly disturbed: boolean };

/** Carries the running disturbances from step to step. */
export class Disturber {
  readonly #plan: Disturbance;
  readonly #rng: Rng;
  readonly #noise: [number, number, number] = [0, 0, 0];
  #shoveLeft = 0;
  #shove: Vec3 = [0, 0, 0];
  #fumbleLeft = 0;
  #fumble = 0;

  constructor(plan: Disturbance, rng: Rng) {
    this.#plan = plan;
    this.#rng = rng;
  }

  /** What is executed instead of the expert's action. */
  apply(expert: Float32Array): DisturbedAction {
    const executed = expert.slice();
    this.#addNoise(executed);
    const shoved = this.#applyShove(executed);
    const fumbled = this.#applyFumble(executed);
    return { executed, disturbed: shoved || fumbled };
  }

  /** Horizontal velocity that a thing gets now, m/s, or null. */
  nudge(): Vec3 | null {
    if (this.#rng.uniform() >= this.#plan.nudgeRate) return null;
    const angle = 2 * Math.PI * this.#rng.uniform();
    const speed = 0.1 + 0.25 * this.#rng.uniform();
    return [speed * Math.cos(angle), speed * Math.sin(angle), 0];
  }

  #addNoise(executed: Float32Array): void {
    const { noiseM, correlation } = this.#plan;
    if (noiseM === 0) return;
    const fresh = Math.sqrt(1 - correlation * correlation) * noiseM;
    for (let i = 0; i < 3; i++) {
      this.#noise[i] = correlation * (this.#noise[i] ?? 0) + fresh * this.#rng.normal();
      executed[i] = (executed[i] ?? 0) + (this.#noise[i] ?? 0);
    }
  }

  #applyShove(executed: Float32Array): boolean {
    if (this.#shoveLeft === 0 && this.#rng.uniform() < this.#plan.shoveRate) {
      this.#shoveLeft = 3 + this.#rng.below(6);
      const angle = 2 * Math.PI * this.#rng.uniform();
      const speed = MAX_STEP_M * (0.3 + 0.6 * this.#rng.uniform());
      this.#shove = [speed * Math.cos(angle), speed * Math.sin(angle), MAX_STEP_M * (this.#rng.uniform() - 0.4)];
    }
    if (this.#shoveLeft === 0) return false;
    this.#shoveLeft--;
    executed.set(this.#shove);
    return true;
  }

  #applyFumble(executed: Float32Array): boolean {
    if (this.#fumbleLeft === 0 && this.#rng.uniform() < this.#plan.fumbleRate) {
      this.#fumbleLeft = 2 + this.#rng.below(5);
      this.#fumble = (executed[6] ?? 0) > 0.5 ? 0 : 1;
    }
    if (this.#fumbleLeft === 0) return false;
    this.#fumbleLeft--;
    executed[6] = this.#fumble;
    return true;
  }
}
