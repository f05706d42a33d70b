/**
 * FAST (Pertsch et al. 2025): a chunk of actions as few tokens. Cosine transform along time, scaled and rounded, one character
 * a coefficient, byte-pair merged. What decodes to something else than a chunk is reported: the reference answers with zeros.
 */
import { BiddenError } from "@bidden/runtime";
import { Fields, isJsonObject, type JsonObject } from "../checkpoint/json.ts";
import { roundHalfEven } from "../image/float-image.ts";
import { cosineTransform, inverseCosineTransform } from "./cosine.ts";
import { bytesOfToken, charOfByte } from "./decode.ts";
import { mergePairs } from "./merge.ts";

export type FastDecoded = {
  /** float32[steps, dim]; zeros where the number of coefficients is wrong, as in the reference. */
  readonly actions: Float32Array;
  /** Why these are not actions that somebody encoded; empty when they may be. */
  readonly problems: readonly string[];
};

export interface FastTokenizer {
  /** Number of its tokens. */
  readonly vocabulary: number;
  readonly scale: number;
  readonly minToken: number;
  /**
   * @param actions [steps, dim], normalised
   * @returns ids, and what was lost: characters outside the alphabet have no token, coefficients below `minToken` are clamped
   */
  encode(actions: Float32Array | Float64Array, steps: number, dim: number): FastEncoded;
  /** Characters of ids, one a coefficient; ids outside the vocabulary vanish. */
  decode(ids: readonly number[]): string;
  /** Actions of ids, strictly. */
  decodeActions(ids: readonly number[], steps: number, dim: number): FastDecoded;
}

export type FastEncoded = {
  readonly ids: readonly number[];
  /** int[steps, dim], row-major. */
  readonly coefficients: readonly number[];
  readonly problems: readonly string[];
};

/** The split of GPT-2; white space as Unicode has it (JavaScript's \s lacks U+0085 and has U+FEFF). */
const SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const SPLIT = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|[${SPACE}]+(?![^${SPACE}])|[${SPACE}]+`,
  "gu",
);

/**
 * @param json `tokenizer.json`, a byte-level BPE
 * @param processor `processor_config.json`: `scale` and `min_token`
 */
export function createFastTokenizer(json: JsonObject, processor: Fields, name = "tokenizer.json"): FastTokenizer {
  const scale = processor.number("scale");
  if (scale <= 0) throw processor.bad("scale", "a number above 0");
  return new Fast(new Fields(json, name).object("model"), scale, processor.number("min_token"));
}

class Fast implements FastTokenizer {
  readonly scale: number;
  readonly minToken: number;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: ReadonlyMap<number, string>;
  readonly #ranks: ReadonlyMap<string, number>;

  constructor(model: Fields, scale: number, minToken: number) {
    this.scale = scale;
    this.minToken = minToken;
    this.#ids = vocabularyOf(model);
    this.#tokens = new Map([...this.#ids].map(([token, id]) => [id, token]));
    this.#ranks = ranksOf(model);
  }

  get vocabulary(): number {
    return this.#ids.size;
  }

  encode(actions: Float32Array | Float64Array, steps: number, dim: number): FastEncoded {
    const { coefficients, clamped } = quantise(actions, [steps, dim], this.scale, this.minToken);
    const text = String.fromCodePoint(...coefficients.map((value) => character(value, this.minToken)));
    const { ids, lost } = this.#encodeText(text);
    const problems: string[] = [];
    if (clamped > 0) problems.push(`${clamped} coefficients lie below ${this.minToken} and were clamped.`);
    if (lost > 0) problems.push(`${lost} bytes have no token and were dropped.`);
    return { ids, coefficients, problems };
  }

  decode(ids: readonly number[]): string {
    const bytes = ids.flatMap((id) => bytesOfToken(this.#tokens.get(id) ?? ""));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  }

  decodeActions(ids: readonly number[], steps: number, dim: number): FastDecoded {
    const points = Array.from(this.decode(ids), (char) => char.codePointAt(0) as number);
    const problems: string[] = [];
    const strange = ids.filter((id) => !this.#tokens.has(id)).length;
    if (strange > 0) problems.push(`${strange} of ${ids.length} ids are not in the vocabulary.`);
    if (points.includes(0xfffd)) problems.push("The tokens cut a coefficient in two.");
    if (points.length !== steps * dim) {
      problems.push(`Expected ${steps * dim} coefficients for ${steps} actions of ${dim}; came ${points.length}.`);
      return { actions: new Float32Array(steps * dim), problems };
    }
    const coefficients = points.map((point) => (point + this.minToken) / this.scale);
    return { actions: Float32Array.from(inverseCosineTransform(coefficients, steps, dim)), problems };
  }

  #encodeText(text: string): { readonly ids: number[]; readonly lost: number } {
    const ids: number[] = [];
    let lost = 0;
    for (const [part] of text.matchAll(SPLIT)) {
      const symbols = Array.from(new TextEncoder().encode(part), (byte) => charOfByte[byte] as string);
      const known = symbols.filter((symbol) => this.#ids.has(symbol));
      lost += symbols.length - known.length;
      const merged = mergePairs(known, (left, right) => {
        const rank = this.#ranks.get(`${left} ${right}`);
        return rank === undefined ? undefined : -rank;
      });
      ids.push(...merged.flatMap((token) => this.#ids.get(token) ?? []));
    }
    return { ids, lost };
  }
}

/** The reference transforms float32 in float32 and float64 in float64; halves round to even. */
function quantise(
  actions: Float32Array | Float64Array,
  [steps, dim]: readonly [steps: number, dim: number],
  scale: number,
  minToken: number,
): { readonly coefficients: number[]; readonly clamped: number } {
  if (actions.length !== steps * dim || steps * dim > 65_536) {
    throw new BiddenError("bad-shape", `Expected ${steps} x ${dim} actions; came ${actions.length} values.`);
  }
  const single = actions instanceof Float32Array;
  const coefficients = Array.from(cosineTransform(actions, steps, dim), (value) =>
    roundHalfEven(single ? Math.fround(Math.fround(value) * scale) : value * scale),
  );
  if (!coefficients.every(Number.isFinite)) {
    throw new BiddenError("bad-argument", "Expected finite actions to encode; at least one is not a number.");
  }
  return { coefficients, clamped: coefficients.filter((value) => value < minToken).length };
}

const LARGEST_CODE_POINT = 0x10ffff;

function character(coefficient: number, minToken: number): number {
  return Math.min(LARGEST_CODE_POINT, Math.max(0, coefficient - minToken));
}

function vocabularyOf(model: Fields): ReadonlyMap<string, number> {
  const vocab = model.raw("vocab");
  if (!isJsonObject(vocab)) throw model.bad("vocab", "an object of tokens and ids");
  const out = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0 || id > 1e7)
      throw model.bad("vocab", "whole ids");
    out.set(token, id);
  }
  return out;
}

/** Merges come as pairs, or as "a b". */
function ranksOf(model: Fields): ReadonlyMap<string, number> {
  const merges = model.raw("merges");
  if (!Array.isArray(merges)) throw model.bad("merges", "a list");
  return new Map(
    merges.map((merge: unknown, rank) => {
      if (typeof merge === "string") return [merge, rank];
      if (Array.isArray(merge) && merge.length === 2) return [`${String(merge[0])} ${String(merge[1])}`, rank];
      throw model.bad("merges", "pairs of tokens");
    }),
  );
}
