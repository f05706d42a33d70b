/**
 * The pieces all experts are made of: smooth steps, speeds proportional to distance, and a funnel that ties height to
 * horizontal distance. Everything is a smooth function of the state, because a policy that is trained on frames
 * can imitate nothing that hides in a mode or jumps.
 */

import { GRASPABLE, type Vec3 } from "../../types.ts";
import { halfExtentsM } from "../shapes.ts";
import type { FullState } from "../state.ts";

/** Longest step of the tool, metres in 100 ms (0.28 m/s). */
export const MAX_STEP_M = 0.028;
/** Share of the remaining distance that one step covers. */
const GAIN = 0.36;
/** Height to which the tool returns when it has finished, metres. */
export const REST_HEIGHT_M = 0.2;

/** Opening between the fingers at gripper 0 and 1, if nothing is between them: 0 presses, metres. */
const GRIPPER_WIDTHS_M = [-0.01, 0.08] as const;

/** The gripper action that opens the fingers this wide, 0..1. */
export function openingFor(widthM: number): number {
  const [closed, open] = GRIPPER_WIDTHS_M;
  return clamp((widthM - closed) / (open - closed), 0, 1);
}

/** 0 below `from`, 1 above `to`, cubic between (Hermite's smoothstep). */
export function smoothstep(x: number, from: number, to: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** 1 below `from`, 0 above `to`. */
export function fadeOut(x: number, from: number, to: number): number {
  return 1 - smoothstep(x, from, to);
}

export function clamp(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x));
}

/** Step towards an error of one dimension: proportional, saturating at `max`, exactly 0 within a millimetre. */
export function seek(error: number, max = MAX_STEP_M, gain = GAIN): number {
  return max * Math.tanh((gain * error) / max) * smoothstep(Math.abs(error), 0.0004, 0.0016);
}

/** `seek` in the plane. */
function seekXY(dx: number, dy: number, max = MAX_STEP_M, gain = GAIN): [number, number] {
  const distance = Math.hypot(dx, dy);
  if (distance < 1e-9) return [0, 0];
  const step = seek(distance, max, gain) / distance;
  return [dx * step, dy * step];
}

/** The funnel's lip: this share of the height is kept until the horizontal error is nearly gone, over this width. */
const LIP_SHARE = 0.34;
const LIP_M = 0.01;

/**
 * Height over the target as a share of the travelling height: 0 when straight above it, 1 when far from it. The lip keeps
 * fingers (or what they hold) from landing on an edge.
 */
export function funnel(distance: number, near = 0.008, far = 0.07): number {
  return LIP_SHARE * smoothstep(distance, near, near + LIP_M) + (1 - LIP_SHARE) * smoothstep(distance, near, far);
}

/** So near to its own base the folded arm cannot rise: it must come out first. From here to here, metres, and how fast. */
const COME_OUT_M = [0.27, 0.285] as const;
const COME_OUT_STEP_M = 0.012;

/** Where the tool should go, from which `steer` makes one action. */
export type Goal = {
  /** Horizontal error, target minus tool, metres. */
  readonly dx: number;
  readonly dy: number;
  /** Height of the tool to be at now, metres. */
  readonly z: number;
  /** 0 closed .. 1 open. */
  readonly gripper: number;
  /** Scales the horizontal and vertical speed, 0..1. */
  readonly haste?: number;
  readonly maxStepM?: number;
};

/**
 * One ee-delta-7 action towards a goal. A tool that is too low for where it is rises first: its horizontal speed fades
 * with what is missing in height, so that it does not sweep through what stands in the way.
 */
export function steer(state: FullState, goal: Goal): Float32Array {
  const [, , toolZ] = state.tool;
  const max = goal.maxStepM ?? MAX_STEP_M;
  const missing = goal.z - toolZ;
  const freeToMove = 1 - 0.97 * smoothstep(missing, 0.012, 0.05);
  const [sx, sy] = seekXY(goal.dx, goal.dy, max);
  const haste = goal.haste ?? 1;
  const out = COME_OUT_STEP_M * fadeOut(state.tool[0], COME_OUT_M[0], COME_OUT_M[1]);
  const step = [sx * freeToMove * haste + out, sy * freeToMove * haste, seek(missing, max) * haste] as const;
  return action(state, step, goal.gripper);
}

/** Puts a step, the correction of the tool's drift in rotation, and the gripper together. */
export function action(state: FullState, step: Vec3, gripper: number): Float32Array {
  const length = Math.hypot(step[0], step[1], step[2]);
  const scale = length > MAX_STEP_M ? MAX_STEP_M / length : 1;
  const turn = (angle: number): number => -seek(angle, 0.06, 0.3) * smoothstep(Math.abs(angle), 0.005, 0.02);
  const [rx, ry, rz] = state.toolRotation;
  return Float32Array.of(
    step[0] * scale,
    step[1] * scale,
    step[2] * scale,
    turn(rx),
    turn(ry),
    turn(rz),
    clamp(gripper, 0, 1),
  );
}

/**
 * The gripper action of a motion with closed fingers: closed, but ever wider while the fingers still stand around
 * something that was just let go.
 */
export function shut(state: FullState): number {
  const [x, y, z] = state.tool;
  let around = 0;
  state.scene.objects.forEach((object, i) => {
    const now = state.objects[i];
    if (now === undefined || !GRASPABLE.includes(object.kind)) return;
    const [ox, oy, oz] = now.position;
    const over = fadeOut(Math.abs(ox - x), 0.014, 0.02) * fadeOut(Math.abs(oy - y), 0.014, 0.02);
    const top = oz + halfExtentsM(object, now.quaternion)[2];
    around = Math.max(around, over * fadeOut(z - top, 0.012, 0.025));
  });
  return around * openingFor(state.gripperWidthM + 0.012);
}

/** Straight up to the resting height and still there. */
export function rest(state: FullState, gripper: number, haste = 1): Float32Array {
  return steer(state, { dx: 0, dy: 0, z: REST_HEIGHT_M, gripper, haste });
}
