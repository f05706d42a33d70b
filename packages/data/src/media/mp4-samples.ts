/**
 * The sample table of an MP4's video track (ISO/IEC 14496-12): where every packet lies, when it is shown, what can be decoded
 * alone. Enough to copy packets from one file into another without decoding them.
 */

import { BiddenError } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";
import { type Box, child, children, findMoov, fourCc, uint64 } from "./mp4-boxes.ts";

export type VideoSamples = {
  readonly count: number;
  /** Pixels, as the track header says. */
  readonly width: number;
  readonly height: number;
  /** Ticks a second, and ticks that every frame lasts. */
  readonly timescale: number;
  readonly delta: number;
  /** The whole box stsd: codec and its configuration, without bit rates. */
  readonly sampleEntry: Uint8Array;
  /** By decoding order: place in the file, bytes. */
  readonly offsets: Float64Array;
  readonly sizes: Uint32Array;
  /** 1: a packet that decoding can begin with. */
  readonly keys: Uint8Array;
  /** Decoding order → number of the picture in the order of showing; negative before the first that is shown. */
  readonly shown: Int32Array;
};

type Bad = (what: string) => BiddenError;

/** @param name of the file, for messages. */
export async function readVideoSamples(file: RandomAccess, name: string): Promise<VideoSamples> {
  const bad: Bad = (what) =>
    new BiddenError("bad-dataset", `${name} is no readable MP4: ${what}.`, { file: name, rule: "mp4" });
  const view = new DataView(await findMoov(file, bad));
  const movie = children(view, 8, view.byteLength);
  for (const trak of movie.filter((box) => box.type === "trak")) {
    const mdia = child(view, trak, "mdia");
    const handler = mdia === null ? null : child(view, mdia, "hdlr");
    if (mdia === null || handler === null || fourCc(view, handler.start + 16) !== "vide") continue;
    return readTrack({ view, trak, mdia, byteLength: file.byteLength, bad });
  }
  throw bad("it has no video track");
}

type Track = {
  readonly view: DataView;
  readonly trak: Box;
  readonly mdia: Box;
  readonly byteLength: number;
  readonly bad: Bad;
};

function readTrack(track: Track): VideoSamples {
  const { view, trak, mdia, byteLength, bad } = track;
  const need = (box: Box | null, type: string): Box => {
    const found = box === null ? null : child(view, box, type);
    if (found === null) throw bad(`its box ${type} is missing`);
    return found;
  };
  const mdhd = need(mdia, "mdhd");
  const timescale = view.getUint32(mdhd.start + (view.getUint8(mdhd.start + 8) === 1 ? 28 : 20));
  const tkhd = need(trak, "tkhd");
  const stbl = need(need(mdia, "minf"), "stbl");
  const sizes = sampleSizes(view, need(stbl, "stsz"), byteLength, bad);
  const count = sizes.length;
  if (count === 0) throw bad("it has no frames");
  const offsets = sampleOffsets(track, stbl, sizes);
  const [decode, delta] = decodeTimes(view, need(stbl, "stts"), count, bad);
  if (timescale === 0 || delta === 0) throw bad("its frames have no duration");
  const shownAt = addOffsets(view, child(view, stbl, "ctts"), decode, bad);
  const stsd = need(stbl, "stsd");
  return {
    count,
    width: view.getUint32(tkhd.end - 8) >>> 16,
    height: view.getUint32(tkhd.end - 4) >>> 16,
    timescale,
    delta,
    sampleEntry: withoutBitRate(view, stsd),
    offsets,
    sizes,
    keys: syncSamples(view, child(view, stbl, "stss"), count, bad),
    shown: ranks(shownAt, editStart(view, trak), delta, bad),
  };
}

/** Header of the box, version, count; then the sample entry with 78 bytes of its own before its boxes. */
const ENTRY_AT = 16;
const ENTRY_BOXES_AT = ENTRY_AT + 86;

/** Bit rates (btrt) differ between files that are otherwise alike. */
function withoutBitRate(view: DataView, stsd: Box): Uint8Array {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + stsd.start, stsd.end - stsd.start).slice();
  const own = new DataView(bytes.buffer);
  const rate = children(own, ENTRY_BOXES_AT, bytes.length).find((box) => box.type === "btrt");
  if (rate === undefined || own.getUint32(12) !== 1) return bytes;
  const length = rate.end - rate.start;
  own.setUint32(0, own.getUint32(0) - length);
  own.setUint32(ENTRY_AT, own.getUint32(ENTRY_AT) - length);
  bytes.copyWithin(rate.start, rate.end);
  return bytes.slice(0, bytes.length - length);
}

/** Rows of `width` numbers of a full box with a count. */
function* rows(view: DataView, box: Box, width: number, bad: Bad): Generator<readonly number[]> {
  const count = box.start + 16 <= box.end ? view.getUint32(box.start + 12) : 0;
  if (box.start + 16 + count * width * 4 > box.end) throw bad(`its box ${box.type} is cut short`);
  for (let i = 0; i < count; i++) {
    const at = box.start + 16 + i * width * 4;
    yield Array.from({ length: width }, (_, k) => view.getUint32(at + k * 4));
  }
}

function sampleSizes(view: DataView, box: Box, byteLength: number, bad: Bad): Uint32Array {
  const same = view.getUint32(box.start + 12);
  const count = view.getUint32(box.start + 16);
  if (same !== 0) {
    if (same * count > byteLength) throw bad(`its ${count} frames of ${same} bytes do not fit into the file`);
    return new Uint32Array(count).fill(same);
  }
  if (box.start + 20 + count * 4 > box.end) throw bad("its box stsz is cut short");
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(box.start + 20 + i * 4));
}

/** Chunks and what lies in them, to a place for every sample. */
function sampleOffsets({ view, byteLength, bad }: Track, stbl: Box, sizes: Uint32Array): Float64Array {
  const chunks = chunkOffsets(view, stbl, bad);
  const stsc = child(view, stbl, "stsc");
  if (stsc === null) throw bad("its box stsc is missing");
  const runs = [...rows(view, stsc, 3, bad)];
  if (new Set(runs.map(([, , entry]) => entry)).size > 1) throw bad("its frames have several codec configurations");
  const out = new Float64Array(sizes.length);
  let sample = 0;
  for (const [r, [first = 1, perChunk = 0]] of runs.entries()) {
    const next = runs[r + 1]?.[0] ?? chunks.length + 1;
    for (let chunk = first; chunk < next && chunk <= chunks.length && sample < sizes.length; chunk++) {
      let at = chunks[chunk - 1] as number;
      for (let i = 0; i < perChunk && sample < sizes.length; i++) {
        out[sample] = at;
        at += sizes[sample++] as number;
      }
      if (at > byteLength) throw bad(`frame ${sample - 1} lies beyond its end (cut short?)`);
    }
  }
  if (sample !== sizes.length) throw bad(`it has ${sizes.length} frames and places for ${sample}`);
  return out;
}

function chunkOffsets(view: DataView, stbl: Box, bad: Bad): number[] {
  const narrow = child(view, stbl, "stco");
  if (narrow !== null) return Array.from(rows(view, narrow, 1, bad), ([offset = 0]) => offset);
  const wide = child(view, stbl, "co64");
  if (wide === null) throw bad("its box stco is missing");
  return Array.from(rows(view, wide, 2, bad), ([high = 0, low = 0]) => high * 2 ** 32 + low);
}

/** @returns times of decoding in ticks, and how long a frame usually lasts. */
function decodeTimes(view: DataView, box: Box, count: number, bad: Bad): [Float64Array, number] {
  const out = new Float64Array(count);
  let [sample, time, usual, most] = [0, 0, 0, 0];
  for (const [run = 0, delta = 0] of rows(view, box, 2, bad)) {
    if (sample + run > count) throw bad(`it has ${count} frames and times for more`);
    if (run > most) [most, usual] = [run, delta];
    for (let i = 0; i < run; i++, time += delta) out[sample++] = time;
  }
  if (sample !== count) throw bad(`it has ${count} frames and times for ${sample}`);
  return [out, usual];
}

function addOffsets(view: DataView, box: Box | null, decode: Float64Array, bad: Bad): Float64Array {
  if (box === null) return decode;
  const out = decode.slice();
  let sample = 0;
  for (const [run = 0, offset = 0] of rows(view, box, 2, bad)) {
    if (sample + run > out.length) throw bad(`it has ${out.length} frames and offsets for more`);
    // Version 0 says unsigned, but writers put negative numbers there as well.
    for (let i = 0; i < run; i++) out[sample] = (out[sample++] as number) + (offset | 0);
  }
  return out;
}

function syncSamples(view: DataView, box: Box | null, count: number, bad: Bad): Uint8Array {
  if (box === null) return new Uint8Array(count).fill(1);
  const out = new Uint8Array(count);
  for (const [sample = 0] of rows(view, box, 1, bad)) {
    if (sample < 1 || sample > count) throw bad(`keyframe ${sample} does not exist`);
    out[sample - 1] = 1;
  }
  return out;
}

/** Where showing begins, in ticks of the track. Null: no edit list. */
function editStart(view: DataView, trak: Box): number | null {
  const edts = child(view, trak, "edts");
  const elst = edts === null ? null : child(view, edts, "elst");
  if (elst === null || elst.end - elst.start < 16) return null;
  const wide = view.getUint8(elst.start + 8) === 1;
  const step = wide ? 20 : 12;
  for (let at = elst.start + 16; at + step <= elst.end; at += step) {
    const start = wide ? uint64(view, at + 8) : view.getInt32(at + 4);
    // -1: an empty edit, nothing is shown.
    if (start >= 0 && start < 2 ** 53) return start;
  }
  return null;
}

/** Times of showing to numbers of pictures; all must stand on one grid. */
function ranks(shownAt: Float64Array, start: number | null, delta: number, bad: Bad): Int32Array {
  const origin = start ?? shownAt.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  const out = new Int32Array(shownAt.length);
  const taken = new Set<number>();
  for (let i = 0; i < out.length; i++) {
    const exact = ((shownAt[i] as number) - origin) / delta;
    const rank = Math.round(exact);
    if (Math.abs(exact - rank) > 0.4 || taken.has(rank)) throw bad("its frames do not last equally long");
    taken.add(rank);
    out[i] = rank;
  }
  return out;
}
