/**
 * Open and close the drawer: pinch the handle's stem, slide it along x, let go, rise. The bar across the stem's end holds
 * the fingers, so a weak grip does not slip off.
 */

import { DRAWER } from "../../scene/shapes.ts";
import type { FullState } from "../state.ts";
import { thingOf } from "../state.ts";
import { action, fadeOut, funnel, rest, seek, smoothstep, steer } from "./motion.ts";

/** Where the drawer is taken to: further than the judge asks. */
const OPEN_TO_M = 0.105;
const CLOSE_TO_M = 0.002;
const ENOUGH_M = 0.006;
const TRAVEL_M = 0.16;
/** Opening at which the fingers let go of the stem, 0..1. */
const RELEASED = 0.6;
const PULL_STEP_M = 0.016;

export function slideDrawer(state: FullState, drawerId: string, open: boolean): Float32Array {
  const handle = thingOf(state, drawerId).position;
  const toGo = open ? OPEN_TO_M - state.drawerM : CLOSE_TO_M - state.drawerM;
  if (open ? toGo < ENOUGH_M : toGo > -ENOUGH_M) return letGo(state, handle);

  const dx = handle[0] - state.tool[0];
  const dy = handle[1] - state.tool[1];
  const gripZ = handle[2] - 0.004;
  // Along the stem there is room to both sides; across it there is little.
  const off = Math.hypot(0.6 * dx, dy);
  const above = fadeOut(off, 0.005, 0.011);
  const down = fadeOut(state.tool[2] - gripZ, 0.008, 0.018);
  const stem = 2 * DRAWER.stemHalfY;
  const opened = smoothstep(state.gripperWidthM, stem + 0.01, stem + 0.025);
  const waiting = (1 - opened) * (1 - above * fadeOut(state.tool[2] - gripZ, 0.012, 0.024));
  // With the stem already between the fingers they centre on the spot: risen with a sideways pull they would jam.
  const room = state.gripperWidthM / 2 - DRAWER.stemHalfY;
  const caged =
    fadeOut(Math.abs(dy), room, room + 0.008) *
    fadeOut(Math.abs(dx), 0.012, 0.02) *
    fadeOut(state.tool[2] - gripZ, 0.012, 0.022);
  const raised = Math.max((1 - caged) * funnel(off, 0.004, 0.06) * (TRAVEL_M - gripZ), waiting * 0.06);
  const approach = steer(state, { dx, dy, z: gripZ + raised, gripper: 1 - above * down });

  const pinched = above * down * fadeOut(state.gripperWidthM, stem + 0.004, stem + 0.012);
  if (pinched <= 0) return approach;
  const slide = action(state, [seek(toGo, PULL_STEP_M), seek(dy), seek(gripZ - state.tool[2])], 0);
  return approach.map((value, i) => value + pinched * ((slide[i] ?? 0) - value));
}

function letGo(state: FullState, handle: readonly [number, number, number]): Float32Array {
  const stem = 2 * DRAWER.stemHalfY;
  const clear = state.tool[2] - (handle[2] + DRAWER.handleHalfZ);
  const away = smoothstep(clear, 0.005, 0.05);
  const beside = smoothstep(Math.hypot(state.tool[0] - handle[0], state.tool[1] - handle[1]), 0.05, 0.08);
  const free = smoothstep(state.gripperWidthM, stem + 0.006, stem + 0.018);
  return rest(state, RELEASED + (1 - RELEASED) * away, Math.max(free, away, beside));
}
