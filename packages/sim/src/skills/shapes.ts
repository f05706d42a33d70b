/** Sizes of things as experts and judges need them, from the scene's measures. */

import {
  BOWL_HEIGHT_M,
  BOWL_RADIUS_M,
  DRAWER,
  footprintRadiusM,
  HALF_WIDTH_M,
  PLATE_HEIGHT_M,
  PLATE_RADIUS_M,
  restHeightM,
  SQUARE_HALF_M,
} from "../scene/shapes.ts";
import type { ObjectState, SceneObject, Vec3 } from "../types.ts";

export type Shape = {
  /** Height of the centre over what it stands on, metres. */
  readonly halfHeightM: number;
  /** Half of what the fingers must span, metres; 0 for what cannot be lifted. */
  readonly graspRadiusM: number;
  /** Radius of the circle around its outline as seen from above, metres. */
  readonly outerRadiusM: number;
  /** Height of the surface on which things come to rest in or on it, over what it stands on, metres. */
  readonly surfaceM: number;
  /** How far from its middle the centre of a thing may be that is in or on it, metres (square: half side). */
  readonly innerRadiusM: number;
  /** Its highest point over what it stands on, metres. */
  readonly topM: number;
};

/** Where things rest in a bowl and on a plate, over the table, metres. */
const BOWL_FLOOR_M = 0.006;
const PLATE_FLOOR_M = 0.008;
/** A thing on a plate has its centre at least this far inside the plate's edge, metres. */
const PLATE_MARGIN_M = 0.012;
/** A thing in a bowl has its centre at least this far inside the bowl's outline, metres. */
const BOWL_MARGIN_M = 0.02;

export function shapeOf({ kind, size }: SceneObject): Shape {
  const halfHeightM = restHeightM(kind, size);
  const outerRadiusM = footprintRadiusM(kind, size);
  const flat = { halfHeightM, outerRadiusM, graspRadiusM: 0 };
  const half = HALF_WIDTH_M[size];
  switch (kind) {
    case "block":
    case "can":
    case "ball": {
      const standing = { surfaceM: 2 * halfHeightM, topM: 2 * halfHeightM };
      return { ...flat, ...standing, graspRadiusM: half, innerRadiusM: kind === "ball" ? 0 : 0.85 * half };
    }
    case "bowl":
      return {
        ...flat,
        surfaceM: BOWL_FLOOR_M,
        innerRadiusM: BOWL_RADIUS_M[size] - BOWL_MARGIN_M,
        topM: BOWL_HEIGHT_M,
      };
    case "plate":
      return {
        ...flat,
        surfaceM: PLATE_FLOOR_M,
        innerRadiusM: PLATE_RADIUS_M[size] - PLATE_MARGIN_M,
        topM: PLATE_HEIGHT_M,
      };
    case "square":
      return { ...flat, surfaceM: 0, innerRadiusM: SQUARE_HALF_M[size], topM: 0 };
    case "drawer":
      return { ...flat, surfaceM: 0, innerRadiusM: 0, topM: DRAWER.handleZ + DRAWER.handleHalfZ };
    default:
      return kind satisfies never;
  }
}

/** Half extents along x, y and z of the base frame of a thing as it lies now (a can may have fallen over), metres. */
export function halfExtentsM(object: SceneObject, quaternion: ObjectState["quaternion"]): Vec3 {
  const { halfHeightM, outerRadiusM, graspRadiusM } = shapeOf(object);
  const along = (row: Vec3): number => {
    switch (object.kind) {
      case "block":
        return graspRadiusM * (Math.abs(row[0]) + Math.abs(row[1]) + Math.abs(row[2]));
      case "can":
        return halfHeightM * Math.abs(row[2]) + graspRadiusM * Math.sqrt(Math.max(0, 1 - row[2] * row[2]));
      case "ball":
        return graspRadiusM;
      case "bowl":
      case "plate":
      case "square":
      case "drawer":
        return outerRadiusM;
      default:
        return object.kind satisfies never;
    }
  };
  const [x, y, z] = rowsOf(quaternion);
  const lies = graspRadiusM > 0;
  return [along(x), along(y), lies ? along(z) : halfHeightM];
}

/** Rows of the rotation matrix. */
function rowsOf([w, x, y, z]: ObjectState["quaternion"]): readonly [Vec3, Vec3, Vec3] {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
}
