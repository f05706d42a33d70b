/** From what is due in any action space to a joint set-point: each space has its servo, and the others stand still meanwhile. */
import type { ActionSpace, Embodiment } from "../contract/types.ts";
import { JointServo } from "./joint-servo.ts";
import { createPoseServo, type PoseServo } from "./pose-servo.ts";
import type { Numbers } from "./rotation.ts";

/** Where the arm really is. */
export type Measured = {
  /** float64[dof], rad. */
  readonly jointRad: Numbers;
  /** float64[3], base frame, m. */
  readonly toolPos: Numbers;
};

export class Drive {
  readonly #pose: PoseServo;
  readonly #joints: JointServo;
  /** Which of the two drives. */
  #active: "pose" | "joints" = "pose";

  constructor(embodiment: Embodiment) {
    this.#pose = createPoseServo(embodiment);
    this.#joints = new JointServo(embodiment);
  }

  /** float64[3], commanded tool position, base frame, m. */
  get targetPos(): Float64Array {
    return this.#pose.targetPos;
  }

  /** Stand still here. */
  start(jointRad: Numbers): void {
    this.#pose.start(jointRad);
    this.#joints.start(jointRad);
  }

  /**
   * Proposes the next set-point into `out` float64[dof], rad. Changes nothing until `adopt`.
   * @param due an action of that kind; of a movement the share that falls into `dtMs` is taken
   */
  propose(space: ActionSpace, due: Float64Array, measured: Measured, dtMs: number, out: Float64Array): void {
    const share = dtMs / space.stepMs;
    switch (space.kind) {
      case "ee-delta-7":
        this.#active = "pose";
        this.#pose.applyDelta(due, share);
        this.#pose.leash(measured.toolPos);
        break;
      case "ee-pose-8":
        this.#active = "pose";
        this.#pose.follow(due, measured.toolPos);
        break;
      case "joint-position":
        this.#active = "joints";
        this.#joints.follow(due, measured.jointRad);
        break;
      case "joint-delta":
        this.#active = "joints";
        this.#joints.applyDelta(due, share, measured.jointRad);
        break;
      default:
        space satisfies never;
    }
    if (this.#active === "pose") this.#pose.tick(dtMs, out);
    else this.#joints.tick(dtMs, out);
  }

  /** Goes on from what was really sent. */
  adopt(jointRad: Numbers, dtMs: number): void {
    if (this.#active === "pose") {
      this.#pose.adopt(jointRad, dtMs);
      this.#joints.start(jointRad);
    } else {
      this.#joints.adopt(jointRad, dtMs);
      this.#pose.start(jointRad);
    }
  }
}
