/** From an observation to the arrays that a LeRobot network reads, checked against what the checkpoint was trained with. */
import { BiddenError, type Image } from "@bidden/runtime";
import type { FamilyObservation } from "../../checkpoint/family.ts";
import { checkImage } from "../../image/float-image.ts";
import { ACTION, type CameraSize, ENVIRONMENT, type LerobotFeatures, STATE } from "./features.ts";
import type { Feature, Normalisations } from "./normalise.ts";

/** The features with what their statistics must have. */
export function normalisedFeatures(features: LerobotFeatures): Feature[] {
  return [
    ...features.cameras.map(({ name }) => ({ name, kind: "VISUAL", size: 3 }) as const),
    ...(features.stateDim > 0 ? [{ name: STATE, kind: "STATE", size: features.stateDim } as const] : []),
    ...(features.environmentDim > 0
      ? [{ name: ENVIRONMENT, kind: "ENV", size: features.environmentDim } as const]
      : []),
    { name: ACTION, kind: "ACTION", size: features.actionDim },
  ];
}

/** One observation, normalised. */
export type Seen = {
  /** float32[3, height, width] by camera, in the network's order. */
  readonly images: readonly Float32Array[];
  readonly state: Float32Array;
  readonly environment: Float32Array;
};

/**
 * @param observation its state is the robot's, followed by the environment's where the policy reads one
 */
export function seeObservation(
  observation: FamilyObservation,
  features: LerobotFeatures,
  normalisations: Normalisations,
): Seen {
  const { cameras, stateDim, environmentDim } = features;
  const expected = stateDim + environmentDim;
  if (observation.state.length !== expected || !observation.state.every(Number.isFinite)) {
    const came = observation.state.length === expected ? "a value that is not finite" : `${observation.state.length}`;
    throw new BiddenError("bad-argument", `The policy reads ${expected} finite numbers of state; came ${came}.`, {
      field: "state",
      expected,
      came,
    });
  }
  const normalise = (name: string, values: Float32Array): Float32Array =>
    normalisations.inputs.get(name)?.normalise(values) ?? values.slice();
  return {
    images: cameras.map((camera) => seeImage(observation.images[camera.name], camera, normalisations)),
    state: normalise(STATE, observation.state.subarray(0, stateDim)),
    environment: normalise(ENVIRONMENT, observation.state.subarray(stateDim)),
  };
}

function seeImage(image: Image | undefined, camera: CameraSize, normalisations: Normalisations): Float32Array {
  const { name, width, height } = camera;
  const expected = `${width}x${height} pixels`;
  const came = image === undefined ? "none" : `${image.width}x${image.height} in ${image.data.length} bytes`;
  if (
    image === undefined ||
    image.width !== width ||
    image.height !== height ||
    image.data.length !== 3 * width * height
  ) {
    throw new BiddenError("bad-argument", `The policy wants an image of ${expected} from "${name}"; came ${came}.`, {
      field: name,
      expected,
      came,
    });
  }
  checkImage(image);
  const out = new Float32Array(3 * width * height);
  normalisations.inputs.get(name)?.image(image, out);
  return out;
}
