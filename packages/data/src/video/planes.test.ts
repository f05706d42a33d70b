import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rgbFromPlanes, rgbPixelwise, rgbWeights } from "./planes.ts";

describe("planes as RGB", () => {
  const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
  const planes = fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) => {
    const chroma = bytes(((width + 1) >> 1) * ((height + 1) >> 1));
    return fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      y: bytes(width * height),
      u: chroma,
      v: chroma,
    });
  });

  it("are the same bytes by vectors and pixel by pixel, whatever the size, the matrix and the range", () => {
    fc.assert(
      fc.property(planes, fc.constantFrom(1, 2, 9), fc.boolean(), (picture, matrix, fullRange) => {
        const { data } = rgbFromPlanes(picture, matrix, fullRange);
        expect(data).toEqual(rgbPixelwise(picture, rgbWeights(matrix, fullRange)).data);
      }),
    );
  });

  it("clamps at both ends", () => {
    const at = (y: number, u: number, v: number): number[] => {
      const picture = {
        width: 17,
        height: 2,
        y: new Uint8Array(34).fill(y),
        u: new Uint8Array(9).fill(u),
        v: new Uint8Array(9).fill(v),
      };
      return [...rgbFromPlanes(picture, 2, false).data.subarray(48, 51)];
    };
    expect(at(255, 128, 128)).toEqual([255, 255, 255]);
    expect(at(0, 128, 128)).toEqual([0, 0, 0]);
    expect(at(128, 255, 255)).toEqual([255, 0, 255]);
  });
});
