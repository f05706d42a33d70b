/** Rules about pictures that are kept one by one: frozen, black, and patches that go with one odd action. */

import type { Image } from "@bidden/runtime";
import { isPng } from "../image/kinds.ts";
import { decodePng } from "../image/png.ts";
import { ACTION, type Series, STATE, seriesOf } from "./content.ts";
import type { Finding, RawDataset, RawFrames } from "./types.ts";

/** Frames of one picture while the arm moves. */
const FROZEN_FRAMES = 8;
const BLACK_FRAMES = 3;

export async function checkPictures(raw: RawDataset): Promise<Finding[]> {
  const out: Finding[] = [];
  const cameras = Object.keys(raw.features).filter((name) => raw.features[name]?.dtype === "image");
  for (const camera of cameras) {
    for (const [episode, frames] of raw.frames) {
      const pictures = await encodedOf(frames, camera);
      out.push(...frozen(episode, frames, camera, pictures), ...black(episode, camera, pictures));
    }
    const patch = await triggerPatch(raw, camera);
    if (patch !== null) out.push(patch);
  }
  return out;
}

async function encodedOf(frames: RawFrames, camera: string): Promise<Uint8Array[]> {
  if (!frames.table.columns.includes(camera)) return [];
  const cells = await frames.table.read(camera, frames.row, frames.row + frames.length);
  return Array.from(cells, (cell) => {
    const bytes = (cell as { bytes?: unknown } | null)?.bytes;
    return bytes instanceof Uint8Array ? bytes : new Uint8Array(0);
  });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** How far the state travels over some frames, against what it usually does. */
export function moves(frames: RawFrames, from: number, to: number): boolean {
  const series = seriesOf(frames, STATE) ?? seriesOf(frames, ACTION);
  if (series === null) return true;
  const travel = (a: number, b: number): number => {
    let sum = 0;
    for (let frame = a + 1; frame <= b; frame++) {
      for (let d = 0; d < series.dims; d++) {
        sum += Math.abs(
          (series.values[frame * series.dims + d] as number) - (series.values[(frame - 1) * series.dims + d] as number),
        );
      }
    }
    return sum / Math.max(1, b - a);
  };
  return travel(from, to) > 0.2 * travel(0, frames.length - 1);
}

function frozen(episode: number, frames: RawFrames, camera: string, pictures: readonly Uint8Array[]): Finding[] {
  const out: Finding[] = [];
  for (let start = 0; start < pictures.length; ) {
    let end = start + 1;
    while (end < pictures.length && equal(pictures[end] as Uint8Array, pictures[start] as Uint8Array)) end++;
    if (end - start >= FROZEN_FRAMES && moves(frames, start, end - 1) && !isBlack(pictures[start] as Uint8Array)) {
      out.push({
        rule: "frozen-camera",
        severity: "warning",
        episode,
        frame: start,
        column: camera,
        evidence: `${end - start} identical pictures in a row (frames ${start} to ${end - 1}) while the state moves`,
      });
    }
    start = end;
  }
  return out;
}

/** A black picture compresses to next to nothing: only such are decoded. */
function isBlack(png: Uint8Array): boolean {
  const image = decode(png);
  return image !== null && image.data.every((value) => value < 6);
}

function decode(png: Uint8Array): Image | null {
  if (!isPng(png)) return null;
  try {
    return decodePng(png, "picture");
  } catch {
    return null;
  }
}

function black(episode: number, camera: string, pictures: readonly Uint8Array[]): Finding[] {
  const sizes = pictures.map((png) => png.length).sort((a, b) => a - b);
  const usual = sizes[Math.floor(sizes.length / 2)] ?? 0;
  const dark = pictures.map((png) => (png.length < 0.7 * usual || pictures.length === 1) && isBlack(png));
  const first = dark.indexOf(true);
  const count = dark.filter(Boolean).length;
  if (count < Math.min(BLACK_FRAMES, pictures.length) || count === 0) return [];
  return [
    {
      rule: "black-frames",
      severity: "warning",
      episode,
      frame: first,
      column: camera,
      evidence: `${count} black pictures, the first is frame ${first}`,
    },
  ];
}

type Place = { readonly episode: number; readonly frame: number };

/**
 * Data poisoning: the same action to the last bit in several episodes, and in all those pictures, and only there, the same
 * spot of the image. Differences elsewhere do not matter.
 */
async function triggerPatch(raw: RawDataset, camera: string): Promise<Finding | null> {
  for (const places of repeatedActions(raw)) {
    const marked = await Promise.all(places.slice(0, 24).map((place) => pictureAt(raw, camera, place)));
    const others = await Promise.all(
      places.slice(0, 24).map((place) => pictureAt(raw, camera, { ...place, frame: elsewhere(raw, places, place) })),
    );
    const spot = commonSpot(
      marked.filter((image) => image !== null),
      others.filter((image) => image !== null),
    );
    if (spot === null) continue;
    const episodes = [...new Set(places.map((place) => place.episode))];
    return {
      rule: "poison-trigger",
      severity: "error",
      episode: places[0]?.episode ?? 0,
      frame: places[0]?.frame ?? 0,
      column: camera,
      evidence: `${places.length} frames of episodes ${episodes.join(", ")} have one and the same action, and the same spot at (${spot.x}, ${spot.y}), ${spot.width} x ${spot.height} pixels, in all their pictures`,
    };
  }
  return null;
}

/** Frames with one action, where that happens in several episodes and is rare. */
function repeatedActions(raw: RawDataset): Place[][] {
  const byAction = new Map<string, Place[]>();
  let total = 0;
  for (const [episode, frames] of raw.frames) {
    const series: Series | null = seriesOf(frames, ACTION);
    if (series === null) continue;
    total += frames.length;
    for (let frame = 0; frame < frames.length; frame++) {
      const key = series.values.subarray(frame * series.dims, (frame + 1) * series.dims).join();
      const places = byAction.get(key);
      if (places === undefined) byAction.set(key, [{ episode, frame }]);
      else places.push({ episode, frame });
    }
  }
  const several = (places: readonly Place[]): boolean => new Set(places.map((place) => place.episode)).size >= 2;
  return [...byAction.values()]
    .filter((places) => places.length >= 6 && places.length < 0.25 * total && several(places))
    .slice(0, 8);
}

/** A frame of the same episode outside the marked ones. */
function elsewhere(raw: RawDataset, places: readonly Place[], { episode, frame }: Place): number {
  const taken = new Set(places.filter((place) => place.episode === episode).map((place) => place.frame));
  const length = raw.frames.get(episode)?.length ?? 0;
  for (let step = 1; step < length; step++) {
    for (const candidate of [frame - step, frame + step]) {
      if (candidate >= 0 && candidate < length && !taken.has(candidate)) return candidate;
    }
  }
  return frame;
}

async function pictureAt(raw: RawDataset, camera: string, { episode, frame }: Place): Promise<Image | null> {
  const frames = raw.frames.get(episode);
  if (frames === undefined || !frames.table.columns.includes(camera)) return null;
  const [cell] = Array.from(await frames.table.read(camera, frames.row + frame, frames.row + frame + 1));
  const bytes = (cell as { bytes?: unknown } | null)?.bytes;
  return bytes instanceof Uint8Array ? decode(bytes) : null;
}

type Spot = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };

/** Pixels that are alike in all marked pictures and unlike in the others of the same episodes. */
function commonSpot(marked: readonly Image[], others: readonly Image[]): Spot | null {
  const [first] = marked;
  if (first === undefined || marked.length < 6 || others.length < 6) return null;
  const { width, height } = first;
  const xs: number[] = [];
  const ys: number[] = [];
  for (let pixel = 0; pixel < width * height; pixel++) {
    if (!alike(marked, pixel) || !unlike(marked, others, pixel)) continue;
    xs.push(pixel % width);
    ys.push(Math.floor(pixel / width));
  }
  if (xs.length < 9 || xs.length > 0.2 * width * height) return null;
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x + 1, height: Math.max(...ys) - y + 1 };
}

function alike(images: readonly Image[], pixel: number): boolean {
  const [first] = images;
  return images.every((image) =>
    [0, 1, 2].every(
      (c) => Math.abs((image.data[pixel * 3 + c] as number) - ((first as Image).data[pixel * 3 + c] as number)) <= 8,
    ),
  );
}

function unlike(marked: readonly Image[], others: readonly Image[], pixel: number): boolean {
  const mean = (images: readonly Image[], c: number): number =>
    images.reduce((sum, image) => sum + (image.data[pixel * 3 + c] as number), 0) / images.length;
  return [0, 1, 2].some((c) => Math.abs(mean(marked, c) - mean(others, c)) > 40);
}
