export type * from "./contract/types.ts";
export { BiddenError, invariant, messageOf } from "./contract/errors.ts";
export type { ErrorCode, ErrorFields } from "./contract/errors.ts";
export { systemClock, VirtualClock } from "./contract/clock.ts";
export type { Clock } from "./contract/clock.ts";
export { createRng, hashSeed } from "./contract/rng.ts";
export type { Rng } from "./contract/rng.ts";
export { Chain } from "./kinematics/chain.ts";
export type { ChainSpec } from "./kinematics/chain.ts";
export { createPoseServo } from "./kinematics/pose-servo.ts";
export type { PoseServo, PoseServoOptions } from "./kinematics/pose-servo.ts";
export {
  matrixFromQuat,
  quatConjugate,
  quatFromRotationVector,
  quatMultiply,
  quatNormalize,
  quatRotate,
  rotationVectorFromQuat,
} from "./kinematics/rotation.ts";
