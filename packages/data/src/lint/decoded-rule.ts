/**
 * Rules that need the pictures of videos. Only a sample of them is decoded: those around keyframes.
 *
 * Encoders at fast presets can leave older content in the frames between keyframes (data.md: SVT-AV1 4.1.0 at LeRobot's default preset
 * did so in half of the frames). What was in front of the camera cannot be known afterwards, but a camera does not know where an
 * encoder puts keyframes: over many of them as much must change from a keyframe to the next frame as from the frame before to the keyframe.
 */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { VideoTrack } from "../media/mp4.ts";
import type { VideoCodecs } from "../video/picture-decoder.ts";
import type { Planes } from "../video/planes.ts";
import { VideoFile } from "../video/video-file.ts";
import type { Finding, RawDataset, RawEpisode } from "./types.ts";

/** Keyframes that are looked at in a file, in stretches of so many. */
const KEYS_PER_FILE = 24;
const KEYS_PER_STRETCH = 12;
/** Files of a camera that are looked at: so many, and a share of what there is, evenly spread. */
const FILES = 1;
const FILES_SHARE = 1 / 4;
/** Pixels a side. */
const BLOCK = 8;
/** Of 255, on average over a block: far more than quantising moves. */
const CHANGED = 24;
/** Keyframes at which one side changes more, before anything is said; and how many of them must be the keyframe's. */
const LEAST = 14;
const SHARE = 6 / 7;
/** How much more must change into keyframes than after them. */
const TIMES = 3;

type Place = { readonly episode: number; readonly frame: number };

export async function checkDecoded(raw: RawDataset, codecs: VideoCodecs): Promise<Finding[]> {
  const out: Finding[] = [];
  for (const camera of raw.cameras) {
    const paths = new Set(raw.episodes.flatMap((episode) => episode.videos[camera]?.path ?? []));
    const files = [...paths].flatMap((path) => {
      const track = raw.videos.get(path);
      return typeof track === "object" && between(track).length > 0 ? [{ path, track }] : [];
    });
    const looked = Math.min(files.length, Math.floor(FILES + files.length * FILES_SHARE));
    const faults: { readonly path: string; readonly tally: Tally }[] = [];
    for (let i = 0; i < looked; i++) {
      const { path, track } = files[Math.floor((i * files.length) / looked)] as (typeof files)[number];
      const tally = await lookAt(raw, path, track, codecs, (error) => out.push(undecodable(raw, camera, path, error)));
      if (tally !== null && isLost(tally)) faults.push({ path, tally });
    }
    if (faults.length > 0) out.push(lost(raw, camera, faults, looked));
  }
  return out;
}

/** Keyframes with a frame before and a frame after them that are none. */
function between({ keyframes, frames }: VideoTrack): number[] {
  const keys = new Set(keyframes ?? []);
  return (keyframes ?? []).filter((key) => key > 0 && key + 1 < frames && !keys.has(key - 1) && !keys.has(key + 1));
}

type Tally = {
  /** Keyframes into which more changed than after them, and the other way round. */
  into: number;
  after: number;
  /** Blocks that changed, in all. */
  blocksInto: number;
  blocksAfter: number;
  first: { readonly key: number; readonly blocks: number } | null;
};

async function lookAt(
  raw: RawDataset,
  path: string,
  track: VideoTrack,
  codecs: VideoCodecs,
  report: (error: BiddenError) => void,
): Promise<Tally | null> {
  const keys = sampled(between(track));
  const tally: Tally = { into: 0, after: 0, blocksInto: 0, blocksAfter: 0, first: null };
  try {
    const video = await VideoFile.open(await raw.store.open(path), path, codecs);
    try {
      // An edit list may hide frames: then frames and pictures are counted differently.
      if (video.frames !== track.frames) return null;
      for (const key of keys) {
        const [before, at, next] = [await video.planes(key - 1), await video.planes(key), await video.planes(key + 1)];
        add(tally, key, changedBlocks(before, at), changedBlocks(at, next));
        // The other way round too often, whatever the rest shows.
        if (tally.after > (1 - SHARE) * keys.length) break;
      }
    } finally {
      await video.close();
    }
  } catch (error) {
    if (!(error instanceof BiddenError)) throw error;
    if (error.code === "unsupported") return null;
    report(error);
    return null;
  }
  return tally;
}

/** Keyframes one after the other are decoded without going back; a few such stretches, spread over the file. */
function sampled(keys: readonly number[]): readonly number[] {
  if (keys.length <= KEYS_PER_FILE) return keys;
  const stretches = KEYS_PER_FILE / KEYS_PER_STRETCH;
  return Array.from({ length: stretches }, (_, i) => {
    const start = Math.floor((i * (keys.length - KEYS_PER_STRETCH)) / (stretches - 1));
    return keys.slice(start, start + KEYS_PER_STRETCH);
  }).flat();
}

function add(tally: Tally, key: number, into: number, after: number): void {
  tally.blocksInto += into;
  tally.blocksAfter += after;
  if (into > after) {
    tally.into++;
    tally.first ??= { key, blocks: into };
  } else if (after > into) tally.after++;
}

/** Whether chance alone would hardly ever give such counts (below one in a thousand for the least of them). */
function isLost({ into, after, blocksInto, blocksAfter }: Tally): boolean {
  return into + after >= LEAST && into >= SHARE * (into + after) && blocksInto >= TIMES * blocksAfter;
}

function changedBlocks(a: Planes, b: Planes): number {
  const { width, height } = a;
  if (b.width !== width || b.height !== height) return 0;
  let changed = 0;
  for (let y = 0; y + BLOCK <= height; y += BLOCK) {
    for (let x = 0; x + BLOCK <= width; x += BLOCK) {
      let sum = 0;
      for (let row = y; row < y + BLOCK; row++) {
        for (let i = row * width + x; i < row * width + x + BLOCK; i++)
          sum += Math.abs((a.y[i] as number) - (b.y[i] as number));
      }
      if (sum > CHANGED * BLOCK * BLOCK) changed++;
    }
  }
  return changed;
}

function lost(
  raw: RawDataset,
  camera: string,
  faults: readonly { readonly path: string; readonly tally: Tally }[],
  looked: number,
): Finding {
  const [{ path, tally }] = faults as [(typeof faults)[number]];
  const { into, after, blocksInto, blocksAfter, first } = tally;
  const key = first?.key ?? 0;
  return {
    rule: "video-lost-content",
    severity: "warning",
    ...placeOf(raw, camera, path, key - 1),
    column: camera,
    evidence: `${path}: at ${into} of ${into + after} keyframes more changes into the keyframe than after it (${blocksInto} blocks of ${BLOCK} x ${BLOCK} pixels against ${blocksAfter}; first: frame ${key} of the file, ${first?.blocks ?? 0} blocks): frames between keyframes show older content, lost by the encoder or delivered twice by the camera; so in ${faults.length} of the ${looked} files looked at`,
  };
}

function undecodable(raw: RawDataset, camera: string, path: string, error: BiddenError): Finding {
  return {
    rule: "video-undecodable",
    severity: "error",
    ...placeOf(raw, camera, path, 0),
    column: camera,
    evidence: messageOf(error),
  };
}

/** Whose frame a frame of a file is. */
function placeOf(raw: RawDataset, camera: string, path: string, frame: number): Partial<Place> {
  const start = (episode: RawEpisode): number => Math.round((episode.videos[camera]?.from ?? 0) * raw.info.fps);
  const owner = raw.episodes.find(
    (episode) =>
      episode.videos[camera]?.path === path && frame >= start(episode) && frame < start(episode) + episode.length,
  );
  return owner === undefined ? {} : { episode: owner.index, frame: frame - start(owner) };
}
