/** From what the robot says of itself to the state vector that a policy sees, in the embodiment's order and units. */
import { BiddenError } from "../contract/errors.ts";
import type { Embodiment, RobotState } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { quatConjugate, quatMultiply, rotationVectorFromQuat } from "../kinematics/rotation.ts";

/** Everything that a state name can stand for, as one tick sees it. */
type Sources = {
  readonly jointRad: Float64Array;
  readonly toolPos: Float64Array;
  readonly toolRotation: Float64Array;
  gripperWidthM: number;
  gripperCommand: number;
  toolSpeedMS: number;
};

const FIXED: Readonly<Record<string, (sources: Sources) => number>> = {
  toolXM: (s) => s.toolPos[0]!,
  toolYM: (s) => s.toolPos[1]!,
  toolZM: (s) => s.toolPos[2]!,
  toolRxRad: (s) => s.toolRotation[0]!,
  toolRyRad: (s) => s.toolRotation[1]!,
  toolRzRad: (s) => s.toolRotation[2]!,
  gripperWidthM: (s) => s.gripperWidthM,
  gripperCommand: (s) => s.gripperCommand,
  toolSpeedMS: (s) => s.toolSpeedMS,
};

export class StateAssembler {
  readonly #chain: Chain;
  readonly #getters: readonly ((sources: Sources) => number)[];
  readonly #fromHome = new Float64Array(4);
  readonly #quat = new Float64Array(4);
  readonly #jacobian: Float64Array;
  readonly #sources: Sources;

  constructor(embodiment: Embodiment) {
    const dof = embodiment.joints.length;
    this.#chain = new Chain(embodiment);
    this.#jacobian = new Float64Array(6 * dof);
    this.#getters = embodiment.stateNames.map((name) => getter(name, dof));
    this.#chain.forward(embodiment.homeRad);
    quatConjugate(this.#chain.toolQuat, this.#fromHome);
    this.#sources = {
      jointRad: new Float64Array(dof),
      toolPos: new Float64Array(3),
      toolRotation: new Float64Array(3),
      gripperWidthM: 0,
      gripperCommand: 1,
      toolSpeedMS: 0,
    };
  }

  /** float64[3], tool position of the last `read`, base frame, m. */
  get toolPos(): Float64Array {
    return this.#sources.toolPos;
  }

  /** m/s, of the last `read`. */
  get toolSpeedMS(): number {
    return this.#sources.toolSpeedMS;
  }

  /** Takes in what the robot says now. @param gripperCommand 0..1, last commanded */
  read(state: RobotState, gripperCommand: number): void {
    const sources = this.#sources;
    sources.jointRad.set(state.jointRad);
    this.#chain.forward(state.jointRad);
    sources.toolPos.set(this.#chain.toolPos);
    quatMultiply(this.#chain.toolQuat, this.#fromHome, this.#quat);
    rotationVectorFromQuat(this.#quat, sources.toolRotation);
    this.#chain.jacobian(this.#jacobian);
    const dof = this.#chain.dof;
    let squared = 0;
    for (let r = 0; r < 3; r++) {
      let speed = 0;
      for (let j = 0; j < dof; j++) speed += this.#jacobian[r * dof + j]! * state.jointRadS[j]!;
      squared += speed * speed;
    }
    sources.toolSpeedMS = Math.sqrt(squared);
    sources.gripperWidthM = state.gripperWidthM;
    sources.gripperCommand = gripperCommand;
  }

  /** A new float32[n] in the order of `Embodiment.stateNames`, of the last `read`. */
  vector(): Float32Array {
    return Float32Array.from(this.#getters, (get) => get(this.#sources));
  }
}

function getter(name: string, dof: number): (sources: Sources) => number {
  const fixed = FIXED[name];
  if (fixed !== undefined) return fixed;
  const joint = /^joint(\d+)Rad$/.exec(name);
  const index = joint === null ? 0 : Number(joint[1]);
  if (index >= 1 && index <= dof) return (sources) => sources.jointRad[index - 1]!;
  throw new BiddenError(
    "embodiment-mismatch",
    `the state "${name}" has no source: expected joint1Rad..joint${dof}Rad or one of ${Object.keys(FIXED).join(", ")}`,
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
