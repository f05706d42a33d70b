/** Remembers where the thing that is now between the fingers was picked up, for "put it back". */

/** Narrower than this between closed fingers, m, there is nothing. */
const HELD_MIN_M = 0.004;

type Place = readonly [number, number, number];

export class PickMemory {
  #closed = false;
  #pickedAt: Place | null = null;
  #holding = false;

  /** Whether something seems to be between the fingers. */
  get holding(): boolean {
    return this.#holding;
  }

  /** Where the held thing stood, base frame, m; null when nothing is held. */
  get pickedAt(): Place | null {
    return this.#holding ? this.#pickedAt : null;
  }

  /**
   * @param gripper last command, 0..1
   * @param pointing where the policy points with `act`, if anywhere; else the tool's own place counts
   */
  see(gripper: number, gripperWidthM: number, toolPos: Float64Array, pointing: Place | null): void {
    const closed = gripper < 0.5;
    if (closed && !this.#closed) {
      this.#pickedAt = pointing ?? [toolPos[0]!, toolPos[1]!, toolPos[2]!];
    }
    this.#closed = closed;
    this.#holding = closed && gripperWidthM > HELD_MIN_M;
  }
}
