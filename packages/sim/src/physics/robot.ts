import type { Command, Robot, RobotState } from "@bidden/runtime";
import type { ArmModel } from "../arm/arm.ts";
import type { Simulation } from "./engine.ts";
import type { Layout } from "./layout.ts";

/** The simulated arm as a `Robot`: commands become the set-points of its servos. Never throws, never blocks. */
export class SimulatedRobot implements Robot {
  readonly embodiment: Robot["embodiment"];
  readonly #arm: ArmModel;
  readonly #now: () => { readonly simulation: Simulation; readonly layout: Layout };
  readonly #jointRad: Float64Array;
  readonly #jointRadS: Float64Array;

  constructor(arm: ArmModel, now: () => { readonly simulation: Simulation; readonly layout: Layout }) {
    this.#arm = arm;
    this.#now = now;
    this.embodiment = arm.embodiment;
    this.#jointRad = new Float64Array(arm.names.joints.length);
    this.#jointRadS = new Float64Array(arm.names.joints.length);
  }

  read(): RobotState {
    const { simulation, layout } = this.#now();
    const { qpos, qvel } = simulation.views;
    layout.joints.forEach((joint, i) => {
      this.#jointRad[i] = qpos[joint.qpos] as number;
      this.#jointRadS[i] = qvel[joint.dof] as number;
    });
    const width = layout.fingers.reduce((sum, finger) => sum + (qpos[finger.qpos] as number), 0);
    return {
      stampMs: Math.round(simulation.data.time * 1e6) / 1e3,
      jointRad: this.#jointRad,
      jointRadS: this.#jointRadS,
      gripperWidthM: Math.max(0, width),
    };
  }

  /** A command with a number that is not finite is ignored: the servos keep their last set-points. */
  send(command: Command): void {
    const { simulation, layout } = this.#now();
    if (!Number.isFinite(command.gripper) || !command.jointRad.every(Number.isFinite)) return;
    const { ctrl } = simulation.views;
    layout.joints.forEach((joint, i) => {
      ctrl[joint.actuator] = command.jointRad[i] as number;
    });
    ctrl[layout.gripperActuator] = this.#gripperControl(command.gripper);
  }

  goHome(): void {
    this.place(this.#arm.embodiment.homeRad, 1);
  }

  /** Puts joints and set-points at a pose, at rest. */
  place(jointRad: readonly number[], gripper: number): void {
    const { simulation, layout } = this.#now();
    const { qpos, qvel, ctrl } = simulation.views;
    layout.joints.forEach((joint, i) => {
      qpos[joint.qpos] = jointRad[i] as number;
      qvel[joint.dof] = 0;
      ctrl[joint.actuator] = jointRad[i] as number;
    });
    for (const finger of layout.fingers) {
      qpos[finger.qpos] = Math.max(0, this.#gripperControl(gripper));
      qvel[finger.dof] = 0;
    }
    ctrl[layout.gripperActuator] = this.#gripperControl(gripper);
    simulation.forward();
  }

  poke(jointRadS: readonly number[]): void {
    const { simulation, layout } = this.#now();
    layout.joints.forEach((joint, i) => {
      simulation.views.qvel[joint.dof] = (simulation.views.qvel[joint.dof] as number) + (jointRadS[i] ?? 0);
    });
  }

  #gripperControl(gripper: number): number {
    const share = Math.min(1, Math.max(0, gripper));
    return this.#arm.gripperClosedControl + share * (this.#arm.gripperOpenControl - this.#arm.gripperClosedControl);
  }
}
