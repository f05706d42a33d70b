/**
 * Where the things are that an instruction speaks of, kept in mind while it is carried out. The hand hides what it works on, and
 * *the leftmost block* is not leftmost any more once it is lifted: what was clear for a few looks stays what it was, is
 * followed as it moves, and is given up only when it has not been found for seconds. A place that a person pointed out counts
 * as known from the start.
 */
import type { Candidate, Observation, PlaceHints } from "@bidden/runtime";

type Vec3 = readonly [number, number, number];
type Channel = "act" | "place";

/** What the pointer of one channel found in an observation. */
export type Found = {
  /** Where it points, metres, base frame. */
  readonly at: Vec3;
  /** Its mass on "nowhere", 0..1. */
  readonly nowhere: number;
  /** Whether the words tell the thing by its place: then another thing that fits by now proves nothing. */
  readonly byPlace: boolean;
  /** All things that it points at. */
  readonly things: () => readonly Candidate[];
};

/** Clear looks in a row after which a place is known. */
const LOOKS_TO_KNOW = 4;
/** Looks in a row without it after which it is forgotten: three seconds at ten a second. */
const LOOKS_TO_FORGET = 30;
/** Looks in a row at one other place, far from the hand, after which it is believed that somebody moved it there. */
const LOOKS_TO_MOVE = 8;
/** Places closer than this are the same; nearer to the hand, it may be the hand that is meant. Metres. */
const SAME_M = 0.02;
const HAND_M = 0.08;
/** A place is the mean of about this many looks: it hardly moves. */
const LOOKS_OF_MEAN = 10;
/** How far a thing may have gone since the look before, metres. */
const REACH_M = { act: 0.04, place: 0.03 } as const;
/** What is between closed fingers is no farther than this from the tool's centre, metres. */
const IN_HAND_M = 0.05;
/** Fingers that stopped this far apart hold something, metres. */
const HOLDS_M = 0.006;
/** After a pause this long the same instruction is a new one, ns. */
const NEW_AFTER_NS = 500_000_000n;

type Track = {
  at: Vec3 | null;
  /** Pointed out by a person. */
  told: boolean;
  looks: number;
  strayed: number;
  other: { readonly at: Vec3; readonly looks: number } | null;
};

const UNKNOWN: Readonly<Track> = { at: null, told: false, looks: 0, strayed: 0, other: null };

export class PlaceMemory {
  readonly #stateNames: readonly string[];
  #key = "";
  #lastNs = 0n;
  #tracks: Record<Channel, Track> = { act: { ...UNKNOWN }, place: { ...UNKNOWN } };
  #tool: Vec3 = [Number.NaN, Number.NaN, Number.NaN];
  #holding = false;
  #looks = 0;

  constructor(stateNames: readonly string[]) {
    this.#stateNames = stateNames;
  }

  /** Looks since the instruction began. */
  get looks(): number {
    return this.#looks;
  }

  /** Places that count before anything is looked at: pointed out; known and hardly moving; or known and not found of late. */
  recall(observation: Observation): PlaceHints {
    this.#begin(observation);
    const { act, place } = this.#tracks;
    const acts = act.told || (isKnown(act) && act.strayed > 0);
    return {
      ...(acts && act.at !== null ? { act: act.at } : {}),
      ...(isKnown(place) && place.at !== null ? { place: place.at } : {}),
    };
  }

  /**
   * Takes in what the pointer found.
   *
   * @param clear whether it was clear what the instruction means
   */
  learn(found: Readonly<Record<Channel, Found>>, clear: boolean): void {
    this.#looks++;
    for (const channel of ["act", "place"] as const) {
      const track = this.#tracks[channel];
      if (clear) track.looks++;
      if (isKnown(track)) this.#follow(channel, track, found[channel]);
      else if (clear && found[channel].nowhere < 0.5) track.at = averaged(channel, track, found[channel].at);
      else this.#tracks[channel] = { ...UNKNOWN };
    }
  }

  /** Whether it is known what is acted upon and, where the skill has one, the place for it: what is asked then is answered. */
  knows(placing: boolean): boolean {
    const { act, place } = this.#tracks;
    return act.looks >= LOOKS_TO_KNOW && (!placing || place.told || place.looks >= LOOKS_TO_KNOW);
  }

  #begin({ hints, instruction, captureNs, state }: Observation): void {
    const key = JSON.stringify([instruction, hints?.act, hints?.place]);
    const gap = captureNs - this.#lastNs;
    if (key !== this.#key || gap <= 0n || gap >= NEW_AFTER_NS) {
      this.#tracks = { act: toldTrack(hints?.act), place: toldTrack(hints?.place) };
      this.#looks = 0;
    }
    this.#key = key;
    this.#lastNs = captureNs;
    const of = (name: string): number => state[this.#stateNames.indexOf(name)] ?? Number.NaN;
    this.#tool = [of("toolXM"), of("toolYM"), of("toolZM")];
    const { act } = this.#tracks;
    this.#holding =
      act.at !== null &&
      of("gripperCommand") < 0.5 &&
      of("gripperWidthM") > HOLDS_M &&
      distance(this.#tool, act.at) < IN_HAND_M;
    if (this.#holding) act.at = this.#tool;
  }

  #follow(channel: Channel, track: Track, found: Found): void {
    if (channel === "place" && track.told) return;
    const from = track.at as Vec3;
    const near = nearest(from, found, REACH_M[channel]);
    if (near !== null) {
      track.at = averaged(channel, track, near.at);
      track.other = null;
      track.strayed = near.first ? 0 : track.strayed + 1;
      return;
    }
    track.strayed++;
    track.other = this.#seenElsewhere(channel, track, found);
    if (track.other !== null && track.other.looks >= LOOKS_TO_MOVE) {
      track.at = track.other.at;
      track.other = null;
      track.strayed = 0;
    } else if (track.strayed > LOOKS_TO_FORGET && !track.told) this.#tracks[channel] = { ...UNKNOWN };
  }

  #seenElsewhere(channel: Channel, track: Track, { at, nowhere, byPlace }: Found): Track["other"] {
    const { act } = this.#tracks;
    const hidden = distance(at, this.#tool) < HAND_M || (channel === "act" ? this.#holding : isNear(at, act.at));
    if (track.told || byPlace || nowhere > 0.5 || hidden) return null;
    const same = track.other !== null && distance(track.other.at, at) < SAME_M;
    return { at, looks: same ? (track.other?.looks ?? 0) + 1 : 1 };
  }
}

function isKnown({ at, told, looks }: Track): boolean {
  return at !== null && (told || looks >= LOOKS_TO_KNOW);
}

/**
 * The nearest thing within reach of a place, and whether it is the one that is pointed at. Between two things that fit equally
 * well the pointer's own place lies between them, so that things are told apart first.
 */
function nearest(from: Vec3, { at, things }: Found, reachM: number): { at: Vec3; first: boolean } | null {
  const near = things()
    .map((thing) => ({ at: thing.at, away: distance(thing.at, from) }))
    .filter(({ away }) => away < reachM)
    .sort((a, b) => a.away - b.away)[0];
  if (near === undefined) return null;
  const first = distance(near.at, at) < SAME_M;
  return { at: first ? at : near.at, first };
}

/** Where a thing is by what was known and one more look: the thing acted upon moves, so that its last look is what counts. */
function averaged(channel: Channel, { at: before, looks }: Track, at: Vec3): Vec3 {
  if (before === null || channel === "act") return at;
  const share = 1 / Math.min(looks, LOOKS_OF_MEAN);
  const along = (axis: 0 | 1 | 2): number => before[axis] + share * (at[axis] - before[axis]);
  return [along(0), along(1), along(2)];
}

function toldTrack(at: Vec3 | undefined): Track {
  return at === undefined ? { ...UNKNOWN } : { ...UNKNOWN, at, told: true };
}

function isNear(at: Vec3, hand: Vec3 | null): boolean {
  return hand !== null && distance(at, hand) < HAND_M;
}

function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
