import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  matrixFromQuat,
  quatConjugate,
  quatFromRotationVector,
  quatMultiply,
  quatNormalize,
  quatRotate,
  rotationVectorFromQuat,
} from "./rotation.ts";

const component = fc.double({ min: -1, max: 1, noNaN: true });
const vector = fc.tuple(component, component, component);
const unit = fc
  .tuple(component, component, component, component)
  .filter((q) => Math.hypot(...q) > 0.1)
  .map((q) => {
    const unit = Float64Array.from(q);
    quatNormalize(unit);
    return unit;
  });

test("rotation vector and quaternion are inverse below a half turn", () => {
  fc.assert(
    fc.property(vector, ([x, y, z]) => {
      const quat = new Float64Array(4);
      const back = new Float64Array(3);
      quatFromRotationVector(x, y, z, quat);
      rotationVectorFromQuat(quat, back);
      expect(back[0]).toBeCloseTo(x, 12);
      expect(back[1]).toBeCloseTo(y, 12);
      expect(back[2]).toBeCloseTo(z, 12);
    }),
  );
});

test("a quarter turn about z takes x to y", () => {
  const quat = new Float64Array(4);
  const out = new Float64Array(3);
  quatFromRotationVector(0, 0, Math.PI / 2, quat);
  quatRotate(quat, [1, 0, 0], out);
  expect([...out].map((x) => Math.round(x * 1e12) / 1e12)).toEqual([0, 1, 0]);
});

test("the log takes the shorter way round", () => {
  const quat = new Float64Array(4);
  const back = new Float64Array(3);
  quatFromRotationVector(0, 0, 4, quat);
  rotationVectorFromQuat(quat, back);
  expect(back[2]).toBeCloseTo(4 - 2 * Math.PI, 12);
});

test("products of rotations rotate one after the other, the conjugate undoes, the matrix agrees", () => {
  fc.assert(
    fc.property(unit, unit, vector, (a, b, v) => {
      const [ab, once, twice, matrix] = [4, 3, 3, 9].map((n) => new Float64Array(n)) as [
        Float64Array,
        Float64Array,
        Float64Array,
        Float64Array,
      ];
      quatMultiply(a, b, ab);
      quatRotate(b, v, once);
      quatRotate(a, once, once);
      quatRotate(ab, v, twice);
      matrixFromQuat(ab, matrix);
      for (let r = 0; r < 3; r++) {
        expect(once[r]).toBeCloseTo(twice[r]!, 12);
        const byMatrix = matrix[3 * r]! * v[0] + matrix[3 * r + 1]! * v[1] + matrix[3 * r + 2]! * v[2];
        expect(byMatrix).toBeCloseTo(twice[r]!, 12);
      }
      quatConjugate(ab, ab);
      quatRotate(ab, twice, twice);
      for (let r = 0; r < 3; r++) expect(twice[r]).toBeCloseTo(v[r]!, 12);
    }),
  );
});
