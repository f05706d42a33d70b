/** How far the actions of a policy in fewer bits are from those of the same policy in float32. */
import type { FamilyObservation, PublishedPolicy } from "./family.ts";

export type ActionError = {
  /** Chunks that were compared. */
  readonly chunks: number;
  /** Root mean square of the difference, in model space (1 is about a standard deviation of the data) and in the robot's units. */
  readonly rmse: number;
  readonly rmseUnits: number;
  /** Length of the difference to that of the reference, model space. */
  readonly relL2: number;
  readonly maxAbs: number;
  /** Root mean square by dimension of the action, model space. */
  readonly perDim: readonly number[];
};

/** Runs both on the same observations and seeds. */
export async function actionError(
  reference: PublishedPolicy,
  other: PublishedPolicy,
  observations: readonly FamilyObservation[],
  seeds: readonly number[],
): Promise<ActionError> {
  const dim = reference.info.action.dim;
  const squares = new Float64Array(dim);
  let [chunks, units, size, maxAbs, values] = [0, 0, 0, 0, 0];
  for (const observation of observations) {
    for (const seed of seeds) {
      const [exact, came] = [
        await reference.predict(observation, { seed }),
        await other.predict(observation, { seed }),
      ];
      chunks++;
      values += exact.normalised.length;
      exact.normalised.forEach((value, i) => {
        const difference = (came.normalised[i] as number) - value;
        squares[i % dim] = (squares[i % dim] as number) + difference ** 2;
        units += ((came.actions[i] as number) - (exact.actions[i] as number)) ** 2;
        size += value ** 2;
        maxAbs = Math.max(maxAbs, Math.abs(difference));
      });
    }
  }
  const total = squares.reduce((sum, square) => sum + square, 0);
  return {
    chunks,
    rmse: Math.sqrt(total / values),
    rmseUnits: Math.sqrt(units / values),
    relL2: Math.sqrt(total / size),
    maxAbs,
    perDim: Array.from(squares, (square) => Math.sqrt(square / (values / dim))),
  };
}
