/** Full states made by hand, for tests of judges and laws without physics. */

import type { Kind, Scene, SceneObject, Vec3 } from "../types.ts";
import { shapeOf } from "./shapes.ts";
import type { FullState } from "./state.ts";

const LOOK: Scene["look"] = {
  lightDirection: [0, 0, 1],
  ambient: 0.5,
  exposure: 1,
  tableColour: [0.5, 0.5, 0.5],
  tableTexture: 0,
  frontShift: [0, 0, 0],
  frontTilt: [0, 0, 0],
  textureSeed: 1,
};

/** A large red thing whose id is its kind (or `id`), standing on the table at x, y. */
export function standing(kind: Kind, x: number, y: number, id: string = kind): SceneObject {
  const object: SceneObject = { id, kind, colour: "red", size: "large", start: [x, y, 0], yaw: 0 };
  return { ...object, start: [x, y, shapeOf(object).halfHeightM] };
}

/** Everything stands where it began, the arm at home with open fingers; `now` overrides, `at` moves things. */
export function stateOf(
  objects: readonly SceneObject[],
  now: Partial<FullState> = {},
  at: Readonly<Record<string, Vec3>> = {},
): FullState {
  return {
    scene: { seed: 0, objects, drawerStartM: 0, look: LOOK },
    objects: objects.map(({ id, start }) => ({ id, position: at[id] ?? start, quaternion: [1, 0, 0, 0] })),
    speeds: objects.map(() => 0),
    drawerM: 0,
    tool: [0.45, 0, 0.25],
    toolRotation: [0, 0, 0],
    toolSpeedMS: 0,
    gripperWidthM: 0.08,
    held: null,
    gripped: () => false,
    touching: () => false,
    ...now,
  };
}
