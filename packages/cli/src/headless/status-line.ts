/** A line about what is going on now, on a terminal only: written over and over, and gone at the end. Goes to stderr. */
import { stderr } from "node:process";

const REFRESH_MS = 100;

export class StatusLine {
  readonly #shown: boolean;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** @param quiet true where only the result is wanted. */
  constructor(quiet: boolean) {
    this.#shown = stderr.isTTY && !quiet;
  }

  /** Shows the text, at most ten times a second. */
  update(text: string): void {
    const nowMs = performance.now();
    if (!this.#shown || nowMs - this.#lastMs < REFRESH_MS) return;
    this.#lastMs = nowMs;
    stderr.write(`\r\x1b[2K${text.slice(0, Math.max(20, (stderr.columns ?? 80) - 1))}`);
  }

  clear(): void {
    if (this.#shown && Number.isFinite(this.#lastMs)) stderr.write("\r\x1b[2K");
  }
}
