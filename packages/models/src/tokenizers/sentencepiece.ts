/**
 * SentencePiece (https://github.com/google/sentencepiece): normalising, then byte-pair merging by score or the most probable
 * segmentation, with bytes for what no piece covers. Control pieces are never found in a text.
 */
import { Charsmap } from "./charsmap.ts";
import { mergePairs } from "./merge.ts";
import { type Piece, type PieceModel, readPieceModel } from "./piece-model.ts";
import { encodeParts, type Prompt, type TextTokenizer } from "./tokenizer.ts";

const SPACE = "\u2581";

/** @param bytes a `.model` file */
export function createSentencePiece(bytes: Uint8Array, name = "tokenizer.model"): TextTokenizer {
  return new SentencePiece(readPieceModel(bytes, name), name);
}

class SentencePiece implements TextTokenizer {
  readonly name: string;
  readonly size: number;
  readonly specialIds: ReadonlySet<number>;
  readonly #model: PieceModel;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #unknown: number;
  /** Length of the user-defined piece that a text begins with. */
  readonly #userPiece: (rest: string) => number;
  readonly #longest: number;
  readonly #least: number;
  readonly #most: number;
  readonly #normalise: (text: string) => string;

  constructor(model: PieceModel, name: string) {
    this.name = name;
    this.size = model.pieces.length;
    this.#model = model;
    this.#ids = new Map(model.pieces.map((piece, id) => [piece.text, id]));
    this.#unknown = Math.max(
      0,
      model.pieces.findIndex((piece) => piece.type === "unknown"),
    );
    this.specialIds = new Set(
      model.pieces.flatMap(({ type }, id) => (type === "control" || type === "unknown" ? [id] : [])),
    );
    this.#userPiece = prefixFinder(model.pieces.flatMap(({ type, text }) => (type === "user" ? [text] : [])));
    const normal = model.pieces.filter((piece) => piece.type === "normal");
    this.#longest = model.pieces.reduce((max, { text }) => Math.max(max, text.length), 0);
    this.#least = normal.reduce((min, { score }) => Math.min(min, score), 0);
    this.#most = normal.reduce((max, { score }) => Math.max(max, score), Number.NEGATIVE_INFINITY);
    const map = model.charsmap.length === 0 ? null : new Charsmap(model.charsmap);
    this.#normalise = map === null ? (text) => text : (text) => map.longest(text, this.#userPiece);
  }

  encode(prompt: Prompt): number[] {
    return encodeParts(this, prompt, (text) => {
      const normal = this.#spaced(this.#normalise(wellFormed(text)));
      if (normal === "") return [];
      return this.#model.kind === "bpe" ? this.#merge(normal) : this.#mostProbable(normal);
    });
  }

  decode(ids: readonly number[], options: { readonly special?: boolean } = {}): string {
    let out = "";
    let bytes: number[] = [];
    const flush = (): void => {
      out += fallbackText(bytes);
      bytes = [];
    };
    let first = true;
    for (const id of ids) {
      const piece = this.#model.pieces[id];
      if (piece === undefined) continue;
      if (piece.type === "byte") {
        bytes.push(Number.parseInt(piece.text.slice(3, 5), 16));
        first = false;
        continue;
      }
      flush();
      if (piece.type === "control") {
        if (options.special === true) out += piece.text;
        continue;
      }
      if (piece.type === "unknown") out += this.#model.unknownSurface;
      else out += this.#surface(piece, first);
      first = false;
    }
    flush();
    return out;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  #surface(piece: Piece, first: boolean): string {
    const { addDummyPrefix, removeExtraWhitespaces } = this.#model;
    const text = piece.text.replaceAll(SPACE, " ");
    return first && (addDummyPrefix || removeExtraWhitespaces) && text.startsWith(" ") ? text.slice(1) : text;
  }

  /** Spaces: superfluous ones removed, one put in front, written as U+2581, each where the model says so. */
  #spaced(text: string): string {
    const { addDummyPrefix, removeExtraWhitespaces, escapeWhitespaces } = this.#model;
    const trimmed = removeExtraWhitespaces ? text.replaceAll(/ {2,}/g, " ").replace(/^ /, "").replace(/ $/, "") : text;
    if (trimmed === "") return "";
    const prefixed = addDummyPrefix ? ` ${trimmed}` : trimmed;
    return escapeWhitespaces ? prefixed.replaceAll(" ", SPACE) : prefixed;
  }

  /** Cuts out user-defined pieces, which never merge, and splits the rest into characters. */
  #symbols(text: string): { readonly symbols: string[]; readonly fixed: Set<number> } {
    const find = this.#userPiece;
    const symbols: string[] = [];
    const fixed = new Set<number>();
    for (let at = 0; at < text.length; ) {
      const length = find(text.slice(at, at + this.#longest));
      if (length > 0) fixed.add(symbols.length);
      const symbol = length > 0 ? text.slice(at, at + length) : String.fromCodePoint(text.codePointAt(at) as number);
      symbols.push(symbol);
      at += symbol.length;
    }
    return { symbols, fixed };
  }

  #merge(text: string): number[] {
    const { symbols, fixed } = this.#symbols(text);
    const scoreOf = (left: string, right: string): number | undefined => {
      const piece = this.#model.pieces[this.#ids.get(left + right) ?? -1];
      return piece === undefined || piece.type === "control" || piece.type === "unknown" ? undefined : piece.score;
    };
    return this.#idsOf(mergePairs(symbols, scoreOf, fixed));
  }

  /** Viterbi over the pieces that begin at every character; what no piece covers is one unknown character. */
  #mostProbable(text: string): number[] {
    // float32, as the reference: it decides between segmentations that are equal otherwise.
    const best = new Float32Array(text.length + 1).fill(Number.NEGATIVE_INFINITY);
    const from = new Int32Array(text.length + 1).fill(-1);
    best[0] = 0;
    for (let at = 0; at < text.length; ) {
      const width = String.fromCodePoint(text.codePointAt(at) as number).length;
      let single = false;
      for (let length = width; length <= Math.min(this.#longest, text.length - at); length++) {
        const piece = this.#model.pieces[this.#ids.get(text.slice(at, at + length)) ?? -1];
        if (piece === undefined || piece.type === "control" || piece.type === "unknown" || piece.type === "unused")
          continue;
        single ||= length === width;
        const score = piece.type === "user" ? length * this.#most - 0.1 : piece.score;
        improve(best, from, at, at + length, score);
      }
      if (!single) improve(best, from, at, at + width, this.#least - 10);
      at += width;
    }
    const parts: string[] = [];
    for (let end = text.length; end > 0; end = from[end] as number) parts.unshift(text.slice(from[end], end));
    return this.#idsOf(parts);
  }

  /** Neighbouring unknown characters become one unknown id, or their bytes. */
  #idsOf(parts: readonly string[]): number[] {
    const ids: number[] = [];
    let unknown = false;
    for (const part of parts) {
      const id = this.#ids.get(part);
      const known = id !== undefined && !this.specialIds.has(id);
      if (known) ids.push(id);
      else if (this.#model.byteFallback) ids.push(...this.#bytes(part));
      else if (!unknown) ids.push(this.#unknown);
      unknown = !known;
    }
    return ids;
  }

  #bytes(part: string): number[] {
    return Array.from(new TextEncoder().encode(part), (byte) => {
      const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
      return this.#ids.get(name) ?? this.#unknown;
    });
  }
}

function improve(best: Float32Array, from: Int32Array, at: number, end: number, score: number): void {
  const total = Math.fround((best[at] as number) + score);
  if (total <= (best[end] as number)) return;
  best[end] = total;
  from[end] = at;
}

/** Length of the longest of these texts that another begins with; 0 where none does. */
function prefixFinder(texts: readonly string[]): (rest: string) => number {
  const byFirst = new Map<string, string[]>();
  for (const text of texts.toSorted((a, b) => b.length - a.length)) {
    if (text !== "") byFirst.set(text[0] as string, [...(byFirst.get(text[0] as string) ?? []), text]);
  }
  return (rest) => byFirst.get(rest[0] ?? "")?.find((text) => rest.startsWith(text))?.length ?? 0;
}

/** Bytes as UTF-8; each that belongs to no character is one U+FFFD. */
function fallbackText(bytes: readonly number[]): string {
  let out = "";
  for (let at = 0; at < bytes.length; ) {
    let taken = 0;
    for (let length = Math.min(4, bytes.length - at); length > 0 && taken === 0; length--) {
      try {
        const part = Uint8Array.from(bytes.slice(at, at + length));
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(part);
        if (Array.from(text).length !== 1) continue;
        out += text;
        taken = length;
      } catch {
        // Not a character of this length.
      }
    }
    if (taken === 0) out += "\uFFFD";
    at += Math.max(1, taken);
  }
  return out;
}

/** Half of a surrogate pair becomes U+FFFD, as it would in UTF-8. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, "\uFFFD");
}
