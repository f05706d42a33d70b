export type * from "./contract/types.ts";
export { BiddenError, invariant, messageOf } from "./contract/errors.ts";
export type { ErrorCode, ErrorFields } from "./contract/errors.ts";
export { systemClock, VirtualClock } from "./contract/clock.ts";
export type { Clock } from "./contract/clock.ts";
export { createRng, hashSeed } from "./contract/rng.ts";
export type { Rng } from "./contract/rng.ts";
