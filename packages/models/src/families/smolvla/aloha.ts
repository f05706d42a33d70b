/**
 * ALOHA's joints and grippers as π's runtime names them, for checkpoints with `adapt_to_pi_aloha`: four joints are mirrored, and
 * the two grippers pass from a linear opening to an angle. As in the reference, it is applied to what normalisation made of the
 * state, and to the actions before normalisation is undone.
 */
const MIRRORED = [1, 2, 8, 9] as const;
const GRIPPERS = [6, 13] as const;
export const ALOHA_DIM = 14;

/** Arm length and horn radius of the Interbotix gripper, metres. */
const ARM_M = 0.036;
const HORN_M = 0.022;

function normalised(value: number, low: number, high: number): number {
  return (value - low) / (high - low);
}

function restored(value: number, low: number, high: number): number {
  return value * (high - low) + low;
}

/** ALOHA's state to π's: float32[14]. */
export function alohaState(state: Float32Array): Float32Array {
  const out = state.slice();
  for (const i of MIRRORED) out[i] = -(out[i] as number);
  for (const i of GRIPPERS) out[i] = gripperAngle(out[i] as number);
  return out;
}

/** Share of the linear opening to share of the angle. */
function gripperAngle(share: number): number {
  const opening = restored(share, 0.01844, 0.058);
  const ratio = (HORN_M ** 2 + opening ** 2 - ARM_M ** 2) / (2 * HORN_M * opening);
  return normalised(Math.asin(Math.min(1, Math.max(-1, ratio))), 0.4, 1.5);
}

/** π's actions to ALOHA's: float32[n, 14]. */
export function alohaActions(actions: Float32Array): Float32Array {
  const out = actions.slice();
  for (let row = 0; row < out.length; row += ALOHA_DIM) {
    for (const i of MIRRORED) out[row + i] = -(out[row + i] as number);
    for (const i of GRIPPERS) out[row + i] = normalised(restored(out[row + i] as number, 0.4, 1.5), -0.6213, 1.491);
  }
  return out;
}
