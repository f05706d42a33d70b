/**
 * Encoded sentences, each encoded once ever: the frozen text encoder is the costliest part of a row. Held in 8 bits a number
 * (each token scaled by its own largest magnitude) and appended to a file, so that a resumed training does not encode again.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { type EncodedText, type InstructionEncoder, type Int8Rows, packRows } from "@bidden/models";

/** Bytes of a record's head: length of the text in bytes, number of tokens, both uint32. */
const HEAD_BYTES = 8;
/** Sentences between two appends to the file. */
const CHUNK = 512;

export class TextStore {
  readonly #encoder: InstructionEncoder;
  readonly #path: string;
  readonly #texts: Map<string, Int8Rows> = new Map();

  /** @param path the file; belongs to one encoder and is made when missing. */
  constructor(encoder: InstructionEncoder, path: string) {
    this.#encoder = encoder;
    this.#path = path;
    if (existsSync(path)) this.#load(new Uint8Array(readFileSync(path)));
  }

  get size(): number {
    return this.#texts.size;
  }

  async get(text: string): Promise<Int8Rows> {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    appendFileSync(this.#path, this.#keep(text, await this.#encoder.encode(text)));
    return this.#texts.get(text) as Int8Rows;
  }

  /** Encodes what is not known yet, so that drawing batches never waits. */
  async prepare(texts: Iterable<string>, onProgress?: (done: number, total: number) => void): Promise<void> {
    const missing = [...new Set(texts)].filter((text) => !this.#texts.has(text));
    for (let from = 0; from < missing.length; from += CHUNK) {
      const texts = missing.slice(from, from + CHUNK);
      const encoded = await this.#encoder.encodeAll(texts);
      const records = texts.map((text, i) => this.#keep(text, encoded[i] as EncodedText));
      appendFileSync(this.#path, Buffer.concat(records));
      onProgress?.(from + texts.length, missing.length);
    }
  }

  /** Packs and remembers; returns the record to be written. */
  #keep(text: string, { values, count }: EncodedText): Uint8Array {
    const packed = packRows(values, count, this.#encoder.width);
    this.#texts.set(text, packed);
    return this.#record(text, packed);
  }

  #record(text: string, packed: Int8Rows): Uint8Array {
    const name = new TextEncoder().encode(text);
    const out = new Uint8Array(HEAD_BYTES + name.length + packed.rows * (4 + packed.columns));
    const view = new DataView(out.buffer);
    view.setUint32(0, name.length, true);
    view.setUint32(4, packed.rows, true);
    out.set(name, HEAD_BYTES);
    out.set(new Uint8Array(packed.scales.slice().buffer), HEAD_BYTES + name.length);
    out.set(new Uint8Array(packed.values.slice().buffer), HEAD_BYTES + name.length + packed.rows * 4);
    return out;
  }

  /** A torn last record (the writer was killed) is cut off, so that what is appended next can be read. */
  #load(bytes: Uint8Array): void {
    const whole = this.#readRecords(bytes);
    if (whole < bytes.length) truncateSync(this.#path, whole);
  }

  /** Returns the length of the whole records. */
  #readRecords(bytes: Uint8Array): number {
    const { width } = this.#encoder;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at + HEAD_BYTES <= bytes.length) {
      const nameBytes = view.getUint32(at, true);
      const rows = view.getUint32(at + 4, true);
      const scalesAt = at + HEAD_BYTES + nameBytes;
      const end = scalesAt + rows * (4 + width);
      if (end > bytes.length) return at;
      const text = new TextDecoder().decode(bytes.subarray(at + HEAD_BYTES, scalesAt));
      const scales = new Float32Array(bytes.slice(scalesAt, scalesAt + rows * 4).buffer);
      const values = new Int8Array(bytes.slice(scalesAt + rows * 4, end).buffer);
      this.#texts.set(text, { values, scales, rows, columns: width });
      at = end;
    }
    return at;
  }
}
