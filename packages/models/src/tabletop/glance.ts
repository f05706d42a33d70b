/**
 * Several glances before anything moves. Whether a picture shows what is asked for turns on a few pixels and on how they fall on
 * the grid of patches, so that the first looks at a scene turn the eye a little each time, and their doubts are averaged.
 */
import type { CameraView } from "@bidden/runtime";
import type { Calibration } from "./belief.ts";

/** Pixels by which the picture moves right and down, look by look; the first is straight. */
const GLANCES: readonly (readonly [right: number, down: number])[] = [
  [0, 0],
  [2, 1],
  [-1, 2],
  [1, -2],
];
export const GLANCE_COUNT = GLANCES.length;

/** What a camera sees at the glance of a number, counted on and on; what comes in at the border repeats it. */
export function glanceOf(view: CameraView, number: number): CameraView {
  const [right, down] = GLANCES[number % GLANCES.length] as (typeof GLANCES)[number];
  if (right === 0 && down === 0) return view;
  const { width, height, data } = view.image;
  const moved = new Uint8Array(data.length);
  const inside = (at: number, length: number): number => Math.min(length - 1, Math.max(0, at));
  for (let y = 0; y < height; y++) {
    const line = inside(y - down, height) * width;
    for (let x = 0; x < width; x++) {
      const from = (line + inside(x - right, width)) * 3;
      const to = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) moved[to + channel] = data[from + channel] as number;
    }
  }
  const radiansAPixel = (2 * Math.tan(view.fovY / 2)) / height;
  return {
    ...view,
    image: { width, height, data: moved },
    baseFromCamera: turned(view.baseFromCamera, right * radiansAPixel, down * radiansAPixel),
  };
}

/** A pose (row-major, 3 x 4 or 4 x 4) turned left about the camera's y axis, then up about its x axis, by small angles, radians. */
function turned(pose: Float64Array, leftRad: number, upRad: number): Float64Array {
  const [cosLeft, sinLeft] = [Math.cos(leftRad), Math.sin(leftRad)];
  const [cosUp, sinUp] = [Math.cos(upRad), Math.sin(upRad)];
  const out = Float64Array.from(pose);
  for (let row = 0; row < 3; row++) {
    const [x, y, z] = [0, 1, 2].map((i) => pose[row * 4 + i]) as [number, number, number];
    const ahead = x * sinLeft + z * cosLeft;
    out[row * 4] = x * cosLeft - z * sinLeft;
    out[row * 4 + 1] = y * cosUp + ahead * sinUp;
    out[row * 4 + 2] = ahead * cosUp - y * sinUp;
  }
  return out;
}

/** Keeps logarithms of odds finite. */
const SURE = 1e-4;

/** The mean of doubts over the looks of a few glances, as log odds. */
export class DoubtMean {
  #looks = 0;
  #sums: Record<string, number> = {};

  /** @param first whether a new scene or instruction begins with this look */
  add(doubts: Calibration, first: boolean): Calibration {
    if (first) [this.#looks, this.#sums] = [0, {}];
    // From the last glance on the oldest looks fade.
    const keep = this.#looks < GLANCES.length ? 1 : 1 - 1 / GLANCES.length;
    this.#looks = this.#looks * keep + 1;
    const means = Object.entries(doubts).map(([name, doubt]) => {
      const odds = Math.log((doubt + SURE) / (1 - doubt + SURE));
      const sum = (this.#sums[name] ?? 0) * keep + odds;
      this.#sums[name] = sum;
      return [name, 1 / (1 + Math.exp(-sum / this.#looks))];
    });
    return Object.fromEntries(means) as Calibration;
  }
}
