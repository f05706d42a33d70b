import type { CameraView } from "@bidden/runtime";
import { describe, expect, it } from "vitest";
import { DEFAULT_CALIBRATION } from "./belief.ts";
import { DoubtMean, GLANCE_COUNT, glanceOf } from "./glance.ts";

const [WIDTH, HEIGHT] = [40, 30];

/** A camera that looks down and aside. */
const view: CameraView = {
  image: {
    width: WIDTH,
    height: HEIGHT,
    data: Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 31) % 251),
  },
  fovY: 0.8,
  baseFromCamera: Float64Array.of(0.8, 0.48, 0.36, 0.5, -0.6, 0.64, 0.48, 0.1, 0, -0.6, 0.8, 0.6),
};

/** Direction in which a pixel looks, base frame, normalised; column and row may lie between pixels. */
function rayOf({ fovY, baseFromCamera: m }: CameraView, column: number, row: number): number[] {
  const unit = (2 * Math.tan(fovY / 2)) / HEIGHT;
  const [u, v] = [(column - WIDTH / 2) * unit, (HEIGHT / 2 - row) * unit];
  const at = [0, 4, 8].map((i) => (m[i] as number) * u + (m[i + 1] as number) * v - (m[i + 2] as number));
  const length = Math.hypot(...at);
  return at.map((x) => x / length);
}

describe("a glance", () => {
  it("begins straight ahead", () => {
    expect(glanceOf(view, 0)).toBe(view);
    expect(glanceOf(view, GLANCE_COUNT)).toBe(view);
  });

  it.each([1, 2, 3])("moves the picture and turns the camera alike (%i)", (number) => {
    const turned = glanceOf(view, number);
    const pixel = ({ image }: CameraView, x: number, y: number): Uint8Array => {
      const at = (y * WIDTH + x) * 3;
      return image.data.slice(at, at + 3) as Uint8Array;
    };
    const [right, down] = [-2, -1, 0, 1, 2]
      .flatMap((dx) => [-2, -1, 0, 1, 2].map((dy) => [dx, dy] as const))
      .find(([dx, dy]) => pixel(turned, 20 + dx, 15 + dy).join() === pixel(view, 20, 15).join()) as [number, number];
    expect(Math.abs(right) + Math.abs(down)).toBeGreaterThan(0);
    for (const [column, row] of [
      [20, 15],
      [12, 9],
      [30, 22],
    ] as const) {
      expect(pixel(turned, column + right, row + down)).toEqual(pixel(view, column, row));
      const [before, after] = [rayOf(view, column, row), rayOf(turned, column + right, row + down)];
      const apart = Math.acos(before.reduce((sum, x, i) => sum + x * (after[i] as number), 0));
      // A pixel is 0.03 rad wide, and turning shifts what lies aside a little less than what is ahead.
      expect(apart).toBeLessThan(0.009);
    }
    const m = turned.baseFromCamera;
    expect(Math.hypot(m[0] as number, m[4] as number, m[8] as number)).toBeCloseTo(1, 9);
    expect([m[3], m[7], m[11]]).toEqual([0.5, 0.1, 0.6]);
  });
});

describe("the mean of doubts", () => {
  const doubts = (missing: number) => ({ ...DEFAULT_CALIBRATION, missing });

  it("is that of the odds, and begins anew", () => {
    const mean = new DoubtMean();
    expect(mean.add(doubts(0.8), true).missing).toBeCloseTo(0.8, 3);
    expect(mean.add(doubts(0.2), false).missing).toBeCloseTo(0.5, 3);
    expect(mean.add(doubts(0.1), true).missing).toBeCloseTo(0.1, 3);
  });

  it("forgets what is long ago", () => {
    const mean = new DoubtMean();
    for (let i = 0; i < 4; i++) mean.add(doubts(0.9), i === 0);
    let now = 1;
    for (let i = 0; i < 16; i++) now = mean.add(doubts(0.1), false).missing;
    expect(now).toBeLessThan(0.12);
  });
});
