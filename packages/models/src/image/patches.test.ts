import { describe, expect, it } from "vitest";
import { PLANE_Z_M, projectPatches, windowBytes, windowCount, windowCutter } from "./patches.ts";

const grid = { width: 16, height: 8, stride: 8, window: 8 };

function ramp(): Uint8Array {
  return Uint8Array.from({ length: 16 * 8 * 3 }, (_, i) => Math.floor(i / 3));
}

describe("patches", () => {
  it("cuts four overlapping windows a patch and repeats the border", () => {
    const bytes = windowBytes(grid);
    const out = new Uint8Array(windowCount(grid) * bytes);
    expect(out.length).toBe(2 * 4 * bytes);
    windowCutter(grid)({ width: 16, height: 8, data: ramp() }, out, 0);
    // Pixel (2, 2) inside the first window is the image's (0, 0); (0, 0) lies outside and repeats it.
    expect(out[(2 * 8 + 2) * 3]).toBe(0);
    expect(out[0]).toBe(0);
    // The second window starts two pixels left of column 4 and ends two pixels right of column 7.
    expect(out[bytes + 2 * 8 * 3]).toBe(2);
    expect(out[bytes + (2 * 8 + 7) * 3]).toBe(9);
    // The first of the second row starts two pixels above row 4.
    expect(out[4 * bytes + 2 * 3]).toBe(2 * 16);
  });

  it.each([4, 6, 8, 12])("cuts windows of %i pixels, byte by byte where they should be", (window) => {
    const sized = { ...grid, window };
    const bytes = windowBytes(sized);
    const out = new Uint8Array(windowCount(sized) * bytes);
    const data = Uint8Array.from({ length: 16 * 8 * 3 }, (_, i) => (i * 37) % 251);
    windowCutter(sized)({ width: 16, height: 8, data }, out, 0);
    const margin = (window - 4) / 2;
    const inside = (x: number, size: number): number => Math.min(size - 1, Math.max(0, x));
    out.forEach((byte, i) => {
      const [at, inWindow] = [Math.floor(i / bytes), i % bytes];
      const pixel = Math.floor(inWindow / 3);
      const y = inside(Math.floor(at / 4) * 4 - margin + Math.floor(pixel / window), 8);
      const x = inside((at % 4) * 4 - margin + (pixel % window), 16);
      expect(byte).toBe(data[(y * 16 + x) * 3 + (inWindow % 3)]);
    });
  });

  it("refuses an image of another size and a stride that does not fit", () => {
    const out = new Uint8Array(windowCount(grid) * windowBytes(grid));
    expect(() => windowCutter(grid)({ width: 8, height: 8, data: ramp() }, out, 0)).toThrow(/16x8/);
    expect(() => windowCutter({ ...grid, width: 15 })).toThrow(/stride/);
  });

  it("projects the centre of a camera that looks straight down on to the point below it", () => {
    // Camera axes: x right = base x, y up = base y, z backwards = base z (looks down along -z).
    const baseFromCamera = Float64Array.from([1, 0, 0, 0.5, 0, 1, 0, -0.1, 0, 0, 1, 0.52]);
    const out = new Float32Array(9 * 3);
    const square = { width: 24, height: 24, stride: 8, window: 8 };
    const image = { width: 24, height: 24, data: new Uint8Array(24 * 24 * 3) };
    projectPatches({ image, fovY: Math.PI / 2, baseFromCamera }, square, out, 0);
    expect(out[4 * 3]).toBeCloseTo(0.5, 6);
    expect(out[4 * 3 + 1]).toBeCloseTo(-0.1, 6);
    expect(out[4 * 3 + 2]).toBeCloseTo(0.52 - PLANE_Z_M, 6);
    // The patch to the right is a third of the half-width (tan 45 degrees = 1) times two away.
    expect(out[5 * 3]).toBeCloseTo(0.5 + (2 / 3) * 0.5, 5);
  });
});
