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
  const { normalizer, charsmap } = withoutCharsmap(json.normalizer ?? null);
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
    this.size = Math.max(largest, library.get_vocab(false).size);
  }

  encode(prompt: Prompt): number[] {
    return encodeParts(
      this,
      prompt,
      (text) => this.#library.encode(this.#charsmap(text), { add_special_tokens: false }).ids,
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
    if (!isJsonObject(token) || typeof token.content !== "string" || typeof token.id !== "number") return [];
    return [{ ...token, id: token.id, content: token.content, special: token.special === true }];
  });
}

/**
 * Takes a leading Precompiled normalizer out, with the Strip behind it: they are applied here, exactly (U+0085 is white space to
 * the reference, but not to JavaScript).
 */
function withoutCharsmap(normalizer: Json): { normalizer: Json; charsmap: (text: string) => string } {
  const steps =
    isJsonObject(normalizer) && Array.isArray(normalizer.normalizers) ? normalizer.normalizers : [normalizer];
  const [first, second, ...rest] = steps as readonly Json[];
  if (!isJsonObject(first) || first.type !== "Precompiled" || typeof first.precompiled_charsmap !== "string") {
    return { normalizer, charsmap: (text) => text };
  }
  const bytes = Uint8Array.from(atob(first.precompiled_charsmap), (char) => char.charCodeAt(0));
  const map = new Charsmap(bytes);
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
