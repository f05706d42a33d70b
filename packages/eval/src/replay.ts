/** What is kept of an episode to show it again: paths from above, and the front camera's first and last picture. */
import type { Image } from "@bidden/runtime";

export type Replay = {
  /** Duration of one step of the paths, s. */
  readonly stepS: number;
  /** Tool: [x, y, z] a step, whole millimetres, base frame. */
  readonly tool: readonly number[];
  /** Opening of the gripper a step, whole millimetres. */
  readonly gripper: readonly number[];
  /** By object id, only what moved by more than 5 mm: [x, y, z] a step, whole millimetres. */
  readonly moved: Readonly<Record<string, readonly number[]>>;
  readonly drawer: readonly number[];
  readonly first: Image;
  readonly last: Image;
};
