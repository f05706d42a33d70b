/** What a LeRobot policy sees and does: `input_features` and `output_features` of its `config.json`. */
import type { Fields } from "../../checkpoint/json.ts";

/** Pixels of one camera. */
export type CameraSize = { readonly name: string; readonly height: number; readonly width: number };

export type LerobotFeatures = {
  /** In the order of `input_features`, which is the order in which the network reads them. */
  readonly cameras: readonly CameraSize[];
  /** 0 where the policy does not see one. */
  readonly stateDim: number;
  readonly environmentDim: number;
  readonly actionDim: number;
};

export const STATE = "observation.state";
export const ENVIRONMENT = "observation.environment_state";
export const ACTION = "action";

export function lerobotFeatures(fields: Fields): LerobotFeatures {
  const inputs = fields.object("input_features");
  const cameras: CameraSize[] = [];
  const dims = { STATE: 0, ENV: 0 };
  for (const name of inputs.keys()) {
    const feature = inputs.object(name);
    const type = feature.text("type");
    if (type === "VISUAL") {
      const [, height, width] = dimsOf(feature, 3) as readonly [number, number, number];
      if (height * width > MOST_PIXELS) throw feature.bad("shape", `at most ${MOST_PIXELS} pixels`);
      cameras.push({ name, height, width });
    } else if (type === "STATE" || type === "ENV") {
      dims[type] = dimsOf(feature, 1)[0] as number;
    } else {
      throw feature.bad("type", "VISUAL, STATE or ENV");
    }
  }
  const actionDim = dimsOf(fields.object("output_features").object(ACTION), 1)[0] as number;
  return { cameras, stateDim: dims.STATE, environmentDim: dims.ENV, actionDim };
}

/** A whole number from 1 to `most`: a size that nobody has used yet is refused before anything is allocated for it. */
export function sizeField(fields: Fields, name: string, most: number, fallback?: number): number {
  const value = fields.whole(name, fallback, 1);
  if (value <= most) return value;
  throw fields.bad(name, `at most ${most}`);
}

/** Widths and lengths, and layers and repetitions, beyond any that was ever trained. */
export const MOST_WIDE = 65_536;
export const MOST_LAYERS = 1024;
/** Pixels of an image. */
const MOST_PIXELS = 2 ** 24;

function dimsOf(feature: Fields, rank: number): readonly number[] {
  const shape = feature.numbers("shape");
  const valid = shape.length === rank && shape.every((dim) => Number.isSafeInteger(dim) && dim >= 1 && dim <= 65_536);
  if (!valid) throw feature.bad("shape", `${rank} whole numbers from 1 to 65536`);
  return shape;
}
