/** What a sample entry (the box stsd) says about its codec and its colours. */

import { BiddenError } from "@bidden/runtime";
import { children, fourCc } from "../media/mp4-boxes.ts";

export type SampleEntry = {
  /** "avc1", "av01", "hvc1" ... */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Body of avcC or av1C; empty when there is none. */
  readonly configuration: Uint8Array;
  /** Matrix coefficients of ISO/IEC 23091-4 from the box colr; 2 where nothing is said. */
  readonly matrix: number;
  readonly fullRange: boolean;
};

const ENTRY_AT = 16;
/** A sample entry of video before its boxes. */
const ENTRY_BYTES = 86;

/** @param stsd the whole box. */
export function readSampleEntry(stsd: Uint8Array, name: string): SampleEntry {
  const view = new DataView(stsd.buffer, stsd.byteOffset, stsd.byteLength);
  const [entry] = children(view, ENTRY_AT, view.byteLength);
  if (entry === undefined || entry.end - entry.start < ENTRY_BYTES) {
    throw new BiddenError("bad-dataset", `${name} is no readable MP4: its box stsd holds no entry.`, {
      file: name,
      rule: "mp4",
    });
  }
  const boxes = children(view, entry.start + ENTRY_BYTES, entry.end);
  const config = boxes.find((box) => box.type === "avcC" || box.type === "av1C");
  const colr = boxes.find(
    (box) => box.type === "colr" && box.end - box.start >= 19 && fourCc(view, box.start + 8) === "nclx",
  );
  return {
    codec: entry.type,
    width: view.getUint16(entry.start + 32),
    height: view.getUint16(entry.start + 34),
    configuration: config === undefined ? new Uint8Array(0) : stsd.slice(config.start + 8, config.end),
    matrix: colr === undefined ? 2 : view.getUint16(colr.start + 16),
    fullRange: colr !== undefined && view.getUint8(colr.start + 18) >= 128,
  };
}
