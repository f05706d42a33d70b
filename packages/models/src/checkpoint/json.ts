/** JSON files of checkpoints, and reading fields out of them with errors that name file, field, expected and got. */
import { BiddenError, messageOf } from "@bidden/runtime";

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Python's json writes NaN and Infinity as bare words, which JSON does not know: those become null. */
export function parseJson(text: string, file: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    try {
      value = JSON.parse(text.replaceAll(/(?<=[:,[]\s*)(NaN|-?Infinity)(?=\s*[,\]}])/g, "null"));
    } catch (error) {
      throw new BiddenError("bad-checkpoint", `${file} is not JSON: ${messageOf(error)}.`, { file }, error);
    }
  }
  if (!isJsonObject(value)) {
    throw new BiddenError("bad-checkpoint", `${file}: expected a JSON object; came ${text.slice(0, 30)}.`, { file });
  }
  return value;
}

/** Typed access to one JSON object. Every getter throws when the field has another type; `fallback` is for absent (or null) fields. */
export class Fields {
  readonly file: string;
  readonly #object: JsonObject;
  readonly #path: string;

  constructor(object: JsonObject, file: string, path = "") {
    this.#object = object;
    this.file = file;
    this.#path = path;
  }

  has(key: string): boolean {
    return this.#get(key) !== null;
  }

  keys(): readonly string[] {
    return Object.keys(this.#object);
  }

  raw(key: string): Json {
    return this.#get(key);
  }

  number(key: string, fallback?: number): number {
    const value = this.#get(key);
    if (value === null && fallback !== undefined) return fallback;
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.bad(key, "a number");
    return value;
  }

  /** A whole number of at least `min` (default 0). */
  whole(key: string, fallback?: number, min = 0): number {
    const value = this.number(key, fallback);
    if (!Number.isSafeInteger(value) || value < min) throw this.bad(key, `a whole number of at least ${min}`);
    return value;
  }

  text(key: string, fallback?: string): string {
    const value = this.#get(key);
    if (value === null && fallback !== undefined) return fallback;
    if (typeof value !== "string") throw this.bad(key, "a text");
    return value;
  }

  flag(key: string, fallback?: boolean): boolean {
    const value = this.#get(key);
    if (value === null && fallback !== undefined) return fallback;
    if (typeof value !== "boolean") throw this.bad(key, "true or false");
    return value;
  }

  numbers(key: string, fallback?: readonly number[]): readonly number[] {
    const value = this.#get(key);
    if (value === null && fallback !== undefined) return fallback;
    if (!Array.isArray(value) || !value.every((n): n is number => typeof n === "number"))
      throw this.bad(key, "a list of numbers");
    return value;
  }

  texts(key: string, fallback?: readonly string[]): readonly string[] {
    const value = this.#get(key);
    if (value === null && fallback !== undefined) return fallback;
    if (!Array.isArray(value) || !value.every((n): n is string => typeof n === "string"))
      throw this.bad(key, "a list of texts");
    return value;
  }

  /** An inner object; empty when absent and `optional`. */
  object(key: string, optional = false): Fields {
    const value = this.#get(key);
    if (value === null && optional) return new Fields({}, this.file, this.#name(key));
    if (!isJsonObject(value)) throw this.bad(key, "an object");
    return new Fields(value, this.file, this.#name(key));
  }

  objects(key: string): readonly Fields[] {
    const value = this.#get(key);
    if (!Array.isArray(value)) throw this.bad(key, "a list of objects");
    return value.map((item: unknown, i) => {
      if (!isJsonObject(item)) throw this.bad(`${key}[${i}]`, "an object");
      return new Fields(item, this.file, this.#name(`${key}[${i}]`));
    });
  }

  /** The error for a field: `config.json, field "a.b": expected ...; came ...`. */
  bad(key: string, expected: string): BiddenError {
    const field = this.#name(key);
    const value = this.#get(key);
    const came = value === null ? "nothing" : JSON.stringify(value).slice(0, 80);
    return new BiddenError("bad-checkpoint", `${this.file}, field "${field}": expected ${expected}; came ${came}.`, {
      file: this.file,
      field,
      expected,
      came,
    });
  }

  #name(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  #get(key: string): Json {
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? null) : null;
  }
}
