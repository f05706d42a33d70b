/** Writes protocol buffer messages (https://protobuf.dev/programming-guides/encoding): as much of the format as ONNX models need. */

export class MessageWriter {
  #parts: Uint8Array[] = [];
  #length = 0;

  /** A whole number (wire type 0); negative ones take ten bytes, as int64 does. */
  int(field: number, value: number | bigint): this {
    this.#push(varint((field << 3) | 0));
    return this.#push(varint(value));
  }

  float(field: number, value: number): this {
    this.#push(varint((field << 3) | 5));
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#push(bytes);
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    this.#push(varint((field << 3) | 2));
    this.#push(varint(value.length));
    return this.#push(value);
  }

  message(field: number, build: (inner: MessageWriter) => void): this {
    const inner = new MessageWriter();
    build(inner);
    this.#push(varint((field << 3) | 2));
    this.#push(varint(inner.#length));
    for (const part of inner.#parts) this.#push(part);
    return this;
  }

  /** Repeated whole numbers in one packed field. */
  packedInts(field: number, values: readonly number[]): this {
    const inner = new MessageWriter();
    for (const value of values) inner.#push(varint(value));
    return this.bytes(field, inner.finish());
  }

  /** Repeated float32 in one packed field. */
  packedFloats(field: number, values: readonly number[]): this {
    return this.bytes(field, new Uint8Array(new Float32Array(values).buffer));
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  #push(part: Uint8Array): this {
    this.#parts.push(part);
    this.#length += part.length;
    return this;
  }
}

function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}
