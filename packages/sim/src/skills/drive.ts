/**
 * From one ee-delta-7 action to motion, on the same way that a policy's actions take: the pose servo proposes joint
 * set-points every 10 ms, the gate mints the commands, the world moves by physics. There is no short cut for experts.
 */

import { Chain, createPoseServo, Gate, type PoseServo } from "@bidden/runtime";
import type { World } from "../world.ts";

export class ActionDriver {
  readonly #world: World;
  readonly #servo: PoseServo;
  readonly #gate: Gate;
  readonly #proposal: Float64Array;
  /** Kinematics of what the arm measures; the servo's own are those of its set-point. */
  readonly #measured: Chain;

  /** Starts from where the arm is now. @param by who moves it, for the grant */
  constructor(world: World, by = "demonstration") {
    const { embodiment } = world.robot;
    this.#world = world;
    this.#servo = createPoseServo(embodiment);
    this.#gate = new Gate(embodiment);
    this.#proposal = new Float64Array(embodiment.joints.length);
    this.#measured = new Chain(embodiment);
    this.#servo.start(world.robot.read().jointRad);
    this.#gate.grant({ id: by, by, instruction: "", untilMs: null });
  }

  /** 0..1, last commanded. */
  get gripper(): number {
    return this.#gate.gripper;
  }

  /** Share of ticks in which the gate held instead of going on. */
  get heldTicks(): number {
    return this.#gate.counts.held;
  }

  /** Executes the action over one control step (100 ms of simulated time). */
  execute(action: Float32Array): void {
    const { robot } = this.#world;
    const { commandPeriodMs, actionSpace } = robot.embodiment;
    const ticks = Math.round(actionSpace.stepMs / commandPeriodMs);
    for (let tick = 0; tick < ticks; tick++) {
      const state = robot.read();
      this.#measured.forward(state.jointRad);
      this.#servo.applyDelta(action, 1 / ticks);
      this.#servo.leash(this.#measured.toolPos);
      this.#servo.tick(commandPeriodMs, this.#proposal);
      const command = this.#gate.tick({
        nowMs: state.stampMs,
        dtMs: commandPeriodMs,
        jointRad: this.#proposal,
        gripper: action[6] ?? 1,
        captureMs: null,
        state,
      });
      if (command !== null) {
        robot.send(command);
        if (this.#gate.verdict.kind === "ok") this.#servo.adopt(command.jointRad, commandPeriodMs);
        else this.#servo.start(command.jointRad);
      }
      this.#world.step(commandPeriodMs);
    }
  }
}
