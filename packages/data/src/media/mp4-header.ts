/** Everything of an MP4 file with one video track but its packets (ISO/IEC 14496-12): ftyp, moov, and the head of mdat. */
import { joinBytes } from "../bytes/join.ts";
import { box, list, text, wide, words } from "./mp4-write.ts";

export type HeaderFacts = {
  readonly width: number;
  readonly height: number;
  readonly timescale: number;
  readonly delta: number;
  readonly sampleEntry: Uint8Array;
  /** By decoding order. */
  readonly sizes: readonly number[];
  readonly keys: readonly boolean[];
  /** Number of the picture in the order of showing; outside [0, frames) it is not shown. */
  readonly shown: readonly number[];
  readonly frames: number;
};

const MATRIX = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const UNDETERMINED = 0x55c40000;

export function encodeVideoHeader(facts: HeaderFacts): Uint8Array {
  const packetBytes = facts.sizes.reduce((sum, size) => sum + size, 0);
  const ftyp = box("ftyp", text("isom"), words(512), text("isom"), text("iso2"), text("mp41"));
  const huge = packetBytes > 2 ** 31;
  const mdat = huge
    ? joinBytes([words(1), text("mdat"), wide(packetBytes + 16)])
    : joinBytes([words(packetBytes + 8), text("mdat")]);
  // Its length does not depend on the number.
  const length = ftyp.length + movie(facts, 0, huge).length + mdat.length;
  return joinBytes([ftyp, movie(facts, length, huge), mdat]);
}

function movie(facts: HeaderFacts, packetsAt: number, huge: boolean): Uint8Array {
  const { timescale, delta, sizes, frames, width, height } = facts;
  const shift = facts.shown.reduce((most, shown, i) => Math.max(most, i - shown), 0);
  const shownTicks = frames * delta;
  const edited = shift > 0 || frames !== sizes.length;
  const mvhd = box(
    "mvhd",
    words(0x01000000),
    wide(0),
    wide(0),
    words(timescale),
    wide(shownTicks),
    words(0x10000, 0x01000000, 0, 0),
    MATRIX,
    words(0, 0, 0, 0, 0, 0, 2),
  );
  const tkhd = box(
    "tkhd",
    words(0x01000003),
    wide(0),
    wide(0),
    words(1, 0),
    wide(shownTicks),
    words(0, 0, 0, 0),
    MATRIX,
    words(width * 65536, height * 65536),
  );
  const edts = box("edts", box("elst", words(0x01000000, 1), wide(shownTicks), wide(shift * delta), words(0x10000)));
  const mdhd = box(
    "mdhd",
    words(0x01000000),
    wide(0),
    wide(0),
    words(timescale),
    wide(sizes.length * delta),
    words(UNDETERMINED),
  );
  const hdlr = box("hdlr", words(0, 0), text("vide"), words(0, 0, 0), text("VideoHandler\0"));
  const dinf = box("dinf", box("dref", words(0, 1), box("url ", words(1))));
  const minf = box("minf", box("vmhd", words(1, 0, 0)), dinf, sampleTable(facts, shift, packetsAt, huge));
  const trak = box("trak", tkhd, ...(edited ? [edts] : []), box("mdia", mdhd, hdlr, minf));
  return box("moov", mvhd, trak);
}

function sampleTable(facts: HeaderFacts, shift: number, packetsAt: number, huge: boolean): Uint8Array {
  const { sizes, keys, shown, delta, sampleEntry } = facts;
  const keyframes = keys.flatMap((key, i) => (key ? [i + 1] : []));
  const offsets = shown.map((rank, i) => (rank - i + shift) * delta);
  const reordered = offsets.some((offset) => offset !== offsets[0]);
  return box(
    "stbl",
    sampleEntry,
    box("stts", words(0, 1, sizes.length, delta)),
    ...(keyframes.length === keys.length ? [] : [box("stss", words(0, keyframes.length), list(keyframes))]),
    ...(reordered ? [box("ctts", words(0, offsets.length), list(offsets.flatMap((offset) => [1, offset])))] : []),
    box("stsc", words(0, 1, 1, sizes.length, 1)),
    box("stsz", words(0, 0, sizes.length), list(sizes)),
    huge ? box("co64", words(0, 1), wide(packetsAt)) : box("stco", words(0, 1, packetsAt)),
  );
}
