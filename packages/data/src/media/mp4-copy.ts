/**
 * Cuts and joins videos by copying packets: nothing is decoded, so nothing is lost. A stretch that begins or ends in the middle of a
 * group of pictures takes the packets along that its pictures need; an edit list keeps those from being shown.
 */

import { BiddenError } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";
import { encodeVideoHeader } from "./mp4-header.ts";
import type { VideoSamples } from "./mp4-samples.ts";

/** Packets [first, end) in decoding order. */
export type Cut = {
  readonly first: number;
  readonly end: number;
  /** Pictures among them that are not to be shown, before and after. */
  readonly lead: number;
  readonly tail: number;
};

/** Which packets the pictures [from, from + frames) need. */
export function planCut(samples: VideoSamples, from: number, frames: number, name: string): Cut {
  let [lowest, highest, found] = [samples.count, -1, 0];
  for (let i = 0; i < samples.count; i++) {
    const shown = samples.shown[i] as number;
    if (shown < from || shown >= from + frames) continue;
    found++;
    lowest = Math.min(lowest, i);
    highest = i;
  }
  if (found !== frames) {
    throw new BiddenError(
      "bad-dataset",
      `${name}: frames ${from} to ${from + frames - 1} are needed, ${found} of these ${frames} are there.`,
      { file: name, rule: "video-frame-count" },
    );
  }
  // Pictures before a keyframe in the order of showing may need what stands before it.
  let first = lowest;
  while (first > 0 && !(samples.keys[first] === 1 && (samples.shown[first] as number) <= from)) first--;
  if (samples.keys[first] !== 1) {
    throw new BiddenError("bad-dataset", `${name}: nothing before frame ${from} can be decoded alone.`, { file: name });
  }
  const end = highest + 1;
  const own = samples.shown.subarray(first, end);
  return {
    first,
    end,
    lead: own.reduce((count, shown) => count + (shown < from ? 1 : 0), 0),
    tail: own.reduce((count, shown) => count + (shown >= from + frames ? 1 : 0), 0),
  };
}

/** One stretch of a file that is to be written. */
export type Piece = {
  /** Opens the file it comes from; closed afterwards. */
  readonly open: () => Promise<RandomAccess>;
  readonly samples: VideoSamples;
  /** First picture, and how many. */
  readonly from: number;
  readonly frames: number;
  readonly cut: Cut;
};

/** Whether two pieces can stand one after the other in one file. */
export function fits(a: Piece, b: Piece): boolean {
  const clean = ({ cut }: Piece): boolean => cut.lead === 0 && cut.tail === 0;
  const [x, y] = [a.samples, b.samples];
  return (
    clean(a) &&
    clean(b) &&
    x.timescale * y.delta === y.timescale * x.delta &&
    x.width === y.width &&
    x.height === y.height &&
    x.sampleEntry.length === y.sampleEntry.length &&
    x.sampleEntry.every((byte, i) => byte === y.sampleEntry[i])
  );
}

export function bytesOf({ samples, cut }: Piece): number {
  return samples.sizes.subarray(cut.first, cut.end).reduce((sum, size) => sum + size, 0);
}

/** Length of the file that `joinPieces` gives. */
export function joinedLength(pieces: readonly Piece[]): number {
  return headerOf(pieces).length + pieces.reduce((sum, piece) => sum + bytesOf(piece), 0);
}

/** A whole MP4 file of `pieces` one after the other; they must fit. */
export async function joinPieces(pieces: readonly Piece[]): Promise<Uint8Array> {
  const header = headerOf(pieces);
  const out = new Uint8Array(header.length + pieces.reduce((sum, piece) => sum + bytesOf(piece), 0));
  out.set(header);
  let at = header.length;
  for (const { open, samples, cut } of pieces) {
    const file = await open();
    try {
      for (let i = cut.first; i < cut.end; ) {
        const start = samples.offsets[i] as number;
        let end = start;
        while (i < cut.end && samples.offsets[i] === end) end += samples.sizes[i++] as number;
        out.set(new Uint8Array(await file.slice(start, end)), at);
        at += end - start;
      }
    } finally {
      await file.close();
    }
  }
  return out;
}

function headerOf(pieces: readonly Piece[]): Uint8Array {
  const sizes: number[] = [];
  const keys: boolean[] = [];
  const shown: number[] = [];
  let before = 0;
  for (const { samples, cut, from, frames } of pieces) {
    for (let i = cut.first; i < cut.end; i++) {
      sizes.push(samples.sizes[i] as number);
      keys.push(samples.keys[i] === 1);
      shown.push((samples.shown[i] as number) - from + before);
    }
    before += frames;
  }
  const { samples } = pieces[0] as Piece;
  return encodeVideoHeader({ ...samples, sizes, keys, shown, frames: before });
}
