/**
 * A place that a person pointed out is where a thing was at that moment; the thing moves, because the arm moves it. The
 * follower keeps the place on the thing: in the hand it is where the tool is, elsewhere it is the nearest thing that the
 * pointer finds. The place to put something does not move and is left alone.
 */
import type { Candidate, Observation, PlaceHints } from "@bidden/runtime";

type Vec3 = readonly [number, number, number];

/** How far a thing may have gone since the observation before, metres. */
const REACH_M = 0.06;
/** What is between closed fingers is no farther than this from the tool's centre, metres. */
const IN_HAND_M = 0.05;
/** Fingers that stopped this far apart hold something, metres. */
const HOLDS_M = 0.006;
/** After a pause this long the same hints are new ones, ns. */
const NEW_AFTER_NS = 500_000_000n;

export class HintFollower {
  readonly #stateNames: readonly string[];
  #key = "";
  #lastNs = 0n;
  #act: Vec3 | null = null;

  constructor(stateNames: readonly string[]) {
    this.#stateNames = stateNames;
  }

  /** The hints as they are now. */
  current({ hints, instruction, captureNs, state }: Observation): PlaceHints {
    const key = hints?.act === undefined ? "" : `${instruction} ${hints.act.join(" ")}`;
    const gap = captureNs - this.#lastNs;
    if (key !== this.#key || gap < 0n || gap >= NEW_AFTER_NS) this.#act = hints?.act ?? null;
    this.#key = key;
    this.#lastNs = captureNs;
    if (this.#act !== null) this.#act = this.#inHand(state, this.#act) ?? this.#act;
    return { ...hints, ...(this.#act === null ? {} : { act: this.#act }) };
  }

  /** @param things what the pointer for "act" found in this observation */
  follow(things: () => readonly Candidate[]): void {
    const from = this.#act;
    if (from === null) return;
    const near = things()
      .map(({ at }) => ({ at, away: distance(at, from) }))
      .filter(({ away }) => away < REACH_M)
      .sort((a, b) => a.away - b.away)[0];
    this.#act = near?.at ?? from;
  }

  #inHand(state: Float32Array, act: Vec3): Vec3 | null {
    const of = (name: string): number => state[this.#stateNames.indexOf(name)] ?? Number.NaN;
    const tool: Vec3 = [of("toolXM"), of("toolYM"), of("toolZM")];
    const holds = of("gripperCommand") < 0.5 && of("gripperWidthM") > HOLDS_M;
    return holds && distance(tool, act) < IN_HAND_M ? tool : null;
  }
}

function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
