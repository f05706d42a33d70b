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
export { COLOUR_OF, COLOUR_WORDS, COMPARATIVE_WORDS, IDLE_ADJECTIVES } from "./correct/lexicon.ts";
export { KIND_OF, KIND_WORDS, NOT_TYPOS, PLURAL_OF, pluralOf } from "./correct/lexicon.ts";
export { SIZE_OF, SIZE_WORDS, STRANGE_COLOURS, STRANGE_THINGS, THING_WORDS } from "./correct/lexicon.ts";
export { cleanInstruction, MAX_INSTRUCTION } from "./correct/clean.ts";
export { nounPhrases } from "./correct/noun-phrases.ts";
export { wordsOf } from "./correct/tokens.ts";
export { understandUtterance } from "./correct/understand.ts";
export type { Utterance, UtteranceContext } from "./correct/understand.ts";
export { createSpeller } from "./correct/spelling.ts";
export type { Speller } from "./correct/spelling.ts";
export { createLoop, Loop } from "./loop.ts";
export type { LoopOptions } from "./loop.ts";
export type {
  Ask,
  InferencePort,
  Instruct,
  LoopEvent,
  LoopPhase,
  LoopStatus,
  Outcome,
  Thought,
} from "./loop-types.ts";
export { runVirtual, VirtualRun } from "./virtual.ts";
export type { Plant, RunOptions, RunResult, VirtualOptions, VirtualStep } from "./virtual.ts";
export { Gate } from "./gate/gate.ts";
export type { GateCounts } from "./gate/gate.ts";
export { GATE_REASONS } from "./gate/reasons.ts";
export type { GateReason, GateVerdict } from "./gate/reasons.ts";
export { StateAssembler } from "./observe/state.ts";
export type { LatenessSummary } from "./monitor/lateness.ts";
export { checkPolicy } from "./conformance/check-policy.ts";
export { checkRobot } from "./conformance/check-robot.ts";
export type { Finding } from "./conformance/finding.ts";
