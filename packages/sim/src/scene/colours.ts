import type { Colour, Vec3 } from "../types.ts";

/** RGB 0..1 of the eight colours, far apart under any light that a scene may have. */
export const COLOUR_RGB: Readonly<Record<Colour, Vec3>> = {
  red: [0.82, 0.1, 0.11],
  green: [0.1, 0.6, 0.2],
  blue: [0.11, 0.27, 0.82],
  yellow: [0.95, 0.85, 0.1],
  orange: [0.97, 0.48, 0.05],
  purple: [0.5, 0.16, 0.65],
  white: [0.96, 0.96, 0.96],
  black: [0.06, 0.06, 0.07],
};
