/**
 * Text to token ids, as the tokenizer that a checkpoint was trained with. What a person typed can never become a special token:
 * those are named by the code that assembles a prompt, and only there.
 */
import { BiddenError, messageOf } from "@bidden/runtime";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { isJsonObject, type Json, type JsonObject } from "../checkpoint/json.ts";
import { Charsmap } from "./charsmap.ts";
import { decodeTokens } from "./decode.ts";

/** A prompt: texts, and special tokens by name, such as `[{ special: "<bos>" }, instruction, "\n"]`. */
export type Prompt = string | readonly (string | { readonly special: string })[];

export interface TextTokenizer {
  /** Shown in errors. */
  readonly name: string;
  /** Number of ids, added tokens included. */
  readonly size: number;
  /** Ids of a prompt; nothing is added at its ends. Neighbouring texts are joined before they are cut into tokens. */
  encode(prompt: Prompt): number[];
  /** Text of ids; special tokens are left out unless `special`. */
  decode(ids: readonly number[], options?: { readonly special?: boolean }): string;
  /** Id of a token by its exact name, special or not. */
  idOf(token: string): number | undefined;
  /** Ids that no typed text becomes. */
  readonly specialIds: ReadonlySet<number>;
}

/** Longer texts are no instruction; they are refused before any work is done on them. */
export const MAX_TEXT = 20_000;

type Added = { readonly id: number; readonly content: string; readonly special: boolean };

/**
 * @param json `tokenizer.json`, parsed
 * @param config `tokenizer_config.json`, parsed; {} where there is none
 */
export function createTokenizer(json: JsonObject, config: JsonObject, name = "tokenizer.json"): TextTokenizer {
  const added = addedTokens(json, name);
  checkVocabulary(json, name);
  const { normalizer, charsmap } = withoutCharsmap(json.normalizer ?? null, name);
  const plain = { ...json, normalizer, added_tokens: added.filter((token) => !token.special) as unknown as Json };
  let library: Library;
  try {
    library = new Library(plain, { ...config, added_tokens_decoder: {} });
  } catch (error) {
    throw new BiddenError("bad-checkpoint", `${name} could not be read: ${messageOf(error)}.`, { file: name }, error);
  }
  return new HubTokenizer(name, library, json, added, charsmap);
}

class HubTokenizer implements TextTokenizer {
  readonly name: string;
  readonly size: number;
  readonly specialIds: ReadonlySet<number>;
  readonly #library: Library;
  readonly #decoder: Json;
  readonly #added: ReadonlyMap<string, Added>;
  readonly #byId: ReadonlyMap<number, Added>;
  readonly #charsmap: (text: string) => string;

  constructor(
    name: string,
    library: Library,
    json: JsonObject,
    added: readonly Added[],
    charsmap: (text: string) => string,
  ) {
    this.name = name;
    this.#library = library;
    this.#decoder = json.decoder ?? null;
    this.#added = new Map(added.map((token) => [token.content, token]));
    this.#byId = new Map(added.map((token) => [token.id, token]));
    this.#charsmap = charsmap;
    this.specialIds = new Set(added.filter((token) => token.special).map((token) => token.id));
    const largest = added.reduce((max, token) => Math.max(max, token.id + 1), 0);
    this.size = Math.max(largest, largestId(json) + 1);
  }

  encode(prompt: Prompt): number[] {
    return encodeParts(this, prompt, (text) => this.#encodeText(this.#charsmap(text)));
  }

  /** The library reads the parts of a tokenizer only when it uses them: a wrong one shows here. */
  #encodeText(text: string): number[] {
    let ids: number[];
    try {
      ({ ids } = this.#library.encode(text, { add_special_tokens: false }));
    } catch (error) {
      throw new BiddenError(
        "bad-checkpoint",
        `${this.name} could not be applied to a text: ${messageOf(error)}.`,
        { file: this.name },
        error,
      );
    }
    if (ids.every((id) => isId(id) && id < this.size)) return ids;
    throw new BiddenError(
      "bad-checkpoint",
      `${this.name}: a text became ${ids.slice(0, 8).join(", ")}: expected ids from 0 to ${this.size - 1}.`,
      { file: this.name },
    );
  }

  decode(ids: readonly number[], options: { readonly special?: boolean } = {}): string {
    const tokens: { readonly text: string; readonly added: boolean }[] = [];
    for (const id of ids) {
      const added = this.#byId.get(id);
      if (added?.special === true && options.special !== true) continue;
      const text = added?.content ?? this.#library.id_to_token(id);
      if (text !== undefined) tokens.push({ text, added: added !== undefined });
    }
    return decodeTokens(this.#decoder, tokens);
  }

  idOf(token: string): number | undefined {
    return this.#added.get(token)?.id ?? this.#library.token_to_id(token);
  }
}

/** Cuts a prompt at its special tokens and encodes what lies between. */
export function encodeParts(tokenizer: TextTokenizer, prompt: Prompt, encode: (text: string) => number[]): number[] {
  const ids: number[] = [];
  let text = "";
  const flush = (): void => {
    if (text.length > MAX_TEXT) {
      throw new BiddenError(
        "bad-instruction",
        `Expected a text of at most ${MAX_TEXT} characters; came ${text.length}.`,
        {
          characters: text.length,
        },
      );
    }
    if (text !== "") ids.push(...encode(text));
    text = "";
  };
  for (const part of typeof prompt === "string" ? [prompt] : prompt) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    flush();
    const id = tokenizer.idOf(part.special);
    if (id === undefined) {
      throw new BiddenError(
        "bad-checkpoint",
        `${tokenizer.name}: expected a token "${part.special}"; there is none, so it is not the tokenizer of this checkpoint.`,
        { file: tokenizer.name, token: part.special },
      );
    }
    ids.push(id);
  }
  flush();
  return ids;
}

function addedTokens(json: JsonObject, name: string): Added[] {
  const list = json.added_tokens ?? [];
  if (!isJsonObject(json.model) || !Array.isArray(list)) {
    throw new BiddenError("bad-checkpoint", `${name}: expected "model" and a list "added_tokens".`, { file: name });
  }
  return list.flatMap((token: unknown) => {
    if (!isJsonObject(token) || typeof token.content !== "string") return [];
    if (!isId(token.id)) {
      throw new BiddenError(
        "bad-checkpoint",
        `${name}, added token "${token.content}": expected an id from 0 to ${MOST_IDS - 1}; came ${JSON.stringify(token.id)}.`,
        { file: name, token: token.content },
      );
    }
    return [{ ...token, id: token.id, content: token.content, special: token.special === true }];
  });
}

/** More ids than any vocabulary has. */
const MOST_IDS = 2 ** 24;

function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < MOST_IDS;
}

/** A vocabulary by token (BPE), or a list of tokens with their scores (Unigram): wrong entries would become wrong ids. */
function checkVocabulary(json: JsonObject, name: string): void {
  const vocab = isJsonObject(json.model) ? (json.model.vocab ?? null) : null;
  const entries: readonly (readonly [string, boolean])[] = Array.isArray(vocab)
    ? vocab.map((entry: unknown, i): [string, boolean] => [`${i}`, isScored(entry)])
    : Object.entries(isJsonObject(vocab) ? vocab : {}).map(([token, id]): [string, boolean] => [token, isId(id)]);
  const wrong = entries.find(([, fits]) => !fits);
  if (entries.length > 0 && wrong === undefined) return;
  throw new BiddenError(
    "bad-checkpoint",
    wrong === undefined
      ? `${name}: expected "model.vocab" with tokens; there are none.`
      : `${name}, field "model.vocab", entry "${wrong[0]}": expected an id from 0 to ${MOST_IDS - 1}, or a token with its score.`,
    { file: name, field: "model.vocab" },
  );
}

function isScored(entry: unknown): boolean {
  return Array.isArray(entry) && typeof entry[0] === "string" && Number.isFinite(entry[1]);
}

function largestId(json: JsonObject): number {
  const vocab = isJsonObject(json.model) ? (json.model.vocab ?? null) : null;
  if (Array.isArray(vocab)) return vocab.length - 1;
  return Object.values(isJsonObject(vocab) ? vocab : {}).reduce<number>((max, id) => Math.max(max, Number(id)), -1);
}

/**
 * Takes a leading Precompiled normalizer out, with the Strip behind it: they are applied here, exactly (U+0085 is white space to
 * the reference, but not to JavaScript).
 */
function withoutCharsmap(normalizer: Json, name: string): { normalizer: Json; charsmap: (text: string) => string } {
  const steps =
    isJsonObject(normalizer) && Array.isArray(normalizer.normalizers) ? normalizer.normalizers : [normalizer];
  const [first, second, ...rest] = steps as readonly Json[];
  if (!isJsonObject(first) || first.type !== "Precompiled" || typeof first.precompiled_charsmap !== "string") {
    return { normalizer, charsmap: (text) => text };
  }
  const map = charsmapOf(first.precompiled_charsmap, name);
  const strips = isJsonObject(second) && second.type === "Strip";
  const others = strips || second === undefined ? rest : [second, ...rest];
  return {
    normalizer: others.length === 0 ? null : { type: "Sequence", normalizers: others },
    charsmap: (text) => {
      let out = map.byGrapheme(text);
      if (strips && second.strip_left === true) out = out.replace(/^[\s\u0085]+/, "");
      if (strips && second.strip_right === true) out = stripEnd(out);
      return out;
    },
  };
}

function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /[\s\u0085]/.test(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

function charsmapOf(text: string, name: string): Charsmap {
  try {
    return new Charsmap(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));
  } catch (error) {
    throw new BiddenError(
      "bad-checkpoint",
      `${name}, field "normalizer.precompiled_charsmap" could not be read: ${messageOf(error)}.`,
      { file: name },
      error,
    );
  }
}
