/** Reads numbers out of command-line options; what is wrong is said in a sentence. */
import { BiddenError } from "@bidden/runtime";

/** @returns a whole number between `min` and `max`, both inclusive. */
export function readWhole(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new BiddenError(
    "bad-argument",
    `Expected ${name} to be a whole number from ${min} to ${max}, got "${text.slice(0, 40)}".`,
    {
      option: name,
    },
  );
}

/** @returns a number between `min` and `max`, both inclusive. */
export function readNumber(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw new BiddenError(
    "bad-argument",
    `Expected ${name} to be a number from ${min} to ${max}, got "${text.slice(0, 40)}".`,
    {
      option: name,
    },
  );
}

export const MAX_SEED = 2 ** 32 - 1;

export function readSeed(text: string): number {
  return readWhole("--seed", text, 0, MAX_SEED);
}
