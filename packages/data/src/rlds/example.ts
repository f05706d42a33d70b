/**
 * tf.train.Example as protobuf wire bytes: `Example{1: Features}`, `Features{1: map<string, Feature>}`, `Feature` one of
 * `{1: BytesList}`, `{2: FloatList}`, `{3: Int64List}`; numbers packed (as written) or one by one (legal too).
 */

import { BiddenError } from "@bidden/runtime";
import { joinBytes } from "../bytes/join.ts";

export type ExampleFeature =
  | { readonly kind: "bytes"; readonly values: readonly Uint8Array[] }
  | { readonly kind: "floats"; readonly values: Float32Array }
  | { readonly kind: "ints"; readonly values: BigInt64Array };

export type Example = ReadonlyMap<string, ExampleFeature>;

/** A reader over protobuf's wire format, which never reads past its end. */
class Wire {
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.at >= this.#end;
  }

  bad(what: string): BiddenError {
    return new BiddenError("bad-dataset", `tf.train.Example, byte ${this.at}: ${what}`, { offset: this.at });
  }

  /** Up to 32 bits of a varint: tags and lengths. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.done) throw this.bad("a number is cut short");
      const byte = this.#bytes[this.at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.bad("a number is too long");
  }

  /** Writes a 64-bit varint's two halves into `out` at `index`. */
  varint64(out: Uint32Array, index: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.done) throw this.bad("a number is cut short");
      const byte = this.#bytes[this.at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        out[index * 2] = low;
        out[index * 2 + 1] = high;
        return;
      }
    }
    throw this.bad("a number is too long");
  }

  float(): number {
    if (this.at + 4 > this.#end) throw this.bad("a float is cut short");
    const value = this.#view.getFloat32(this.at, true);
    this.at += 4;
    return value;
  }

  /** A length-delimited field. */
  message(): Wire {
    const length = this.varint();
    const end = this.at + length;
    if (end > this.#end) throw this.bad(`a field of ${length} bytes does not fit`);
    const inner = new Wire(this.#bytes, this.at, end);
    this.at = end;
    return inner;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.at, this.#end);
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint64(new Uint32Array(2), 0);
    else if (wireType === 1) this.at += 8;
    else if (wireType === 2) this.message();
    else if (wireType === 5) this.at += 4;
    else throw this.bad(`unknown wire type ${wireType}`);
    if (this.at > this.#end) throw this.bad("a field is cut short");
  }
}

/** Byte values are views into `bytes`. */
export function parseExample(bytes: Uint8Array): Example {
  const out = new Map<string, ExampleFeature>();
  eachField(new Wire(bytes), 1, (features) =>
    eachField(features, 1, (entry) => {
      let key = "";
      let feature: ExampleFeature | null = null;
      while (!entry.done) {
        const tag = entry.varint();
        if (tag === 0x0a) key = new TextDecoder().decode(entry.message().rest());
        else if (tag === 0x12) feature = parseFeature(entry.message());
        else entry.skip(tag & 7);
      }
      if (feature !== null) out.set(key, feature);
    }),
  );
  return out;
}

function eachField(wire: Wire, field: number, take: (inner: Wire) => void): void {
  while (!wire.done) {
    const tag = wire.varint();
    if (tag === ((field << 3) | 2)) take(wire.message());
    else wire.skip(tag & 7);
  }
}

/** Null for a feature without values of any kind. */
function parseFeature(wire: Wire): ExampleFeature | null {
  let feature: ExampleFeature | null = null;
  while (!wire.done) {
    const tag = wire.varint();
    if (tag === 0x0a) feature = { kind: "bytes", values: parseBytes(wire.message()) };
    else if (tag === 0x12) feature = { kind: "floats", values: parseFloats(wire.message()) };
    else if (tag === 0x1a) feature = { kind: "ints", values: parseInts(wire.message()) };
    else wire.skip(tag & 7);
  }
  return feature;
}

function parseBytes(wire: Wire): Uint8Array[] {
  const values: Uint8Array[] = [];
  eachField(wire, 1, (inner) => values.push(inner.rest()));
  return values;
}

function parseFloats(wire: Wire): Float32Array {
  const single: number[] = [];
  while (!wire.done) {
    const tag = wire.varint();
    if (tag === 0x0a) {
      const packed = wire.message().rest();
      if (packed.length % 4 !== 0) throw wire.bad("packed floats are cut short");
      // A copy, which is aligned; every platform that runs this is little-endian.
      const values = new Float32Array(packed.slice().buffer);
      if (single.length === 0 && wire.done) return values;
      for (const value of values) single.push(value);
    } else if (tag === 0x0d) single.push(wire.float());
    else wire.skip(tag & 7);
  }
  return Float32Array.from(single);
}

function parseInts(wire: Wire): BigInt64Array {
  const left = wire.rest().length;
  // Every value takes at least one byte.
  const halves = new Uint32Array(left * 2);
  let count = 0;
  while (!wire.done) {
    const tag = wire.varint();
    if (tag === 0x0a) {
      const packed = wire.message();
      while (!packed.done) packed.varint64(halves, count++);
    } else if (tag === 0x08) wire.varint64(halves, count++);
    else wire.skip(tag & 7);
  }
  return new BigInt64Array(halves.buffer.slice(0, count * 8));
}

/** Keys in the order of the map; numbers packed. */
export function encodeExample(example: Example): Uint8Array {
  const entries = [...example].map(([key, feature]) => {
    const value = encodeFeature(feature);
    return field(1, joinBytes([field(1, new TextEncoder().encode(key)), field(2, value)]));
  });
  return field(1, joinBytes(entries));
}

function encodeFeature(feature: ExampleFeature): Uint8Array {
  switch (feature.kind) {
    case "bytes":
      return field(1, joinBytes(feature.values.map((value) => field(1, value))));
    case "floats": {
      const { buffer, byteOffset, byteLength } = feature.values;
      return field(2, field(1, new Uint8Array(buffer, byteOffset, byteLength)));
    }
    case "ints":
      return field(
        3,
        field(1, joinBytes(Array.from(feature.values, (value) => varintBytes(BigInt.asUintN(64, value))))),
      );
    default:
      return feature satisfies never;
  }
}

/** A length-delimited field. */
function field(number: number, value: Uint8Array): Uint8Array {
  return joinBytes([Uint8Array.of((number << 3) | 2), varintBytes(BigInt(value.length)), value]);
}

function varintBytes(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest > 127n) {
    out.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}
