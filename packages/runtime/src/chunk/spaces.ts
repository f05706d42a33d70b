/** Action spaces as data: how long their vectors are, and how one goes from one set-point to the next. */
import type { ActionSpace } from "../contract/types.ts";

/** Elements of an action of that kind on a robot with so many joints. */
export function actionDim(kind: ActionSpace["kind"], joints: number): number {
  switch (kind) {
    case "ee-delta-7":
      return 7;
    case "ee-pose-8":
      return 8;
    case "joint-position":
    case "joint-delta":
      return joints + 1;
    default:
      return kind satisfies never;
  }
}

/** Whether actions are set-points, not movements. */
export function isAbsolute(kind: ActionSpace["kind"]): boolean {
  return kind === "ee-pose-8" || kind === "joint-position";
}

/**
 * The action `share` of the way from a to b, without the gripper; out may be a or b. A quaternion takes the shorter way, straight
 * and then brought to length 1: between neighbouring set-points a turn of even speed differs by nothing that an arm could follow.
 */
export function between(
  kind: ActionSpace["kind"],
  a: Float64Array,
  b: Float64Array,
  share: number,
  out: Float64Array,
): void {
  const turned = kind === "ee-pose-8" && quaternionDot(a, b) < 0 ? -1 : 1;
  for (let i = 0; i < a.length - 1; i++) {
    const from = a[i]!;
    out[i] = from + share * (b[i]! * (i >= 3 ? turned : 1) - from);
  }
  if (kind !== "ee-pose-8") return;
  const length = Math.sqrt(quaternionDot(out, out));
  for (let i = 3; i < 7; i++) out[i] = out[i]! / length;
}

function quaternionDot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 3; i < 7; i++) sum += a[i]! * b[i]!;
  return sum;
}
