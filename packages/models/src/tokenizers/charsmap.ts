/**
 * SentencePiece's precompiled character map: a double-array trie (Darts) over UTF-8 bytes whose leaves point into a list of
 * replacements. nmt_nfkc of T5 and of SentencePiece models is stored this way.
 */
import { BiddenError } from "@bidden/runtime";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

export class Charsmap {
  readonly #units: Uint32Array;
  readonly #replacements: Uint8Array;

  /** @param blob uint32 length of the trie in bytes, the trie's units, then the replacements, each ended by a zero byte. */
  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const trieBytes = blob.length >= 4 ? view.getUint32(0, true) : -1;
    if (trieBytes < 0 || trieBytes % 4 !== 0 || 4 + trieBytes > blob.length) {
      throw new BiddenError(
        "bad-checkpoint",
        "The tokenizer's character map is broken: its trie is longer than itself.",
      );
    }
    this.#units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + i * 4, true));
    this.#replacements = blob.subarray(4 + trieBytes);
  }

  /**
   * As SentencePiece: at every position the longest known sequence is replaced.
   * @param keep length of what must stay as it is at the beginning of a text, 0 for nothing
   */
  longest(text: string, keep: (rest: string) => number): string {
    let out = "";
    for (let at = 0; at < text.length; ) {
      const kept = keep(text.slice(at));
      if (kept > 0) {
        out += text.slice(at, at + kept);
        at += kept;
        continue;
      }
      const bytes = utf8.encode(text.slice(at, at + 16));
      const match = this.#prefixes(bytes).at(-1);
      const source =
        match === undefined
          ? String.fromCodePoint(text.codePointAt(at) as number)
          : fromUtf8.decode(bytes.subarray(0, match.length));
      out += match === undefined ? source : this.#replacementAt(match.offset);
      at += source.length;
    }
    return out;
  }

  /** As Hugging Face tokenizers: a short grapheme as a whole, then character by character. */
  byGrapheme(text: string): string {
    let out = "";
    for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) {
      const short = utf8.encode(segment).length < 6 ? this.#whole(segment) : null;
      out += short ?? Array.from(segment, (char) => this.#whole(char) ?? char).join("");
    }
    return out;
  }

  #whole(part: string): string | null {
    const [shortest] = this.#prefixes(utf8.encode(part));
    return shortest === undefined ? null : this.#replacementAt(shortest.offset);
  }

  /** Prefixes of the bytes that the trie knows, shortest first. */
  #prefixes(bytes: Uint8Array): { readonly length: number; readonly offset: number }[] {
    const found: { length: number; offset: number }[] = [];
    let node = offsetOf(this.#units[0] ?? 0);
    for (let i = 0; i < bytes.length; i++) {
      node ^= bytes[i] as number;
      const unit = this.#units[node];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== bytes[i]) break;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) found.push({ length: i + 1, offset: (this.#units[node] ?? 0) & 0x7fffffff });
    }
    return found;
  }

  #replacementAt(offset: number): string {
    const end = this.#replacements.indexOf(0, offset);
    return fromUtf8.decode(this.#replacements.subarray(offset, end < 0 ? undefined : end));
  }
}

/** Where a unit's children lie, relative to it (darts-clone's layout). */
function offsetOf(unit: number): number {
  return ((unit >>> 10) << ((unit & (1 << 9)) >>> 6)) >>> 0;
}
