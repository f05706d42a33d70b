/** From an Example's flat lists back to the values of features. */

import { BiddenError } from "@bidden/runtime";
import { decode as decodePngRaw } from "fast-png";
import { halfToNumber } from "../bytes/half.ts";
import { inflate } from "../bytes/inflate.ts";
import { createNumbers, elementsOf, isNumberDtype, setNumber } from "../dataset/columns.ts";
import type { Column, NumberArray, NumberDtype } from "../dataset/types.ts";
import { decodeImage } from "../image/decode.ts";
import type { Example, ExampleFeature } from "./example.ts";
import type { TfdsPlace } from "./features.ts";

/** @param where file and record, for messages. */
export class ExampleReader {
  readonly #example: Example;
  readonly #where: string;

  constructor(example: Example, where: string) {
    this.#example = example;
    this.#where = where;
  }

  #bad(key: string, what: string): BiddenError {
    return new BiddenError("bad-dataset", `${this.#where}: "${key}" ${what}.`, { feature: key });
  }

  #get(key: string): ExampleFeature {
    const feature = this.#example.get(key);
    if (feature === undefined) throw this.#bad(key, "is missing");
    return feature;
  }

  /** How many steps a place under `steps` has; null where the key does not say it directly. */
  length({ key, leaf, sequences }: TfdsPlace): number | null {
    const feature = this.#example.get(key);
    if (feature === undefined || sequences.length !== 1) return null;
    if (feature.kind === "bytes") return feature.values.length;
    const size = leaf.kind === "tensor" ? elementsOf(leaf.shape) : 1;
    return size > 0 && feature.values.length % size === 0 ? feature.values.length / size : null;
  }

  /** A column of `frames` steps. */
  async column(place: TfdsPlace, frames: number): Promise<Column> {
    const { key, leaf, sequences } = place;
    if (sequences.length > 1) return { kind: "json", values: await this.#nested(place, frames) };
    if (leaf.kind === "text") return { kind: "text", values: this.#texts(key, frames) };
    if (leaf.kind === "label")
      return { kind: "numbers", dtype: "int64", shape: [1], values: this.#plain(key, "int64", frames) };
    if (leaf.kind === "image") return this.#images(key, leaf, this.#bytes(key, frames));
    if (leaf.dtype === "string") return this.#stringTensor(key, leaf.shape, frames);
    return this.#tensor(place, leaf, frames);
  }

  /** A value outside `steps`, as plain JSON-like data. */
  async value({ key, leaf, sequences }: TfdsPlace): Promise<unknown> {
    if (sequences.length > 1) return null;
    const many = sequences.length === 1;
    if (leaf.kind === "image") {
      const list = this.#example.get(key);
      return list?.kind === "bytes" ? `${list.values.length} pictures` : null;
    }
    if (leaf.kind === "text" || (leaf.kind === "tensor" && leaf.dtype === "string")) {
      const texts = this.#texts(key, null);
      return many || (leaf.kind === "tensor" && leaf.shape.length > 0) ? texts : (texts[0] ?? "");
    }
    const { shape, values } = await this.#single(
      key,
      leaf.kind === "label" ? { dtype: "int64", shape: [], encoding: "none" } : leaf,
    );
    if (!many && shape.length === 0)
      return leaf.kind === "tensor" && leaf.dtype === "bool" ? values[0] === 1 : plainNumber(values[0]);
    return nestNumbers(values, many ? [-1, ...shape] : shape);
  }

  #bytes(key: string, count: number | null): readonly Uint8Array[] {
    const feature = this.#get(key);
    // An empty list is written without a kind.
    if (feature.kind !== "bytes") throw this.#bad(key, `holds ${feature.kind}, expected bytes`);
    if (count !== null && feature.values.length !== count) {
      throw this.#bad(key, `holds ${feature.values.length} values for ${count} steps`);
    }
    return feature.values;
  }

  #texts(key: string, count: number | null): string[] {
    if (count === null && !this.#example.has(key)) return [];
    return this.#bytes(key, count).map((bytes) => new TextDecoder().decode(bytes));
  }

  #stringTensor(key: string, shape: readonly number[], frames: number): Column {
    if (shape.length === 0) return { kind: "text", values: this.#texts(key, frames) };
    const texts = this.#texts(key, null);
    const size = texts.length / Math.max(1, frames);
    return { kind: "json", values: Array.from({ length: frames }, (_, i) => texts.slice(i * size, (i + 1) * size)) };
  }

  /** Numbers that lie in the Example itself. @param count null: as many as there are. */
  #plain(key: string, dtype: NumberDtype, count: number | null): NumberArray {
    const feature = this.#get(key);
    if (feature.kind === "bytes") throw this.#bad(key, "holds bytes, expected numbers");
    if (count !== null && feature.values.length !== count) {
      throw this.#bad(key, `holds ${feature.values.length} numbers, expected ${count}`);
    }
    const { values } = feature;
    if (dtype === "float32" && values instanceof Float32Array) return values;
    if (dtype === "int64" && values instanceof BigInt64Array) return values;
    if (dtype === "uint64" && values instanceof BigInt64Array) return new BigUint64Array(values.buffer);
    const out = createNumbers(dtype, values.length);
    for (let i = 0; i < values.length; i++) setNumber(out, i, values[i] as number | bigint);
    return out;
  }

  async #tensor(place: TfdsPlace, leaf: TensorLeaf, frames: number): Promise<Column> {
    const { key } = place;
    const dtype = numberDtype(leaf.dtype, (what) => this.#bad(key, what));
    const unknown = leaf.shape.filter((n) => n < 0).length;
    if (leaf.encoding === "none") {
      const values = this.#plain(key, dtype, unknown === 0 ? frames * elementsOf(leaf.shape) : null);
      const known = elementsOf(leaf.shape.filter((n) => n >= 0)) * Math.max(1, frames);
      const shape = leaf.shape.map((n) => (n < 0 ? values.length / known : n));
      if (unknown > 1 || !shape.every(Number.isInteger))
        throw this.#bad(key, `holds ${values.length} numbers for ${frames} steps`);
      return { kind: "numbers", dtype, shape: shape.length === 0 ? [1] : shape, values };
    }
    if (unknown > 1) {
      return { kind: "json", values: await this.#dynamic(key, leaf, dtype, frames) };
    }
    const blobs = await this.#blobs(key, leaf.encoding, frames);
    const parts = blobs.map((blob) => numbersOf(blob, dtype, (what) => this.#bad(key, what)));
    const size = parts[0]?.length ?? 0;
    const known = elementsOf(leaf.shape.filter((n) => n >= 0));
    const shape = leaf.shape.map((n) => (n < 0 ? size / known : n));
    if (parts.some((part) => part.length !== elementsOf(shape))) throw this.#bad(key, "has steps of different size");
    const values = createNumbers(dtype, frames * size);
    for (const [i, part] of parts.entries()) values.set(part as never, i * size);
    return { kind: "numbers", dtype, shape: shape.length === 0 ? [1] : shape, values };
  }

  async #blobs(key: string, encoding: "bytes" | "zlib", count: number | null): Promise<Uint8Array[]> {
    const blobs = this.#bytes(key, count);
    if (encoding === "bytes") return [...blobs];
    return Promise.all(blobs.map((blob) => inflate(blob, "deflate", `${this.#where}: "${key}"`)));
  }

  /** More than one size unknown: `key/shape` and `key/value`. */
  async #dynamic(key: string, leaf: TensorLeaf, dtype: NumberDtype, frames: number | null): Promise<unknown[]> {
    const rank = leaf.shape.length;
    const shapes = this.#plain(`${key}/shape`, "int64", frames === null ? null : frames * rank);
    const blobs = await this.#blobs(`${key}/value`, leaf.encoding === "zlib" ? "zlib" : "bytes", frames);
    return blobs.map((blob, i) => {
      const shape = Array.from({ length: rank }, (_, d) => Number(shapes[i * rank + d]));
      const values = numbersOf(blob, dtype, (what) => this.#bad(key, what));
      if (shape.some((n) => n < 0) || elementsOf(shape) !== values.length) {
        throw this.#bad(key, `has shape [${shape.join(", ")}] for ${values.length} numbers`);
      }
      return nestNumbers(values, shape);
    });
  }

  async #single(key: string, leaf: TensorLeaf): Promise<{ shape: readonly number[]; values: NumberArray }> {
    const dtype = numberDtype(leaf.dtype, (what) => this.#bad(key, what));
    if (leaf.shape.filter((n) => n < 0).length > 1) {
      const shapes = this.#plain(`${key}/shape`, "int64", leaf.shape.length);
      const [blob = new Uint8Array(0)] = await this.#blobs(
        `${key}/value`,
        leaf.encoding === "zlib" ? "zlib" : "bytes",
        1,
      );
      return { shape: Array.from(shapes, Number), values: numbersOf(blob, dtype, (what) => this.#bad(key, what)) };
    }
    if (leaf.encoding !== "none") {
      const [blob = new Uint8Array(0)] = await this.#blobs(key, leaf.encoding, null);
      return { shape: leaf.shape, values: numbersOf(blob, dtype, (what) => this.#bad(key, what)) };
    }
    if (!this.#example.has(key)) return { shape: leaf.shape, values: createNumbers(dtype, 0) };
    return { shape: leaf.shape, values: this.#plain(key, dtype, null) };
  }

  /** Sequences within steps: `key/ragged_flat_values` and `key/ragged_row_lengths_0` ... */
  async #nested({ key, leaf, sequences }: TfdsPlace, frames: number): Promise<unknown[]> {
    const flatKey = `${key}/ragged_flat_values`;
    const fixed = !this.#example.has(`${key}/ragged_row_lengths_0`);
    const flat = await this.#flatValues(fixed ? key : flatKey, leaf);
    let level: unknown[] = flat;
    for (let depth = sequences.length - 2; depth >= 0; depth--) {
      const outer = fixed ? level.length / Math.max(1, sequences[depth + 1] ?? 1) : null;
      const lengths =
        outer === null
          ? Array.from(this.#plain(`${key}/ragged_row_lengths_${depth}`, "int64", null), Number)
          : Array.from({ length: outer }, () => sequences[depth + 1] ?? 1);
      level = splitBy(level, lengths, () => this.#bad(key, "has row lengths that do not fit its values"));
    }
    if (level.length !== frames) throw this.#bad(key, `holds ${level.length} rows for ${frames} steps`);
    return level;
  }

  async #flatValues(key: string, leaf: TfdsPlace["leaf"]): Promise<unknown[]> {
    if (!this.#example.has(key)) return [];
    if (leaf.kind === "text" || (leaf.kind === "tensor" && leaf.dtype === "string")) return this.#texts(key, null);
    if (leaf.kind === "image") return this.#bytes(key, null).map((bytes) => `${bytes.length} bytes of a picture`);
    if (leaf.kind === "label") return Array.from(this.#plain(key, "int64", null), plainNumber);
    const dtype = numberDtype(leaf.dtype, (what) => this.#bad(key, what));
    if (leaf.encoding !== "none") {
      const blobs = await this.#blobs(key, leaf.encoding, null);
      return blobs.map((blob) =>
        nestNumbers(
          numbersOf(blob, dtype, (what) => this.#bad(key, what)),
          leaf.shape,
        ),
      );
    }
    const nested = nestNumbers(this.#plain(key, dtype, null), [-1, ...leaf.shape]);
    return Array.isArray(nested) ? nested : [];
  }

  /** Pictures of 8 bits stay encoded until they are asked for; depth becomes numbers. */
  #images(key: string, leaf: ImageLeaf, blobs: readonly Uint8Array[]): Column {
    const where = (frame: number): string => `${this.#where}: "${key}", step ${frame}`;
    if (leaf.dtype === "uint8") {
      return {
        kind: "images",
        length: blobs.length,
        encoded: (frame) => blobs[frame] ?? null,
        image: (frame) => decodeImage(blobs[frame] ?? new Uint8Array(0), where(frame)),
      };
    }
    const dtype = leaf.dtype === "float32" ? "float32" : "uint16";
    const parts = blobs.map((blob, frame) =>
      depthOf(blob, dtype, () => this.#bad(key, `has a picture in step ${frame} that is no ${dtype} PNG`)),
    );
    const size = parts[0]?.length ?? 0;
    const values = createNumbers(dtype, size * parts.length);
    for (const [i, part] of parts.entries()) {
      if (part.length !== size) throw this.#bad(key, "has pictures of different size");
      values.set(part as never, i * size);
    }
    const [height = -1, width = -1] = leaf.shape;
    return { kind: "numbers", dtype, shape: height > 0 && width > 0 ? leaf.shape : [size], values };
  }
}

type TensorLeaf = {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly encoding: "none" | "bytes" | "zlib";
};
type ImageLeaf = { readonly dtype: string; readonly shape: readonly number[] };

function numberDtype(dtype: string, bad: (what: string) => BiddenError): NumberDtype {
  if (isNumberDtype(dtype)) return dtype;
  throw bad(`has dtype ${dtype}, which bidden does not read`);
}

/** float32 depth is bit-cast to RGBA, uint16 depth is 16-bit grey. */
function depthOf(png: Uint8Array, dtype: "float32" | "uint16", bad: () => BiddenError): Float32Array | Uint16Array {
  let decoded: ReturnType<typeof decodePngRaw>;
  try {
    decoded = decodePngRaw(png, { checkCrc: true });
  } catch {
    throw bad();
  }
  if (dtype === "uint16" && decoded.depth === 16) return Uint16Array.from(decoded.data);
  if (dtype === "float32" && decoded.depth === 8 && decoded.channels === 4) {
    return new Float32Array(Uint8Array.from(decoded.data).buffer);
  }
  throw bad();
}

const HALF_BYTES: Partial<Record<NumberDtype, number>> = { float16: 2 };

/** Raw little-endian numbers. */
function numbersOf(blob: Uint8Array, dtype: NumberDtype, bad: (what: string) => BiddenError): NumberArray {
  const probe = createNumbers(dtype, 0);
  const width = HALF_BYTES[dtype] ?? probe.BYTES_PER_ELEMENT;
  if (blob.length % width !== 0) throw bad(`has ${blob.length} bytes, which are no ${dtype} numbers`);
  const values = createNumbers(dtype, blob.length / width);
  if (dtype === "float16") {
    const bits = new Uint16Array(blob.slice().buffer);
    for (const [i, half] of bits.entries()) values[i] = halfToNumber(half);
    return values;
  }
  new Uint8Array(values.buffer).set(blob);
  return values;
}

function plainNumber(value: number | bigint | undefined): unknown {
  return value ?? null;
}

/** Row-major numbers as nested lists; -1 at the front takes what there is. */
function nestNumbers(values: NumberArray, shape: readonly number[]): unknown {
  const [first, ...rest] = shape;
  if (first === undefined) return plainNumber(values[0]);
  const step = Math.max(1, elementsOf(rest.map((n) => Math.max(1, n))));
  const count = first < 0 ? values.length / step : first;
  return Array.from({ length: Math.floor(count) }, (_, i) =>
    rest.length === 0 ? plainNumber(values[i]) : nestNumbers(values.subarray(i * step, (i + 1) * step), rest),
  );
}

function splitBy(values: readonly unknown[], lengths: readonly number[], bad: () => BiddenError): unknown[] {
  const out: unknown[] = [];
  let at = 0;
  for (const length of lengths) {
    if (!Number.isInteger(length) || length < 0 || at + length > values.length) throw bad();
    out.push(values.slice(at, at + length));
    at += length;
  }
  if (at !== values.length) throw bad();
  return out;
}
