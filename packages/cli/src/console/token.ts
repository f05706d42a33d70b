/** The operator token: whoever opened the link that the command printed may move the arm. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** 128 random bits, URL-safe. */
export function mintToken(): string {
  return randomBytes(16).toString("base64url");
}

/** Compares digests, so that the time taken says nothing about where two tokens differ. */
export function sameToken(expected: string, given: string | null): boolean {
  if (given === null) return false;
  return timingSafeEqual(digestOf(expected), digestOf(given));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
