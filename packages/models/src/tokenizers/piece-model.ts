/** SentencePiece's model file (sentencepiece_model.proto): as much of it as encoding and decoding need. */
import { BiddenError } from "@bidden/runtime";

/** ModelProto.SentencePiece.Type */
export type PieceType = "normal" | "unknown" | "control" | "user" | "unused" | "byte";

export type Piece = { readonly text: string; readonly score: number; readonly type: PieceType };

export type PieceModel = {
  readonly kind: "unigram" | "bpe";
  readonly pieces: readonly Piece[];
  readonly charsmap: Uint8Array;
  readonly addDummyPrefix: boolean;
  readonly removeExtraWhitespaces: boolean;
  readonly escapeWhitespaces: boolean;
  readonly byteFallback: boolean;
  /** What decoding writes for the unknown piece. */
  readonly unknownSurface: string;
};

type Field = { readonly number: number; readonly value: number; readonly bytes: Uint8Array };

const TYPES: Readonly<Record<number, PieceType>> = {
  1: "normal",
  2: "unknown",
  3: "control",
  4: "user",
  5: "unused",
  6: "byte",
};

export function readPieceModel(bytes: Uint8Array, name: string): PieceModel {
  const text = (value: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(value);
  const pieces: Piece[] = [];
  const trainer = new Map<number, Field>();
  const normalizer = new Map<number, Field>();
  for (const field of fieldsOf(bytes, name)) {
    if (field.number === 1) {
      const parts = new Map(fieldsOf(field.bytes, name).map((part) => [part.number, part]));
      const type = TYPES[parts.get(3)?.value ?? 1] ?? "normal";
      pieces.push({ text: text(parts.get(1)?.bytes ?? new Uint8Array()), score: parts.get(2)?.value ?? 0, type });
    }
    if (field.number === 2) for (const part of fieldsOf(field.bytes, name)) trainer.set(part.number, part);
    if (field.number === 3) for (const part of fieldsOf(field.bytes, name)) normalizer.set(part.number, part);
  }
  const modelType = trainer.get(3)?.value ?? 1;
  if (pieces.length === 0 || (modelType !== 1 && modelType !== 2)) {
    throw new BiddenError(
      "bad-checkpoint",
      `${name}: expected a SentencePiece model of type unigram or BPE with pieces; came type ${modelType} with ${pieces.length}.`,
      { file: name },
    );
  }
  const flag = (field: Field | undefined): boolean => (field?.value ?? 1) !== 0;
  const surface = trainer.get(44);
  return {
    kind: modelType === 1 ? "unigram" : "bpe",
    pieces,
    charsmap: normalizer.get(2)?.bytes ?? new Uint8Array(),
    addDummyPrefix: flag(normalizer.get(3)),
    removeExtraWhitespaces: flag(normalizer.get(4)),
    escapeWhitespaces: flag(normalizer.get(5)),
    byteFallback: (trainer.get(35)?.value ?? 0) !== 0,
    unknownSurface: surface === undefined ? " \u2047 " : text(surface.bytes),
  };
}

/** The fields of one message; numbers of wire type 5 are read as float32. */
function fieldsOf(bytes: Uint8Array, name: string): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Field[] = [];
  const broken = (): BiddenError =>
    new BiddenError("bad-checkpoint", `${name}: expected a SentencePiece model; its fields break off.`, { file: name });
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) throw broken();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw broken();
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    const number = Math.floor(tag / 8);
    if (wire === 0) fields.push({ number, value: varint(), bytes: new Uint8Array() });
    else if (wire === 1 || wire === 5) {
      const size = wire === 1 ? 8 : 4;
      if (at + size > bytes.length) throw broken();
      fields.push({ number, value: view.getFloat32(at, true), bytes: new Uint8Array() });
      at += size;
    } else if (wire === 2) {
      const length = varint();
      if (at + length > bytes.length) throw broken();
      fields.push({ number, value: 0, bytes: bytes.subarray(at, at + length) });
      at += length;
    } else throw broken();
  }
  return fields;
}
