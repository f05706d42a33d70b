/** The sample entry of a video track (ISO/IEC 14496-12, 12.1.3): which codec, how large, and what its decoder must know. */

import { box, halves, words } from "./mp4-write.ts";

const CONFIGURATION_BOX = { avc1: "avcC", avc3: "avcC", av01: "av1C" } as const;

/** The box stsd. @param configuration body of avcC (ISO/IEC 14496-15) or av1C (AV1 in ISO BMFF, 2.3). */
export function videoEntry(
  codec: keyof typeof CONFIGURATION_BOX,
  width: number,
  height: number,
  configuration: Uint8Array,
): Uint8Array {
  const resolution = 72 << 16;
  const entry = box(
    codec,
    words(0),
    halves(0, 1),
    words(0, 0, 0, 0),
    halves(width, height),
    words(resolution, resolution, 0),
    halves(1),
    new Uint8Array(32),
    halves(24, 0xffff),
    box(CONFIGURATION_BOX[codec], configuration),
  );
  return box("stsd", words(0, 1), entry);
}
