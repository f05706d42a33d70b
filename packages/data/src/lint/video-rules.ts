/** Rules about video files: there, long enough, at the right rate, and every episode's range its own. */

import type { VideoTrack } from "../media/mp4.ts";
import { medianOf } from "./content.ts";
import { moves } from "./pictures-rule.ts";
import type { Finding, RawDataset, RawEpisode, RawVideo } from "./types.ts";

type Use = { readonly episode: RawEpisode; readonly video: RawVideo };

export function checkVideos(raw: RawDataset): Finding[] {
  return raw.cameras.flatMap((camera) => {
    const byPath = new Map<string, Use[]>();
    for (const episode of raw.episodes) {
      const video = episode.videos[camera];
      if (video === undefined) continue;
      byPath.set(video.path, [...(byPath.get(video.path) ?? []), { episode, video }]);
    }
    return [...byPath].flatMap(([path, uses]) => checkFile(raw, camera, path, uses));
  });
}

function checkFile(raw: RawDataset, camera: string, path: string, uses: readonly Use[]): Finding[] {
  const track = raw.videos.get(path);
  if (track === undefined || typeof track === "string") {
    const missing = typeof track === "string" && track.startsWith("Not found");
    return [
      {
        rule: missing ? "file-missing" : "file-unreadable",
        severity: "error",
        column: camera,
        episode: uses[0]?.episode.index ?? 0,
        evidence: missing ? `${path} is missing (${uses.length} episodes need it)` : String(track),
      },
    ];
  }
  const { fps } = raw.info;
  if (track.fps !== null && Math.abs(track.fps - fps) > 0.01) {
    return [
      {
        rule: "fps-mismatch",
        severity: "error",
        column: camera,
        evidence: `${path} runs at ${track.fps} frames a second, meta/info.json says fps ${fps}`,
      },
    ];
  }
  const overlap = overlaps(camera, path, uses, fps);
  if (overlap !== null) return [overlap];
  const drift = drifts(camera, path, uses, fps);
  if (drift !== null) return [drift];
  return [...tooShort(camera, path, uses, track, fps), ...frozen(raw, camera, uses, track)];
}

/** Two episodes on the same pictures: one of them points at the wrong file. */
function overlaps(camera: string, path: string, uses: readonly Use[], fps: number): Finding | null {
  const sorted = [...uses].sort((a, b) => a.video.from - b.video.from);
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1] as Use, sorted[i] as Use];
    if (b.video.from >= a.video.to - 1.5 / fps) continue;
    return {
      rule: "wrong-video-file-index",
      severity: "error",
      episode: b.episode.index,
      column: camera,
      evidence: `episodes ${a.episode.index} and ${b.episode.index} use the same seconds of ${path} (${a.video.from.toFixed(3)} to ${a.video.to.toFixed(3)}, ${b.video.from.toFixed(3)} to ${b.video.to.toFixed(3)})`,
    };
  }
  return null;
}

/** Ranges stand on the grid of frames, one after the other. */
function drifts(camera: string, path: string, uses: readonly Use[], fps: number): Finding | null {
  const sorted = [...uses].sort((a, b) => a.video.from - b.video.from);
  let expected = sorted[0]?.video.from ?? 0;
  for (const { episode, video } of sorted) {
    const seconds = episode.length / fps;
    const offGrid = Math.abs(video.from - expected) > 0.2 / fps;
    const wrongLength = Math.abs(video.to - video.from - seconds) > 0.2 / fps;
    if (offGrid || wrongLength) {
      return {
        rule: "from-timestamp-drift",
        severity: "error",
        episode: episode.index,
        column: camera,
        evidence: `${path}: episode ${episode.index} is said to stand at ${video.from.toFixed(4)} to ${video.to.toFixed(4)} s; its ${episode.length} frames after those before it are ${expected.toFixed(4)} to ${(expected + seconds).toFixed(4)} s`,
        fix: "rewrite from_timestamp on the frame grid",
      };
    }
    expected = video.from + seconds;
  }
  return null;
}

function tooShort(camera: string, path: string, uses: readonly Use[], track: VideoTrack, fps: number): Finding[] {
  const last = uses.reduce((a, b) => (b.video.from > a.video.from ? b : a));
  const wanted = Math.round(last.video.from * fps) + last.episode.length;
  if (track.frames >= wanted) return [];
  return [
    {
      rule: "video-frame-count",
      severity: "error",
      episode: last.episode.index,
      column: camera,
      evidence: `${path} has ${track.frames} frames, the episodes in it need ${wanted}`,
    },
  ];
}

/** Frames between keyframes that hold nothing, in a row, before a picture is called still. */
const STILL_FRAMES = 8;
/** Of a keyframe's bytes. */
const STILL_SHARE = 0.15;

/** Without decoding: for a still picture an encoder writes frames of one and the same small size between its keyframes. */
function frozen(raw: RawDataset, camera: string, uses: readonly Use[], track: VideoTrack): Finding[] {
  const keys = new Set(track.keyframes ?? []);
  return uses.flatMap(({ episode, video }): Finding[] => {
    const start = Math.round(video.from * raw.info.fps);
    const sizes = track.sizes.subarray(start, start + episode.length);
    const between = [...sizes.keys()].filter((i) => !keys.has(start + i));
    const keyBytes = medianOf([...sizes].filter((_, i) => keys.has(start + i)));
    const run = longestRun(between.map((i) => sizes[i] as number));
    const [first, last] = [between[run.from], between[run.from + run.length - 1]];
    const frames = raw.frames.get(episode.index);
    if (run.length < STILL_FRAMES || first === undefined || last === undefined || frames === undefined) return [];
    if ((sizes[first] as number) > STILL_SHARE * keyBytes || !moves(frames, first, Math.min(last, frames.length - 1)))
      return [];
    return [
      {
        rule: "frozen-camera",
        severity: "warning",
        episode: episode.index,
        frame: Math.max(0, first - 1),
        column: camera,
        evidence: `frames ${Math.max(0, first - 1)} to ${last}: all frames between keyframes have ${sizes[first]} bytes, so nothing changes in the picture while the state moves`,
      },
    ];
  });
}

function longestRun(values: readonly number[]): { from: number; length: number } {
  let best = { from: 0, length: 0 };
  for (let from = 0; from < values.length; ) {
    let to = from + 1;
    while (to < values.length && values[to] === values[from]) to++;
    if (to - from > best.length) best = { from, length: to - from };
    from = to;
  }
  return best;
}
