/** AV1 in MP4 (AV1 Codec ISO Media File Format Binding 1.2): units (OBUs) of a frame, and the body of av1C. */

import { joinBytes } from "../bytes/join.ts";

export const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;

type Obu = { readonly type: number; readonly bytes: Uint8Array; readonly payload: Uint8Array };

/** Units of the low-overhead format (AV1 specification, 5.2); what does not fit ends the list. */
export function obusOf(stream: Uint8Array): Obu[] {
  const out: Obu[] = [];
  for (let at = 0; at < stream.length; ) {
    const head = stream[at] as number;
    let from = at + (head & 4 ? 2 : 1);
    let size = stream.length - from;
    if (head & 2) {
      size = 0;
      for (let shift = 0; shift < 56; shift += 7) {
        const byte = stream[from++] ?? 0;
        size += (byte & 127) * 2 ** shift;
        if (byte < 128) break;
      }
    }
    if (from + size > stream.length) break;
    out.push({
      type: (head >> 3) & 15,
      bytes: stream.subarray(at, from + size),
      payload: stream.subarray(from, from + size),
    });
    at = from + size;
  }
  return out;
}

/** A frame as MP4 holds it: without delimiters, which its samples stand for. */
export function frameOfObus(stream: Uint8Array): Uint8Array {
  return joinBytes(obusOf(stream).flatMap(({ type, bytes }) => (type === TEMPORAL_DELIMITER ? [] : [bytes])));
}

/** Body of av1C (2.3.3) from a keyframe; null when it holds no sequence header. 8 bits, 4:2:0. */
export function av1ConfigurationOf(stream: Uint8Array): Uint8Array | null {
  const header = obusOf(stream).find(({ type }) => type === SEQUENCE_HEADER);
  if (header === undefined) return null;
  const { profile, level, tier } = sequenceFacts(header.payload);
  return joinBytes([Uint8Array.of(0x81, (profile << 5) | level, (tier << 7) | 0x0c, 0), header.bytes]);
}

/** AV1 specification, 5.5.1, of a stream without timing information: one operating point, no decoder model. */
function sequenceFacts(payload: Uint8Array): { profile: number; level: number; tier: number } {
  const bit = (at: number): number => ((payload[at >> 3] ?? 0) >> (7 - (at & 7))) & 1;
  const bits = (at: number, count: number): number =>
    Array.from({ length: count }, (_, i) => bit(at + i)).reduce((value, next) => value * 2 + next, 0);
  // seq_profile(3) still_picture reduced timing_info initial_display_delay points(5) idc(12) level(5) tier(1, above level 3.3)
  const level = bit(4) === 1 ? bits(5, 5) : bits(24, 5);
  return { profile: bits(0, 3), level, tier: level > 7 && bit(4) === 0 ? bit(29) : 0 };
}
