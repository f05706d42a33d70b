/** Which packets of which files become which file: planned first, then copied. */

import { BiddenError } from "@bidden/runtime";
import type { WritableStore } from "../files/store.ts";
import { bytesOf, fits, joinedLength, joinPieces, type Piece, planCut } from "../media/mp4-copy.ts";
import { readVideoSamples, type VideoSamples } from "../media/mp4-samples.ts";
import { fillTemplate, VIDEO_TEMPLATE } from "./info.ts";
import type { LeRobotReader } from "./reader.ts";
import type { EpisodePick, Named, RewriteOptions } from "./rewrite.ts";

/** Where an episode's pictures stand. */
export type VideoSpot = {
  readonly chunk: number;
  readonly file: number;
  /** First picture in that file, and how many. */
  readonly from: number;
  readonly frames: number;
  readonly lead: number;
  readonly tail: number;
  /** Its first pictures, up to a keyframe, were encoded anew. */
  readonly encoded: boolean;
};

export type VideoPlan = {
  readonly cameras: readonly { readonly name: string; readonly places: readonly VideoSpot[] }[];
  readonly files: readonly { readonly path: string; readonly pieces: readonly Piece[] }[];
};

const FILES_PER_CHUNK = 1000;
/** LeRobot's default. */
const VIDEO_FILE_BYTES = 200 << 20;
export const VIDEO_TEMPLATE_V21 = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4";

/** Makes of a piece that begins within a group of pictures one that begins with a keyframe; null where it cannot. */
export type Restart = (piece: Piece, fps: number, from: string, to: string) => Promise<Piece | null>;

export async function planVideos(
  picks: readonly EpisodePick[],
  features: Readonly<Record<string, Named>>,
  { version, videoFileBytes = VIDEO_FILE_BYTES }: RewriteOptions,
  restart: Restart,
): Promise<VideoPlan> {
  const cameras: { name: string; places: VideoSpot[] }[] = [];
  const files: { path: string; pieces: Piece[] }[] = [];
  const samples = new SampleCache();
  for (const [name, feature] of Object.entries(features)) {
    if (feature.dtype !== "video") continue;
    const places: VideoSpot[] = [];
    let current: { pieces: Piece[]; bytes: number; frames: number; encoded: boolean } | null = null;
    let file = -1;
    for (const [index, pick] of picks.entries()) {
      const copied = await pieceOf(pick, feature.source, samples);
      const next = pathOf(version, name, file + 1, index);
      const from = `${pick.source.path}/${pick.source.places[pick.episode]?.videos[feature.source]?.path}`;
      const anew = copied.cut.lead === 0 ? null : await restart(copied, pick.source.fps, from, next);
      const piece = anew ?? copied;
      const last = current?.pieces.at(-1);
      const full = version !== "v3.0" || (current?.bytes ?? 0) >= videoFileBytes;
      const joins = last !== undefined && !full && anew === null && !current?.encoded && fits(last, piece);
      if (!joins || current === null) {
        file++;
        current = { pieces: [], bytes: 0, frames: 0, encoded: anew !== null };
        files.push({ path: next, pieces: current.pieces });
      }
      const { lead, tail } = piece.cut;
      const at = { chunk: Math.floor(file / FILES_PER_CHUNK), file: file % FILES_PER_CHUNK };
      places.push({ ...at, from: current.frames, frames: piece.frames, lead, tail, encoded: anew !== null });
      current.pieces.push(piece);
      current.bytes += bytesOf(piece);
      current.frames += piece.frames;
    }
    cameras.push({ name, places });
  }
  return { cameras, files };
}

function pathOf(version: RewriteOptions["version"], camera: string, file: number, episode: number): string {
  return version === "v3.0"
    ? fillTemplate(VIDEO_TEMPLATE, {
        video_key: camera,
        chunk_index: Math.floor(file / FILES_PER_CHUNK),
        file_index: file % FILES_PER_CHUNK,
      })
    : fillTemplate(VIDEO_TEMPLATE_V21, {
        video_key: camera,
        episode_chunk: Math.floor(episode / FILES_PER_CHUNK),
        episode_index: episode,
      });
}

/** The sample tables of files that were read. */
export class SampleCache {
  readonly #known = new Map<string, Promise<VideoSamples>>();

  get(source: LeRobotReader, path: string): Promise<VideoSamples> {
    const key = `${source.path}\n${path}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const reading = source.store.open(path).then(async (file) => {
      try {
        return await readVideoSamples(file, `${source.path}/${path}`);
      } finally {
        await file.close();
      }
    });
    this.#known.set(key, reading);
    return reading;
  }
}

/** An episode's packets of one camera. */
export async function pieceOf(pick: EpisodePick, camera: string, cache: SampleCache): Promise<Piece> {
  const { source, episode } = pick;
  const video = source.places[episode]?.videos[camera];
  if (video === undefined)
    throw new BiddenError("bad-dataset", `Episode ${episode} of ${source.path} has no video "${camera}".`, { episode });
  const samples = await cache.get(source, video.path);
  const rate = samples.timescale / samples.delta;
  const name = `${source.path}/${video.path}`;
  if (Math.abs(rate - source.fps) > 0.01) {
    throw new BiddenError(
      "bad-dataset",
      `${name} runs at ${rate} frames a second, the dataset says ${source.fps}: its pictures cannot be told apart by episode.`,
      { file: video.path, episode, rule: "fps-mismatch" },
    );
  }
  const from = Math.round(video.fromSeconds * source.fps) + pick.from;
  const frames = pick.to - pick.from;
  const cut = planCut(samples, from, frames, name);
  return { open: () => source.store.open(video.path), samples, from, frames, cut };
}

/** Files that are there with the right length, from an attempt that was stopped, stay. */
export async function writeVideos({ files }: VideoPlan, store: WritableStore): Promise<void> {
  for (const { path, pieces } of files) {
    if ((await lengthOf(store, path)) === joinedLength(pieces)) continue;
    await writeWhole(store, path, await joinPieces(pieces));
  }
}

/** The file is there whole or not at all. */
export async function writeWhole(store: WritableStore, path: string, bytes: Uint8Array): Promise<void> {
  await store.write(`${path}.new`, bytes);
  await store.rename(`${path}.new`, path);
}

async function lengthOf(store: WritableStore, path: string): Promise<number> {
  try {
    const file = await store.open(path);
    await file.close();
    return file.byteLength;
  } catch (error) {
    if (error instanceof BiddenError && error.code === "not-found") return -1;
    throw error;
  }
}
