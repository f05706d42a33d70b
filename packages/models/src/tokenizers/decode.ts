/** Tokens to text, by the decoder that tokenizer.json names. */
import { BiddenError } from "@bidden/runtime";
import { isJsonObject, type Json, type JsonObject } from "../checkpoint/json.ts";

type Token = { readonly text: string; readonly added: boolean };

/** Applies the decoder's steps to the tokens and joins them. Added tokens of byte-level vocabularies stand as they are. */
export function decodeTokens(decoder: Json, tokens: readonly Token[]): string {
  if (isJsonObject(decoder) && decoder.type === "ByteLevel") return byteLevel(tokens);
  const steps = isJsonObject(decoder) && decoder.type === "Sequence" ? decoder.decoders : [decoder];
  let texts = tokens.map((token) => token.text);
  for (const step of Array.isArray(steps) ? (steps as readonly Json[]) : []) {
    if (isJsonObject(step)) texts = applyStep(step, texts);
  }
  return texts.join("");
}

function applyStep(step: JsonObject, texts: string[]): string[] {
  const type = typeof step.type === "string" ? step.type : "";
  switch (type) {
    case "Replace": {
      const pattern = isJsonObject(step.pattern) ? step.pattern.String : null;
      if (typeof pattern !== "string") break;
      const content = typeof step.content === "string" ? step.content : "";
      return texts.map((text) => text.replaceAll(pattern, content));
    }
    case "ByteFallback":
      return byteFallback(texts);
    case "Fuse":
      return [texts.join("")];
    case "Strip": {
      const mark = typeof step.content === "string" ? step.content : " ";
      return texts.map((text) => strip(text, mark, Number(step.start), Number(step.stop)));
    }
    case "Metaspace": {
      const mark = typeof step.replacement === "string" ? step.replacement : "▁";
      const dropFirst = step.prepend_scheme !== "never" && step.add_prefix_space !== false;
      return texts.map((text, i) => {
        const spaced = text.replaceAll(mark, " ");
        return i === 0 && dropFirst && spaced.startsWith(" ") ? spaced.slice(1) : spaced;
      });
    }
    default:
  }
  throw new BiddenError("unsupported", `tokenizer.json: the decoder ${JSON.stringify(step.type)} is not known.`, {
    decoder: JSON.stringify(step.type),
  });
}

/** Runs of `<0xNN>` become UTF-8; a run that is not valid becomes one U+FFFD a byte. */
function byteFallback(texts: readonly string[]): string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = (): void => {
    if (bytes.length === 0) return;
    try {
      out.push(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      out.push(...bytes.map(() => "\uFFFD"));
    }
    bytes = [];
  };
  for (const text of texts) {
    const match = /^<0x([0-9A-Fa-f]{2})>$/.exec(text);
    if (match !== null) {
      bytes.push(Number.parseInt(match[1] as string, 16));
      continue;
    }
    flush();
    out.push(text);
  }
  flush();
  return out;
}

function strip(text: string, mark: string, start: number, stop: number): string {
  let [from, to] = [0, text.length];
  while (from < start && text[from] === mark) from++;
  while (text.length - to < stop && to > from && text[to - 1] === mark) to--;
  return text.slice(from, to);
}

/** GPT-2's table: printable bytes stand for themselves, the others for the characters from U+0100 on. */
export const byteOfChar: ReadonlyMap<string, number> = new Map(
  (() => {
    const pairs: [string, number][] = [];
    let next = 256;
    for (let byte = 0; byte < 256; byte++) {
      const own = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      pairs.push([String.fromCharCode(own ? byte : next++), byte]);
    }
    return pairs;
  })(),
);

export const charOfByte: readonly string[] = [...byteOfChar].sort((a, b) => a[1] - b[1]).map(([char]) => char);

/** Bytes of a byte-level token; a token with any other character stands for its own UTF-8. */
export function bytesOfToken(token: string): readonly number[] {
  const bytes = Array.from(token, (char) => byteOfChar.get(char));
  return bytes.every((byte) => byte !== undefined) ? bytes : Array.from(new TextEncoder().encode(token));
}

function byteLevel(tokens: readonly Token[]): string {
  let out = "";
  let bytes: number[] = [];
  const flush = (): void => {
    out += new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
    bytes = [];
  };
  for (const { text, added } of tokens) {
    if (!added) {
      bytes.push(...bytesOfToken(text));
      continue;
    }
    flush();
    out += text;
  }
  flush();
  return out;
}
