/** What an MP4 file says of its video track (ISO/IEC 14496-12): frames, times, sizes, keyframes. Nothing is decoded. */

import { BiddenError } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";

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

type Box = { readonly type: string; readonly start: number; readonly end: number };

/** Largest index that is read. */
const MAX_MOOV = 256 << 20;

export async function readVideoTrack(file: RandomAccess, name: string): Promise<VideoTrack> {
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${name} is no readable MP4: ${what}.`, { file: name });
  const moov = await findMoov(file, bad);
  const view = new DataView(moov);
  for (const trak of children(view, 8, view.byteLength).filter((box) => box.type === "trak")) {
    const mdia = child(view, trak, "mdia");
    const handler = mdia === null ? null : child(view, mdia, "hdlr");
    if (mdia === null || handler === null || text(view, handler.start + 16) !== "vide") continue;
    return readTrack(view, trak, mdia, bad);
  }
  throw bad("it has no video track");
}

async function findMoov(file: RandomAccess, bad: (what: string) => BiddenError): Promise<ArrayBuffer> {
  for (let at = 0; at + 8 <= file.byteLength; ) {
    const head = new DataView(await file.slice(at, Math.min(at + 16, file.byteLength)));
    const short = head.getUint32(0);
    const size =
      short === 1 && head.byteLength === 16 ? Number(head.getBigUint64(8)) : short === 0 ? file.byteLength - at : short;
    if (size < 8 || at + size > file.byteLength) throw bad(`the box at ${at} does not fit (cut short?)`);
    if (text(head, 4) === "moov") {
      if (size > MAX_MOOV) throw bad(`its index has ${size} bytes`);
      return file.slice(at, at + size);
    }
    at += size;
  }
  throw bad("its index (moov) is missing");
}

function text(view: DataView, at: number): string {
  return at + 4 <= view.byteLength ? String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i))) : "";
}

function children(view: DataView, start: number, end: number): Box[] {
  const out: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) break;
    out.push({ type: text(view, at + 4), start: at, end: at + size });
    at += size;
  }
  return out;
}

function child(view: DataView, box: Box, type: string): Box | null {
  return children(view, box.start + 8, box.end).find((inner) => inner.type === type) ?? null;
}

function readTrack(view: DataView, trak: Box, mdia: Box, bad: (what: string) => BiddenError): VideoTrack {
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
  const sizes = sampleSizes(view, need(stbl, "stsz"), bad);
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

function sampleSizes(view: DataView, box: Box, bad: (what: string) => BiddenError): Uint32Array {
  const same = view.getUint32(box.start + 12);
  const count = view.getUint32(box.start + 16);
  if (same !== 0) return new Uint32Array(Math.min(count, 1 << 26)).fill(same);
  if (box.start + 20 + count * 4 > box.end) throw bad("its box stsz is cut short");
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(box.start + 20 + i * 4));
}
