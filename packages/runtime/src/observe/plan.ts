/** Where the rest of a chunk would take the tool, for people to look at. */
import type { ActionChunk, Embodiment } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";

export type PlanFrom = {
  readonly embodiment: Embodiment;
  /** float64[3], commanded tool position, base frame, m. */
  readonly targetPos: ArrayLike<number>;
  /** float64[dof], rad. */
  readonly commandedRad: ArrayLike<number>;
};

/**
 * @param steps how far in the chunk it is now, in steps of the chunk
 * @returns float32[k, 3], base frame, m; the first row is the commanded position
 */
export function planOf(chunk: ActionChunk, steps: number, from: PlanFrom): Float32Array {
  const { kind, dim } = chunk.space;
  const chain = new Chain(from.embodiment);
  const rows = [Array.from({ length: 3 }, (_, i) => from.targetPos[i] ?? 0)];
  const joints = Array.from(from.commandedRad);
  for (let row = Math.max(0, Math.floor(steps)); row < chunk.horizon; row++) {
    const action = chunk.values.subarray(row * dim, (row + 1) * dim);
    const share = Math.min(1, row + 1 - steps);
    switch (kind) {
      case "ee-delta-7":
        rows.push((rows.at(-1) ?? []).map((at, i) => at + share * action[i]!));
        break;
      case "ee-pose-8":
        rows.push([...action.subarray(0, 3)]);
        break;
      case "joint-position":
      case "joint-delta":
        for (let j = 0; j < joints.length; j++) {
          joints[j] = kind === "joint-position" ? action[j]! : joints[j]! + share * action[j]!;
        }
        chain.forward(joints);
        rows.push([...chain.toolPos]);
        break;
      default:
        kind satisfies never;
    }
  }
  return Float32Array.from(rows.flat());
}
