/** Boxes of an MP4 file (ISO/IEC 14496-12): finding them, nothing of what they mean. */

import type { BiddenError } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";

/** `start` is that of the header, `end` exclusive. */
export type Box = { readonly type: string; readonly start: number; readonly end: number };

/** Largest index that is read. */
const MAX_MOOV = 256 << 20;

/** The index of a file, wherever in it it stands. */
export async function findMoov(file: RandomAccess, bad: (what: string) => BiddenError): Promise<ArrayBuffer> {
  for (let at = 0; at + 8 <= file.byteLength; ) {
    const head = new DataView(await file.slice(at, Math.min(at + 16, file.byteLength)));
    const short = head.getUint32(0);
    const size = short === 1 && head.byteLength === 16 ? uint64(head, 8) : short === 0 ? file.byteLength - at : short;
    if (size < 8 || at + size > file.byteLength) throw bad(`the box at ${at} does not fit (cut short?)`);
    if (fourCc(head, 4) === "moov") {
      if (size > MAX_MOOV) throw bad(`its index has ${size} bytes`);
      return file.slice(at, at + size);
    }
    at += size;
  }
  throw bad("its index (moov) is missing");
}

/** Empty beyond the end. */
export function fourCc(view: DataView, at: number): string {
  return at + 4 <= view.byteLength ? String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i))) : "";
}

/** Inexact above 2^53, where no file is. */
export function uint64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at));
}

/** Boxes in [start, end); what does not fit ends the list. */
export function children(view: DataView, start: number, end: number): Box[] {
  const out: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const size = view.getUint32(at);
    if (size < 8 || at + size > end) break;
    out.push({ type: fourCc(view, at + 4), start: at, end: at + size });
    at += size;
  }
  return out;
}

export function child(view: DataView, box: Box, type: string): Box | null {
  return children(view, box.start + 8, box.end).find((inner) => inner.type === type) ?? null;
}
