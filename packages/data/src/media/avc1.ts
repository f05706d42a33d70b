/** H.264 in MP4 (ISO/IEC 14496-15): the configuration of a decoder, and frames with lengths instead of start codes. */

import { joinBytes } from "../bytes/join.ts";
import { halves, words } from "./mp4-write.ts";

const SPS = 7;
const PPS = 8;
const DELIMITER = 9;
/** Profiles whose configuration says the kind of colour too. */
const HIGH = 100;

export const unitType = (unit: Uint8Array): number => (unit[0] ?? 0) & 31;

/** The units of an Annex B stream, without their start codes. */
export function unitsOf(stream: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let start = -1;
  for (let i = 0; i + 2 < stream.length; i++) {
    if (stream[i] !== 0 || stream[i + 1] !== 0 || stream[i + 2] !== 1) continue;
    if (start >= 0) units.push(trimmed(stream.subarray(start, i)));
    start = i + 3;
    i += 2;
  }
  if (start >= 0) units.push(stream.subarray(start));
  return units;
}

/** Zeros before a start code belong to it. */
function trimmed(unit: Uint8Array): Uint8Array {
  let end = unit.length;
  while (end > 0 && unit[end - 1] === 0) end--;
  return unit.subarray(0, end);
}

/** A frame as MP4 holds it: its units with their lengths, without the parameter sets. */
export function frameOfUnits(units: readonly Uint8Array[]): Uint8Array {
  const own = units.filter((unit) => ![SPS, PPS, DELIMITER].includes(unitType(unit)));
  return joinBytes(own.flatMap((unit) => [words(unit.length), unit]));
}

/** Body of avcC, from the units of a keyframe; null when they hold no parameter sets. 8 bits, 4:2:0. */
export function configurationOf(units: readonly Uint8Array[]): Uint8Array | null {
  const sps = units.find((unit) => unitType(unit) === SPS);
  const pps = units.find((unit) => unitType(unit) === PPS);
  if (sps === undefined || pps === undefined || sps.length < 4) return null;
  const [profile = 0, compatible = 0, level = 0] = sps.subarray(1, 4);
  return joinBytes([
    Uint8Array.of(1, profile, compatible, level, 0xff, 0xe1),
    halves(sps.length),
    sps,
    Uint8Array.of(1),
    halves(pps.length),
    pps,
    ...(profile >= HIGH ? [Uint8Array.of(0xfd, 0xf8, 0xf8, 0)] : []),
  ]);
}

/** Body of avcC: how many bytes a unit's length takes, and the parameter sets; null when it is cut short. */
export function readConfiguration(
  configuration: Uint8Array,
): { readonly lengthBytes: number; readonly sets: readonly Uint8Array[] } | null {
  if (configuration.length < 7) return null;
  const sets: Uint8Array[] = [];
  let at = 5;
  for (const mask of [31, 255]) {
    const count = (configuration[at++] ?? 0) & mask;
    for (let i = 0; i < count; i++) {
      const length = ((configuration[at] ?? 0) << 8) | (configuration[at + 1] ?? 0);
      if (at + 2 + length > configuration.length) return null;
      sets.push(configuration.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return { lengthBytes: ((configuration[4] as number) & 3) + 1, sets };
}
