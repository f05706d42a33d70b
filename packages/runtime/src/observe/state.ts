/** From what the robot says of itself to the state vector that a policy sees, in the embodiment's order and units. */
import { BiddenError } from "../contract/errors.ts";
import type { Embodiment, RobotState } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { quatConjugate, quatMultiply, rotationVectorFromQuat } from "../kinematics/rotation.ts";

/** What a state name beside the joints stands for: places behind the joints in the list of sources. */
const TOOL = ["toolXM", "toolYM", "toolZM", "toolRxRad", "toolRyRad", "toolRzRad"] as const;
const FIXED: readonly string[] = [...TOOL, "gripperWidthM", "gripperCommand", "toolSpeedMS"];
const GRIPPER_WIDTH = FIXED.indexOf("gripperWidthM");
const GRIPPER_COMMAND = FIXED.indexOf("gripperCommand");
const TOOL_SPEED = FIXED.indexOf("toolSpeedMS");

export class StateAssembler {
  readonly #chain: Chain;
  readonly #fromHome = new Float64Array(4);
  readonly #quat = new Float64Array(4);
  readonly #jacobian: Float64Array;
  /** float64[dof + FIXED.length]: joints, then what `FIXED` names; and where in it each element of the vector is. */
  readonly #sources: Float64Array;
  readonly #places: Int32Array;
  readonly #toolPos: Float64Array;
  readonly #toolRotation: Float64Array;

  constructor(embodiment: Embodiment) {
    const dof = embodiment.joints.length;
    this.#chain = new Chain(embodiment);
    this.#jacobian = new Float64Array(6 * dof);
    this.#sources = new Float64Array(dof + FIXED.length);
    this.#toolPos = this.#sources.subarray(dof, dof + 3);
    this.#toolRotation = this.#sources.subarray(dof + 3, dof + 6);
    this.#sources[dof + GRIPPER_COMMAND] = 1;
    this.#places = Int32Array.from(embodiment.stateNames, (name) => placeOf(name, dof));
    this.#chain.forward(embodiment.homeRad);
    quatConjugate(this.#chain.toolQuat, this.#fromHome);
  }

  /** float64[3], tool position of the last `read`, base frame, m. */
  get toolPos(): Float64Array {
    return this.#toolPos;
  }

  /** m/s, of the last `read`. */
  get toolSpeedMS(): number {
    return this.#sources[this.#chain.dof + TOOL_SPEED]!;
  }

  /** Takes in what the robot says now; allocates nothing. @param gripperCommand 0..1, last commanded */
  read(state: RobotState, gripperCommand: number): void {
    const sources = this.#sources;
    sources.set(state.jointRad);
    this.#chain.forward(state.jointRad);
    this.#toolPos.set(this.#chain.toolPos);
    quatMultiply(this.#chain.toolQuat, this.#fromHome, this.#quat);
    rotationVectorFromQuat(this.#quat, this.#toolRotation);
    this.#chain.jacobian(this.#jacobian);
    const dof = this.#chain.dof;
    let squared = 0;
    for (let r = 0; r < 3; r++) {
      let speed = 0;
      for (let j = 0; j < dof; j++) speed += this.#jacobian[r * dof + j]! * state.jointRadS[j]!;
      squared += speed * speed;
    }
    sources[dof + TOOL_SPEED] = Math.sqrt(squared);
    sources[dof + GRIPPER_WIDTH] = state.gripperWidthM;
    sources[dof + GRIPPER_COMMAND] = gripperCommand;
  }

  /** A new float32[n] in the order of `Embodiment.stateNames`, of the last `read`. */
  vector(): Float32Array {
    const vector = new Float32Array(this.#places.length);
    for (let i = 0; i < vector.length; i++) vector[i] = this.#sources[this.#places[i]!]!;
    return vector;
  }
}

function placeOf(name: string, dof: number): number {
  const fixed = FIXED.indexOf(name);
  if (fixed >= 0) return dof + fixed;
  const joint = /^joint(\d+)Rad$/.exec(name);
  const index = joint === null ? 0 : Number(joint[1]);
  if (index >= 1 && index <= dof) return index - 1;
  throw new BiddenError(
    "embodiment-mismatch",
    `the state "${name}" has no source: expected joint1Rad..joint${dof}Rad or one of ${FIXED.join(", ")}`,
    { name, joints: dof },
  );
}

/** Earlier states, one a control step, padded with the oldest. */
export class StateHistory {
  readonly #length: number;
  #states: Float32Array[] = [];

  constructor(length: number) {
    this.#length = length;
  }

  clear(): void {
    this.#states = [];
  }

  /** Oldest first, `length` of them, without `current`. */
  before(current: Float32Array): readonly Float32Array[] {
    const oldest = this.#states[0] ?? current;
    const padding = Array.from({ length: this.#length - this.#states.length }, () => oldest);
    return [...padding, ...this.#states];
  }

  push(state: Float32Array): void {
    this.#states.push(state);
    if (this.#states.length > this.#length) this.#states.shift();
  }
}
