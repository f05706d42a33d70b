/** Golden rotations: every representation of a set of rotations, as SciPy and robosuite compute them. */
import { rotations } from "@bidden/data";
import { type GoldenKind, readJson } from "@bidden/models";

const EXACT_ENOUGH = { maxAbs: 1e-9 };
const NEAR_GIMBAL = { maxAbs: 2e-6 };

type Quad = readonly [number, number, number, number];
type Triple = readonly [number, number, number];
type Six = readonly [number, number, number, number, number, number];

export const rotationsKind: GoldenKind = {
  name: "rotations",
  matches: (files) => files.includes("rotations.json"),
  async check(source, check) {
    const facts = await readJson(source, "rotations.json");
    const { matrixFromQuaternion, quaternionFromMatrix, matrixFromEuler, eulerFromMatrix } = rotations;
    const { rotationVectorFromQuaternion, quaternionFromRotationVector, sixFromMatrix, matrixFromSix } = rotations;
    for (const row of facts.objects("rotations")) {
      const name = row.text("name");
      const quaternion = row.numbers("quat_xyzw") as unknown as Quad;
      const matrix = matrixOf(row.raw("matrix"));
      const came = matrixFromQuaternion(quaternion);
      const same = (what: string, values: readonly number[], expected: readonly number[] = matrix): void =>
        check.equal(`${name}: ${what}`, values, expected, EXACT_ENOUGH);
      const vectorOf = (key: string): Triple => row.numbers(key) as unknown as Triple;
      same("matrix", came);
      same("matrix of the quaternion of the matrix", matrixFromQuaternion(quaternionFromMatrix(came)));
      same("six numbers", sixFromMatrix(came), row.numbers("rot6d_first_two_columns"));
      same("matrix of six numbers", matrixFromSix(row.numbers("rot6d_first_two_columns") as unknown as Six));
      same("matrix of Euler angles", matrixFromEuler(vectorOf("euler_scipy_xyz_extrinsic")));
      // Where two axes nearly coincide the angles themselves are known to half of the digits.
      check.equal(
        `${name}: matrix of its own Euler angles`,
        matrixFromEuler(eulerFromMatrix(came)),
        matrix,
        NEAR_GIMBAL,
      );
      const vector = rotationVectorFromQuaternion(quaternion);
      same("matrix of its rotation vector", matrixFromQuaternion(quaternionFromRotationVector(vector)));
      for (const key of ["rotvec_scipy", "axisangle_robosuite"]) {
        // robosuite gives zeros for a w that rounds to 1.
        if (key !== "rotvec_scipy" && vectorOf(key).every((value) => value === 0)) continue;
        same(`matrix of ${key}`, matrixFromQuaternion(quaternionFromRotationVector(vectorOf(key))));
      }
    }
    for (const [i, row] of facts.objects("euler_to_matrix").entries()) {
      const came = matrixFromEuler(row.numbers("euler") as unknown as Triple);
      check.equal(`Euler angles ${i}`, came, matrixOf(row.raw("matrix_scipy_xyz_extrinsic")), EXACT_ENOUGH);
    }
    for (const [i, row] of facts.objects("gram_schmidt_6d").entries()) {
      const came = matrixFromSix(row.numbers("six") as unknown as Six);
      check.equal(`six numbers ${i}`, came, matrixOf(row.raw("matrix_as_columns")), EXACT_ENOUGH);
    }
  },
};

/** Three rows as nine numbers. */
function matrixOf(rows: unknown): number[] {
  return Array.isArray(rows) ? rows.flat().map(Number) : [];
}
