import type { Kind, SceneObject, Size } from "../types.ts";

/** Half the width (block), or the radius (ball, can), metres. */
export const HALF_WIDTH_M: Readonly<Record<Size, number>> = { small: 0.018, large: 0.024 };
/** A can is 1.5 times as high as wide. */
export const CAN_ASPECT = 1.5;
export const BOWL_RADIUS_M: Readonly<Record<Size, number>> = { small: 0.06, large: 0.075 };
export const BOWL_HEIGHT_M = 0.04;
export const PLATE_RADIUS_M: Readonly<Record<Size, number>> = { small: 0.065, large: 0.08 };
export const PLATE_HEIGHT_M = 0.012;
/** Half the side of a painted square. */
export const SQUARE_HALF_M: Readonly<Record<Size, number>> = { small: 0.05, large: 0.065 };

/**
 * The drawer: a low cabinet that stands still, a box that slides out of it along +x, and a handle before the box: a stem
 * that two fingers pinch (they open along y) with a bar across its end behind which even open fingers catch.
 */
export const DRAWER = {
  /** Half the cabinet's outer size. */
  cabinetHalf: [0.06, 0.055, 0.032],
  /** Largest opening. */
  rangeM: 0.12,
  /** Stem: from the front plate out, half width along y, z of its middle, half height. */
  stemLengthM: 0.036,
  stemHalfY: 0.01,
  barHalfX: 0.005,
  barHalfY: 0.046,
  handleZ: 0.036,
  handleHalfZ: 0.018,
  frontHalfX: 0.004,
} as const;

/** From the cabinet's middle to the handle's centre (middle of the stem) when shut, along x. */
export const DRAWER_HANDLE_X_M = DRAWER.cabinetHalf[0] + 2 * DRAWER.frontHalfX + DRAWER.stemLengthM / 2;

/** Height of an object's centre when it stands on the table. */
export function restHeightM(kind: Kind, size: Size): number {
  switch (kind) {
    case "block":
    case "ball":
      return HALF_WIDTH_M[size];
    case "can":
      return HALF_WIDTH_M[size] * CAN_ASPECT;
    case "bowl":
      return BOWL_HEIGHT_M / 2;
    case "plate":
      return PLATE_HEIGHT_M / 2;
    case "square":
      return 0;
    case "drawer":
      return DRAWER.handleZ;
    default:
      return kind satisfies never;
  }
}

/** Radius of the circle around an object's footprint on the table. */
export function footprintRadiusM(kind: Kind, size: Size): number {
  switch (kind) {
    case "block":
      return HALF_WIDTH_M[size] * Math.SQRT2;
    case "ball":
    case "can":
      return HALF_WIDTH_M[size];
    case "bowl":
      return BOWL_RADIUS_M[size];
    case "plate":
      return PLATE_RADIUS_M[size];
    case "square":
      return SQUARE_HALF_M[size] * Math.SQRT2;
    case "drawer":
      return DRAWER.cabinetHalf[0] * Math.SQRT2;
    default:
      return kind satisfies never;
  }
}

/** Largest half width across (what the fingers must span along y at most 25 degrees of yaw). */
export function halfWidthM(object: Pick<SceneObject, "size">): number {
  return HALF_WIDTH_M[object.size];
}
