/** Modes latch and only fall by themselves; rising takes a person. */
import { BiddenError } from "../contract/errors.ts";
import type { Mode } from "../contract/types.ts";

/** From free to safe. */
export const MODES = ["nominal", "slow", "hold", "stop"] as const satisfies readonly Mode[];

export type ModeChange = {
  readonly from: Mode;
  readonly to: Mode;
  /** Person, or name of the monitor. */
  readonly by: string;
  readonly reason: string;
};

export class ModeLatch {
  #mode: Mode = "nominal";
  readonly #onChange: (change: ModeChange) => void;

  constructor(onChange: (change: ModeChange) => void = () => {}) {
    this.#onChange = onChange;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** Anything may ask for more safety; asking for less changes nothing. Answers whether the mode fell. */
  lower(to: Mode, by: string, reason: string): boolean {
    if (MODES.indexOf(to) <= MODES.indexOf(this.#mode)) return false;
    this.#change(to, by, reason);
    return true;
  }

  /** @param by the person whose act this is; never a timer, never a model. */
  raise(to: Mode, by: string): void {
    if (by.trim() === "")
      throw new BiddenError("not-authorised", "raising the mode needs the person who does it, none came");
    if (MODES.indexOf(to) < MODES.indexOf(this.#mode)) this.#change(to, by, "raised by a person");
  }

  #change(to: Mode, by: string, reason: string): void {
    const from = this.#mode;
    this.#mode = to;
    this.#onChange({ from, to, by, reason });
  }
}
