import { expect, test } from "vitest";
import { projectPoint } from "./project.ts";

/** One metre above the origin, looking straight down: x of the base frame to the right, y up in the picture. */
const view = {
  image: { width: 200, height: 100, data: new Uint8Array(60_000) },
  fovY: 2 * Math.atan(0.5),
  baseFromCamera: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1),
};

test.each([
  [
    [0, 0, 0],
    [0.5, 0.5],
  ],
  [
    [1, 0, 0],
    [1, 0.5],
  ],
  [
    [0, 0.5, 0],
    [0.5, 0],
  ],
  [
    [-0.25, -0.25, 0.5],
    [0.25, 1],
  ],
] as const)("%j is seen at %j", (at, expected) => {
  const seen = projectPoint(at, view);
  expect(seen?.[0]).toBeCloseTo(expected[0], 9);
  expect(seen?.[1]).toBeCloseTo(expected[1], 9);
});

test("what is outside the picture or behind the camera is not seen", () => {
  expect(projectPoint([1.1, 0, 0], view)).toBeNull();
  expect(projectPoint([0, 0, 1.5], view)).toBeNull();
});
