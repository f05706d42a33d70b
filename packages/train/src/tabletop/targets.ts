/** What a row of a batch should learn, from a frame's labels. Pure functions over plain arrays; tested by hand-made frames. */
import { MAX_OBJECTS } from "../collect/columns.ts";

/** Fewer pixels than this in all cameras together: the thing counts as hidden, and nothing is taught about where it is. */
const MIN_VISIBLE_PIXELS = 4;
/** From this many pixels on a camera counts fully. */
const CLEAR_PIXELS = 30;

/**
 * Where a channel should point: a distribution over patches and, last, "nowhere", written into `out` (length patches + 1).
 * Things share the mass equally, and cameras in proportion to how well they see the thing.
 *
 * @param cover uint8[patches, MAX_OBJECTS], pixels of each object in each patch
 * @param cameraPatches number of patches of each camera, in their order
 * @returns the weight of this lesson: 0 where a thing is hidden from all cameras
 */
export function pointTarget(
  cover: Uint8Array,
  cameraPatches: readonly number[],
  things: readonly number[],
  out: Float32Array,
): number {
  out.fill(0);
  if (things.length === 0) {
    out[out.length - 1] = 1;
    return 1;
  }
  for (const thing of things) {
    const seen = pixelsByCamera(cover, cameraPatches, thing);
    if (seen.reduce((a, b) => a + b, 0) < MIN_VISIBLE_PIXELS) return 0;
    const shares = seen.map((pixels) => Math.min(pixels, CLEAR_PIXELS) / CLEAR_PIXELS);
    const total = shares.reduce((a, b) => a + b, 0);
    let patch = 0;
    cameraPatches.forEach((count, camera) => {
      const pixels = seen[camera] as number;
      const share = pixels === 0 ? 0 : (shares[camera] as number) / total / pixels / things.length;
      for (let end = patch + count; patch < end; patch++) {
        out[patch] = (out[patch] as number) + share * (cover[patch * MAX_OBJECTS + thing] as number);
      }
    });
  }
  return 1;
}

function pixelsByCamera(cover: Uint8Array, cameraPatches: readonly number[], thing: number): number[] {
  let patch = 0;
  return cameraPatches.map((count) => {
    let pixels = 0;
    for (let end = patch + count; patch < end; patch++) pixels += cover[patch * MAX_OBJECTS + thing] as number;
    return pixels;
  });
}

export type ChunkFrames = {
  /** float32[n, 7]: the expert's actions from this frame on, raw units. */
  readonly actions: Float32Array;
  /** Whether what follows each of these frames was disturbed. */
  readonly disturbed: readonly boolean[];
  /** Number of frames that exist, 1..horizon. */
  readonly count: number;
};

/** How much later steps of a chunk count, relative to the one before. */
const STEP_DECAY = 0.85;

/**
 * Normalised chunk and the weight of each of its steps. After a disturbance the recorded future is not what follows from
 * this frame, so those steps weigh nothing; past the end of the episode the last (still) action goes on.
 */
export function chunkTarget(
  frames: ChunkFrames,
  actionScale: readonly number[],
  horizon: number,
  out: { readonly actions: Float32Array; readonly weights: Float32Array },
): void {
  const dim = actionScale.length;
  let weight = 1;
  for (let step = 0; step < horizon; step++) {
    const from = Math.min(step, frames.count - 1);
    for (let d = 0; d < dim; d++) {
      const value = frames.actions[from * dim + d] as number;
      out.actions[step * dim + d] = d === dim - 1 ? 2 * value - 1 : value / (actionScale[d] as number);
    }
    out.weights[step] = weight;
    weight *= STEP_DECAY;
    if (frames.disturbed[from] === true) weight = 0;
  }
}

export type AttributeNames = readonly { readonly name: string; readonly values: readonly string[] }[];

/** From this many pixels on a patch surely shows a thing, and counts fully. */
const SURE_PIXELS = 16;

export type SeenTargets = {
  /** float32[patches, all values side by side], zero before. */
  readonly values: Float32Array;
  /** float32[patches]: how much what is shown counts. */
  readonly weight: Float32Array;
  /** float32[patches], 0..1. */
  readonly present: Float32Array;
  /** float32[patches, 3], metres: centre of the thing that takes most of the patch. */
  readonly centre: Float32Array;
  /** float32[patches] */
  readonly centreWeight: Float32Array;
};

/**
 * What every patch shows: whether there is a thing, its attributes (of several things in proportion to their pixels), and the
 * centre of the one that takes most of the patch.
 *
 * @param cover uint8[patches, MAX_OBJECTS], pixels of each object in each patch
 * @param centres float32[MAX_OBJECTS, 3], metres, base frame
 */
export function seenTarget(
  cover: Uint8Array,
  centres: Float32Array,
  things: readonly Readonly<Record<string, string>>[],
  attributes: AttributeNames,
  out: SeenTargets,
): void {
  const width = attributes.reduce((sum, { values }) => sum + values.length, 0);
  const places = things.map((thing) => placesOf(thing, attributes));
  for (let patch = 0; patch < out.weight.length; patch++) {
    const pixels = cover.subarray(patch * MAX_OBJECTS, patch * MAX_OBJECTS + things.length);
    const total = pixels.reduce((sum, count) => sum + count, 0);
    if (total === 0) continue;
    pixels.forEach((count, thing) => {
      for (const place of places[thing] as readonly number[]) {
        const at = patch * width + place;
        out.values[at] = (out.values[at] as number) + count / total;
      }
    });
    const most = pixels.indexOf(Math.max(...pixels));
    const sure = Math.min(1, total / SURE_PIXELS);
    out.weight[patch] = sure;
    out.present[patch] = sure;
    out.centre.set(centres.subarray(most * 3, most * 3 + 3), patch * 3);
    out.centreWeight[patch] = Math.min(1, (pixels[most] as number) / SURE_PIXELS);
  }
}

/** Index of each attribute's value, where the attributes lie side by side. */
function placesOf(thing: Readonly<Record<string, string>>, attributes: AttributeNames): number[] {
  let start = 0;
  return attributes.map(({ name, values }) => {
    const at = start + values.indexOf(thing[name] ?? "");
    start += values.length;
    return at;
  });
}
