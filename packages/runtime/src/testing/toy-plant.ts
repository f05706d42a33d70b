/**
 * A world for this room's own tests: an arm whose joints follow their commands with a lag and a gripper that moves at a
 * fixed speed. No contacts, no cameras.
 */
import type { Command, Embodiment, Observation, Robot, RobotState } from "../contract/types.ts";
import type { Ask } from "../loop-types.ts";
import type { Plant } from "../virtual.ts";

const FOLLOW_MS = 15;
const GRIPPER_M_S = 0.2;

export class ToyPlant implements Plant {
  readonly robot: Robot;
  timeMs = 0;
  /** Every command that came, as plain numbers. */
  readonly sent: { readonly atMs: number; readonly jointRad: number[]; readonly gripper: number }[] = [];
  /** Something between the fingers keeps them this far apart, m. */
  blockWidthM = 0;
  readonly #target: Float64Array;
  readonly #state: { stampMs: number; jointRad: Float64Array; jointRadS: Float64Array; gripperWidthM: number };
  readonly #embodiment: Embodiment;
  #gripper = 1;

  constructor(embodiment: Embodiment, startRad: readonly number[] = embodiment.homeRad) {
    this.#embodiment = embodiment;
    this.#target = Float64Array.from(startRad);
    this.#state = {
      stampMs: 0,
      jointRad: Float64Array.from(startRad),
      jointRadS: new Float64Array(startRad.length),
      gripperWidthM: embodiment.gripperMaxWidthM,
    };
    this.robot = { embodiment, read: (): RobotState => this.#state, send: (command) => this.#send(command) };
  }

  step(ms: number): void {
    const { jointRad, jointRadS } = this.#state;
    const share = 1 - Math.exp(-ms / FOLLOW_MS);
    for (let j = 0; j < jointRad.length; j++) {
      const moved = share * (this.#target[j]! - jointRad[j]!);
      jointRad[j] = jointRad[j]! + moved;
      jointRadS[j] = (moved * 1000) / ms;
    }
    const wanted = Math.max(this.blockWidthM, this.#gripper * this.#embodiment.gripperMaxWidthM);
    const reach = (GRIPPER_M_S * ms) / 1000;
    const missing = wanted - this.#state.gripperWidthM;
    this.#state.gripperWidthM += Math.max(-reach, Math.min(reach, missing));
    this.timeMs += ms;
    this.#state.stampMs = this.timeMs;
  }

  observe(ask: Ask): Observation {
    return {
      id: ask.id,
      captureNs: ask.captureNs,
      cameras: {},
      state: ask.state,
      history: ask.history,
      instruction: ask.instruction,
      ...(ask.hints === undefined ? {} : { hints: ask.hints }),
    };
  }

  #send(command: Command): void {
    this.#target.set(command.jointRad);
    this.#gripper = command.gripper;
    this.sent.push({ atMs: this.timeMs, jointRad: [...command.jointRad], gripper: command.gripper });
  }
}
