/** What an MP4 file says of its video track (ISO/IEC 14496-12): frames, times, sizes, keyframes. Nothing is decoded. */

import { BiddenError } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";
import { type Box, child, children, findMoov, fourCc as text } from "./mp4-boxes.ts";

export type VideoTrack = {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** Frames a second if all frames last equally long, else null. */
  readonly fps: number | null;
  readonly durationSeconds: number;
  /** Four characters of the sample entry: "avc1", "av01", "hvc1" ... */
  readonly codec: string;
  /** Bytes of each frame, in decoding order. */
  readonly sizes: Uint32Array;
  /** Frames (decoding order) that can be decoded alone; null: all of them. */
  readonly keyframes: readonly number[] | null;
};

export async function readVideoTrack(file: RandomAccess, name: string): Promise<VideoTrack> {
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${name} is no readable MP4: ${what}.`, { file: name });
  const moov = await findMoov(file, bad);
  const view = new DataView(moov);
  for (const trak of children(view, 8, view.byteLength).filter((box) => box.type === "trak")) {
    const mdia = child(view, trak, "mdia");
    const handler = mdia === null ? null : child(view, mdia, "hdlr");
    if (mdia === null || handler === null || text(view, handler.start + 16) !== "vide") continue;
    return readTrack(view, trak, mdia, bad, file.byteLength);
  }
  throw bad("it has no video track");
}

function readTrack(
  view: DataView,
  trak: Box,
  mdia: Box,
  bad: (what: string) => BiddenError,
  fileBytes: number,
): VideoTrack {
  const need = (box: Box | null, type: string): Box => {
    const found = box === null ? null : child(view, box, type);
    if (found === null) throw bad(`its box ${type} is missing`);
    return found;
  };
  const mdhd = need(mdia, "mdhd");
  const wide = view.getUint8(mdhd.start + 8) === 1;
  const timescale = view.getUint32(mdhd.start + (wide ? 28 : 20));
  const tkhd = need(trak, "tkhd");
  const stbl = need(need(mdia, "minf"), "stbl");
  const sizes = sampleSizes(view, need(stbl, "stsz"), bad, fileBytes);
  const times = entries(view, need(stbl, "stts"), 2, bad);
  const stss = child(view, stbl, "stss");
  let ticks = 0;
  for (const [count = 0, delta = 0] of times) ticks += count * delta;
  const counted = times.reduce((sum, [count = 0]) => sum + count, 0);
  if (counted !== sizes.length) throw bad(`it has ${sizes.length} frames and times for ${counted}`);
  const deltas = new Set(times.map(([, delta]) => delta));
  const [delta = 0] = deltas;
  return {
    frames: sizes.length,
    width: view.getUint32(tkhd.end - 8) >>> 16,
    height: view.getUint32(tkhd.end - 4) >>> 16,
    fps: deltas.size === 1 && delta > 0 ? timescale / delta : null,
    durationSeconds: timescale > 0 ? ticks / timescale : 0,
    codec: text(view, need(stbl, "stsd").start + 20),
    sizes,
    keyframes: stss === null ? null : entries(view, stss, 1, bad).map(([frame = 1]) => frame - 1),
  };
}

/** Rows of `width` numbers of a full box with a count. */
function entries(view: DataView, box: Box, width: number, bad: (what: string) => BiddenError): number[][] {
  const count = box.start + 16 <= box.end ? view.getUint32(box.start + 12) : 0;
  if (box.start + 16 + count * width * 4 > box.end) throw bad(`its box ${box.type} is cut short`);
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: width }, (_, k) => view.getUint32(box.start + 16 + (i * width + k) * 4)),
  );
}

function sampleSizes(view: DataView, box: Box, bad: (what: string) => BiddenError, fileBytes: number): Uint32Array {
  const same = view.getUint32(box.start + 12);
  const count = view.getUint32(box.start + 16);
  if (same !== 0) {
    if (same * count > fileBytes) throw bad(`its ${count} frames of ${same} bytes do not fit into it`);
    return new Uint32Array(count).fill(same);
  }
  if (box.start + 20 + count * 4 > box.end) throw bad("its box stsz is cut short");
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(box.start + 20 + i * 4));
}
