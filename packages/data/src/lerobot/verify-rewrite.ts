/** Compares a rewritten dataset with what it was made from: every number, text, picture and video packet. */

import { BiddenError } from "@bidden/runtime";
import type { Column } from "../dataset/types.ts";
import { plain } from "../inspect/cat.ts";
import type { Piece } from "../media/mp4-copy.ts";
import { isDefaultFeature } from "./features.ts";
import type { LeRobotReader } from "./reader.ts";
import type { EpisodePick } from "./rewrite.ts";
import { pieceOf, SampleCache } from "./rewrite-videos.ts";

/** @returns how many values were compared. */
export async function verifyRewrite(picks: readonly EpisodePick[], target: LeRobotReader): Promise<number> {
  if (target.episodeCount !== picks.length) {
    throw new BiddenError(
      "bad-dataset",
      `${target.path} has ${target.episodeCount} episodes instead of ${picks.length}.`,
    );
  }
  let compared = 0;
  const caches = [new SampleCache(), new SampleCache()] as const;
  for (const [index, pick] of picks.entries()) {
    const names = Object.keys(target.features).filter((name) => name === "timestamp" || !isDefaultFeature(name));
    const still = names.filter((name) => target.features[name]?.dtype !== "video");
    const wrong = (column: string): BiddenError =>
      new BiddenError("bad-dataset", `${target.path}: "${column}" of episode ${index} is not what the source has.`, {
        episode: index,
        column,
      });
    const a = await pick.source.read(pick.episode, { columns: still, from: pick.from, to: pick.to });
    const b = await target.read(index, { columns: still });
    if (JSON.stringify(a.tasks) !== JSON.stringify(b.tasks)) throw wrong("task");
    for (const name of still) compared += compareColumns(a.columns[name], b.columns[name], () => wrong(name));
    for (const name of names.filter((own) => !still.includes(own))) {
      const here = await pieceOf({ source: target, episode: index, from: 0, to: b.length }, name, caches[1]);
      compared += await comparePackets(await pieceOf(pick, name, caches[0]), here, () => wrong(name));
    }
  }
  return compared;
}

function compareColumns(a: Column | undefined, b: Column | undefined, wrong: () => BiddenError): number {
  if (a?.kind === "numbers" && b?.kind === "numbers") {
    const same = a.values.length === b.values.length && a.values.every((value, i) => Object.is(value, b.values[i]));
    if (!same) throw wrong();
    return a.values.length;
  }
  if (a?.kind === "images" && b?.kind === "images") {
    if (a.length !== b.length) throw wrong();
    for (let frame = 0; frame < a.length; frame++) {
      if (!sameBytes(a.encoded(frame) ?? new Uint8Array(0), b.encoded(frame) ?? new Uint8Array(0))) throw wrong();
    }
    return a.length;
  }
  if (a === undefined || b === undefined || a.kind !== b.kind || !("values" in a) || !("values" in b)) throw wrong();
  if (JSON.stringify(plain(a.values)) !== JSON.stringify(plain(b.values))) throw wrong();
  return a.values.length;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Packets, and when they are shown. */
async function comparePackets(a: Piece, b: Piece, wrong: () => BiddenError): Promise<number> {
  const count = a.cut.end - a.cut.first;
  if (b.cut.end - b.cut.first !== count) throw wrong();
  const [x, y] = [await a.open(), await b.open()];
  try {
    for (let i = 0; i < count; i++) {
      const [p, q] = [a.cut.first + i, b.cut.first + i];
      const shown = (piece: Piece, packet: number): number => (piece.samples.shown[packet] as number) - piece.from;
      if (a.samples.sizes[p] !== b.samples.sizes[q] || shown(a, p) !== shown(b, q)) throw wrong();
      const bytes = async (file: typeof x, { samples }: Piece, packet: number): Promise<Uint8Array> => {
        const start = samples.offsets[packet] as number;
        return new Uint8Array(await file.slice(start, start + (samples.sizes[packet] as number)));
      };
      if (!sameBytes(await bytes(x, a, p), await bytes(y, b, q))) throw wrong();
    }
  } finally {
    await x.close();
    await y.close();
  }
  return count;
}
