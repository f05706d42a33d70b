/**
 * An episode whose video begins within a group of pictures, so that it begins with a keyframe: the pictures up to the next keyframe are
 * encoded anew, the packets from there on are copied. Both kinds of packets stand in one track, so each keyframe carries the
 * parameters of its own encoder (sample entry avc3 for H.264; in AV1 keyframes always do).
 */

import { BiddenError } from "@bidden/runtime";
import { joinBytes } from "../bytes/join.ts";
import { MemoryStore } from "../files/memory-store.ts";
import type { RandomAccess } from "../files/store.ts";
import { SEQUENCE_HEADER, obusOf } from "../media/av01.ts";
import { readConfiguration } from "../media/avc1.ts";
import { type Piece, planCut } from "../media/mp4-copy.ts";
import { encodeVideoHeader } from "../media/mp4-header.ts";
import { readVideoSamples, type VideoSamples } from "../media/mp4-samples.ts";
import { words } from "../media/mp4-write.ts";
import { allowedError, findLostBlock } from "./lost-content.ts";
import type { VideoCodecs } from "./picture-decoder.ts";
import { holdsPictures, type VideoCodec, type VideoEncoders } from "./picture-encoder.ts";
import { readSampleEntry, type SampleEntry } from "./sample-entry.ts";
import { VideoFile } from "./video-file.ts";

export type StretchTools = {
  readonly codecs: VideoCodecs;
  readonly encoders: (codec: VideoCodec) => Promise<VideoEncoders>;
};

/** The pictures were encoded once before: what is lost the second time must not show. */
const QUALITY: Readonly<Record<VideoCodec, number>> = { h264: 10, av1: 8 };
const LONGEST_GOP = 1000;
/** Where the name of the codec stands in the box stsd. */
const NAME_AT = 20;
const UNSPECIFIED = 2;

/** The packet from which on packets can be copied, in decoding order; `cut.end` where there is none. */
export function resumeAt({ samples, cut, from, frames }: Piece): number {
  let [best, lowest] = [cut.end, Number.POSITIVE_INFINITY];
  for (let i = cut.end - 1; i > cut.first; i--) {
    const shown = samples.shown[i] as number;
    // What is decoded later must be shown later, or it needs what stands before.
    if (samples.keys[i] === 1 && shown > from && shown < from + frames && shown <= lowest) best = i;
    lowest = Math.min(lowest, shown);
  }
  return best;
}

/**
 * @param name of the source's file, for messages.
 * @returns an MP4 file with the piece's pictures; null where this cannot be done (another codec, other colours, sides that the encoder
 * does not take), so that the packets before must come along.
 */
export async function beginAtKeyframe(
  piece: Piece,
  fps: number,
  name: string,
  tools: StretchTools,
): Promise<Uint8Array | null> {
  const { samples, from, frames, cut } = piece;
  const entry = readSampleEntry(samples.sampleEntry, name);
  const codec: VideoCodec | null = /^avc[13]$/.test(entry.codec) ? "h264" : entry.codec === "av01" ? "av1" : null;
  const plain = !entry.fullRange && entry.matrix === UNSPECIFIED;
  if (codec === null || !plain || !holdsPictures(codec, entry.width, entry.height)) return null;
  const heads = headsOf(codec, entry);
  if (heads === null) return null;
  const source = await VideoFile.open(await piece.open(), name, tools.codecs);
  try {
    const resume = resumeAt(piece);
    const count = resume === cut.end ? frames : (samples.shown[resume] as number) - from;
    const recording = (await tools.encoders(codec)).start(
      { width: entry.width, height: entry.height, fps },
      { gop: Math.min(count, LONGEST_GOP), quality: QUALITY[codec] },
    );
    for (let i = 0; i < count; i++) recording.addPlanes(await source.planes(from + i));
    const file = await joined(piece, resume, recording.finish(), codec, heads);
    await compare(file, source, { from, frames, count, codec }, name, tools.codecs);
    return file;
  } finally {
    await source.close();
  }
}

type Heads = (packet: Uint8Array) => Uint8Array;

/** Puts before a keyframe what its decoder must know; null where the configuration is laid out otherwise. */
function headsOf(codec: VideoCodec, { configuration }: Pick<SampleEntry, "configuration">): Heads | null {
  if (codec === "h264") {
    const known = readConfiguration(configuration);
    if (known === null || known.lengthBytes !== 4) return null;
    const parameters = known.sets.flatMap((set) => [words(set.length), set]);
    return (packet) => joinBytes([...parameters, packet]);
  }
  // Four bytes of av1C, then its units.
  const units = configuration.subarray(4);
  return (packet) =>
    obusOf(packet).some(({ type }) => type === SEQUENCE_HEADER) ? packet : joinBytes([units, packet]);
}

async function joined(
  { open, samples, cut, from, frames }: Piece,
  resume: number,
  encoded: Uint8Array,
  codec: VideoCodec,
  heads: Heads,
): Promise<Uint8Array> {
  const own = new MemoryStore([["a", encoded]]);
  const fresh = await readVideoSamples(await own.open("a"), "a");
  const freshHeads = headsOf(codec, readSampleEntry(fresh.sampleEntry, "a")) as Heads;
  const packets: Uint8Array[] = [];
  const keys: boolean[] = [];
  const shown: number[] = [];
  const take = async (file: RandomAccess, of: VideoSamples, i: number, head: Heads): Promise<void> => {
    const start = of.offsets[i] as number;
    const bytes = new Uint8Array(await file.slice(start, start + (of.sizes[i] as number)));
    const key = of.keys[i] === 1;
    packets.push(key ? head(bytes) : bytes);
    keys.push(key);
  };
  for (let i = 0; i < fresh.count; i++) {
    await take(await own.open("a"), fresh, i, freshHeads);
    shown.push(i);
  }
  const file = await open();
  try {
    for (let i = resume; i < cut.end; i++) {
      await take(file, samples, i, heads);
      shown.push((samples.shown[i] as number) - from);
    }
  } finally {
    await file.close();
  }
  const sampleEntry = samples.sampleEntry.slice();
  if (codec === "h264") sampleEntry.set(new TextEncoder().encode("avc3"), NAME_AT);
  const sizes = packets.map((packet) => packet.length);
  return joinBytes([encodeVideoHeader({ ...samples, sampleEntry, sizes, keys, shown, frames }), ...packets]);
}

/** Every picture of the new file: those encoded nearly, those copied exactly as they were. */
async function compare(
  bytes: Uint8Array,
  source: VideoFile,
  { from, frames, count, codec }: { from: number; frames: number; count: number; codec: VideoCodec },
  name: string,
  codecs: VideoCodecs,
): Promise<void> {
  const store = new MemoryStore([["new", bytes]]);
  const file = await VideoFile.open(await store.open("new"), `${name} from frame ${from} on`, codecs);
  try {
    for (let i = 0; i < frames; i++) {
      const [a, b] = [await source.planes(from + i), await file.planes(i)];
      const same = i < count ? findLostBlock(a, b, allowedError(codec, QUALITY[codec])) === null : equal(a.y, b.y);
      if (same) continue;
      throw new BiddenError("internal", `internal: frame ${from + i} of ${name} is another one after it was cut.`, {
        file: name,
        frame: from + i,
        rule: "video-lost-content",
      });
    }
  } finally {
    await file.close();
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** The new file as a piece of its own. */
export async function pieceOfFile(open: () => Promise<RandomAccess>, frames: number, name: string): Promise<Piece> {
  const file = await open();
  try {
    const samples = await readVideoSamples(file, name);
    return { open, samples, from: 0, frames, cut: planCut(samples, 0, frames, name) };
  } finally {
    await file.close();
  }
}
