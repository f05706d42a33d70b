/**
 * Carrying what is in the hand to a spot, letting it down gently, letting go, rising. Putting, stacking and merely getting
 * rid of something are the same motion to different spots.
 */

import { AREA } from "../../scene/create-scene.ts";
import { halfExtentsM, shapeOf } from "../shapes.ts";
import type { FullState, Thing } from "../state.ts";
import { fadeOut, funnel, openingFor, rest, smoothstep, steer } from "./motion.ts";

/** Lowest point of what is carried, while it travels, metres. */
const CARRY_M = 0.12;
/** The fingers open this much wider than the thing to let it go, metres. */
const RELEASE_M = 0.018;

/** Where something is to be let down. */
export type Spot = {
  readonly x: number;
  readonly y: number;
  /** Height of what it will rest on, metres. */
  readonly surfaceM: number;
  /** How far above that it is let go, metres. */
  readonly gapM: number;
  /** Small spots (another block) ask for more care. */
  readonly narrow: boolean;
  /** Whether the thing touches what it will rest on. */
  readonly touched: boolean;
};

/** One step of bringing a held thing to a spot and letting it go there. */
export function carry(state: FullState, object: Thing, spot: Spot): Float32Array {
  const dx = spot.x - object.position[0];
  const dy = spot.y - object.position[1];
  const distance = Math.hypot(dx, dy);
  const bottom = object.position[2] - halfExtentsM(object.object, object.quaternion)[2];
  const { surfaceM, gapM, narrow } = spot;
  const lowest = surfaceM + gapM + funnel(distance, narrow ? 0.004 : 0.008, 0.07) * (CARRY_M - surfaceM);

  const over = narrow ? fadeOut(distance, 0.005, 0.008) : fadeOut(distance, 0.01, 0.018);
  const down = spot.touched ? 1 : fadeOut(bottom - surfaceM, gapM + 0.004, gapM + 0.011);
  // Once it may go it goes: fingers that opened by half would go on holding it.
  const release = smoothstep(over * down, 0.2, 0.6);
  return steer(state, {
    dx: dx * (1 - release),
    dy: dy * (1 - release),
    z: state.tool[2] + (lowest - bottom) * (1 - release),
    gripper: release * releaseOpening(object),
  });
}

/** Rises once the fingers have left the thing; they open fully on the way up. */
export function letGo(state: FullState, object: Thing): Float32Array {
  const width = widthM(object);
  const clear = state.tool[2] - (object.position[2] + halfExtentsM(object.object, object.quaternion)[2]);
  const opening = releaseOpening(object);
  const free = smoothstep(state.gripperWidthM, width + 0.004, width + 0.012);
  const away = smoothstep(clear, 0.0, 0.05);
  return rest(state, opening + (1 - opening) * away, Math.max(free, away));
}

/** One step of getting rid of what is in the hand: on the nearest free spot of the table. */
export function setDown(state: FullState, object: Thing): Float32Array {
  const [x, y] = nearestFreeSpot(state, object);
  const touched = state.touching(object.object.id, "table");
  return carry(state, object, { x, y, surfaceM: 0, gapM: 0.003, narrow: false, touched });
}

/** Distance between the spots of the table that are tried, and room between things, metres. */
const GRID_M = 0.04;
const ROOM_M = 0.03;

/** The spots are fixed, so that coming nearer to the nearest one never makes another one the nearest. */
function nearestFreeSpot(state: FullState, object: Thing): readonly [number, number] {
  const own = shapeOf(object.object).outerRadiusM;
  const others = state.scene.objects.flatMap((other, i) => {
    const position = state.objects[i]?.position;
    return other.id === object.object.id || other.kind === "square" || position === undefined
      ? []
      : [{ other, position }];
  });
  let best: readonly [number, number] = [object.position[0], object.position[1]];
  let nearest = Number.POSITIVE_INFINITY;
  for (let x = AREA.minX + 0.02; x <= AREA.maxX - 0.02; x += GRID_M) {
    for (let y = AREA.minY + 0.02; y <= AREA.maxY - 0.02; y += GRID_M) {
      const free = others.every(
        ({ other, position }) =>
          Math.hypot(position[0] - x, position[1] - y) > shapeOf(other).outerRadiusM + own + ROOM_M,
      );
      const distance = Math.hypot(object.position[0] - x, object.position[1] - y);
      if (!free || distance >= nearest) continue;
      nearest = distance;
      best = [x, y];
    }
  }
  return best;
}

/** What the fingers span when they hold it, metres: blocks are gripped square, a can may lie. */
function widthM({ object, quaternion }: Thing): number {
  const { graspRadiusM } = shapeOf(object);
  return 2 * (object.kind === "can" ? Math.max(graspRadiusM, halfExtentsM(object, quaternion)[1]) : graspRadiusM);
}

/** How wide the fingers open to let a thing go: little, because the rim of a bowl may be near. 0..1. */
export function releaseOpening(object: Thing): number {
  return openingFor(widthM(object) + RELEASE_M);
}
