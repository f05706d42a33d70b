/** What a control step did, as an ee-delta-7 action: of such movements their sum, of anything else what the commanded tool did. */
import type { ActionSpace, Embodiment } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { type Numbers, quatConjugate, quatMultiply, rotationVectorFromQuat } from "../kinematics/rotation.ts";

export class StepDeed {
  readonly #chain: Chain;
  readonly #sum = new Float64Array(7);
  readonly #beginPos = new Float64Array(3);
  readonly #beginQuat = new Float64Array(4);
  readonly #turn = new Float64Array(4);
  readonly #vector = new Float64Array(3);
  #summed = true;

  constructor(embodiment: Embodiment) {
    this.#chain = new Chain(embodiment);
  }

  /** @param commandedRad float64[dof], rad: where the arm was sent last @param gripper 0..1 */
  begin(commandedRad: Numbers, gripper: number): void {
    this.#sum.fill(0);
    this.#sum[6] = gripper;
    this.#summed = true;
    this.#chain.forward(commandedRad);
    this.#beginPos.set(this.#chain.toolPos);
    this.#beginQuat.set(this.#chain.toolQuat);
  }

  /** `share` of an action went to the servo. */
  add(kind: ActionSpace["kind"], due: Numbers, share: number, gripper: number): void {
    this.#sum[6] = gripper;
    if (kind !== "ee-delta-7") this.#summed = false;
    else for (let i = 0; i < 6; i++) this.#sum[i] = this.#sum[i]! + due[i]! * share;
  }

  /** A new float32[7], ee-delta-7. @param commandedRad float64[dof], rad: where the arm was sent last */
  vector(commandedRad: Numbers): Float32Array {
    const deed = Float32Array.from(this.#sum);
    if (this.#summed) return deed;
    this.#chain.forward(commandedRad);
    for (let i = 0; i < 3; i++) deed[i] = this.#chain.toolPos[i]! - this.#beginPos[i]!;
    quatConjugate(this.#beginQuat, this.#turn);
    // the rotation is in the base frame: what stands on the left of where the step began
    quatMultiply(this.#chain.toolQuat, this.#turn, this.#turn);
    rotationVectorFromQuat(this.#turn, this.#vector);
    deed.set(this.#vector, 3);
    return deed;
  }
}
