import { BiddenError } from "@bidden/runtime";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocate, bytesOf, type DType, sizeOf, type TensorData } from "../graph/dtype.ts";
import { readSafetensors } from "./read.ts";
import { writeSafetensors } from "./write.ts";

const dtypes: DType[] = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int8",
  "uint8",
  "int32",
  "uint32",
  "int64",
  "bool",
];

const tensor = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    seed: fc.integer({ min: 0, max: 255 }),
  })
  .map(({ dtype, shape, seed }): TensorData => {
    const data = allocate(dtype, sizeOf(shape));
    bytesOf(data).forEach((_, i, bytes) => {
      bytes[i] = (seed + 31 * i) & 0xff;
    });
    return { dtype, shape, data };
  });

/** A file with any header and body. */
function file(header: unknown, bodyBytes: number, claimed?: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const out = new Uint8Array(8 + json.length + bodyBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(claimed ?? json.length), true);
  out.set(json, 8);
  return out;
}

const good = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

function outcomeOf(bytes: Uint8Array): string {
  try {
    const { tensors } = readSafetensors(bytes);
    return [...tensors.values()].every(({ shape, data }) => data.length === sizeOf(shape)) ? "read" : "wrong lengths";
  } catch (error) {
    return error instanceof BiddenError ? "refused" : String(error);
  }
}

describe("safetensors", () => {
  test("what is written is read back, whatever the types, at any alignment", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), tensor, { maxKeys: 5 }),
        fc.dictionary(fc.string({ minLength: 1 }), fc.string(), { maxKeys: 3 }),
        fc.integer({ min: 0, max: 7 }),
        (tensors, metadata, offset) => {
          const bytes = writeSafetensors(new Map(Object.entries(tensors)), metadata);
          const moved = new Uint8Array(bytes.length + offset);
          moved.set(bytes, offset);
          const read = readSafetensors(moved.subarray(offset));
          expect({ ...read.metadata }).toEqual({ ...metadata });
          expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
          for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
            const came = read.tensors.get(name) as TensorData;
            expect([came.dtype, came.shape]).toEqual([dtype, shape]);
            expect(bytesOf(came.data)).toEqual(bytesOf(data));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test.each([
    ["too short", new Uint8Array(7), "expected at least 8 bytes; came 7"],
    ["header longer than the file", file({ a: good }, 8, 5000), "for the header; came a file of"],
    ["an absurd header length", file({ a: good }, 8, 2 ** 52), "a header of at most 100000000 bytes"],
    [
      "a Git LFS pointer",
      new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\n"),
      "a Git LFS pointer",
    ],
    ["a web page", new TextEncoder().encode("<!doctype html><html>"), "this is a web page"],
    ["not JSON", file("{nonsense", 8), "a JSON object as header"],
    ["a list", file("[1]", 0), "a JSON object as header"],
    ["not UTF-8", file('{"a": 1}', 0).map((x, i) => (i === 10 ? 0xff : x)), "a header in UTF-8"],
    ["an unknown type", file({ a: { ...good, dtype: "F8_E4M3" } }, 8), 'tensor "a": expected a dtype of F64'],
    ["a type from Object's own", file({ a: { ...good, dtype: "constructor" } }, 8), "expected a dtype of F64"],
    ["a negative dimension", file({ a: { ...good, shape: [-2] } }, 8), "a shape of whole numbers"],
    ["a fractional dimension", file({ a: { ...good, shape: [0.5] } }, 8), "a shape of whole numbers"],
    ["a shape that overflows", file({ a: { ...good, shape: [2 ** 40, 2 ** 40] } }, 8), "expected 4.8"],
    ["one offset", file({ a: { ...good, data_offsets: [0] } }, 8), "two data_offsets"],
    [
      "offsets the wrong way round",
      file({ a: { ...good, data_offsets: [8, 0] } }, 8),
      "expected 8 bytes for float32 [2]; came -8",
    ],
    ["too few bytes", file({ a: { ...good, data_offsets: [0, 4] } }, 8), "expected 8 bytes for float32 [2]; came 4"],
    ["an end beyond the file", file({ a: good }, 4), "an end within the 4 bytes of data; came 8"],
    [
      "a hole",
      file({ a: good, b: { ...good, data_offsets: [12, 20] } }, 20),
      'tensor "b": expected data that starts at 8',
    ],
    [
      "an overlap",
      file({ a: good, b: { ...good, data_offsets: [4, 12] } }, 12),
      'tensor "b": expected data that starts at 8',
    ],
    ["bytes that belong to nobody", file({ a: good }, 9), "expected 8 bytes of data, as the header says; came 9"],
    ["metadata that is no text", file({ __metadata__: { n: 1 } }, 0), "__metadata__ to hold texts only"],
    ["an entry that is no object", file({ a: 7 }, 0), "an object with dtype"],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes, "model.safetensors")).toThrow(BiddenError);
    expect(() => readSafetensors(bytes, "model.safetensors")).toThrow(`model.safetensors`);
    expect(() => readSafetensors(bytes, "model.safetensors")).toThrow(message);
  });

  test("a flipped byte anywhere is read or refused, never anything else", () => {
    const tensors = new Map<string, TensorData>([
      ["w", { dtype: "float32", shape: [2, 3], data: new Float32Array(6) }],
      ["flag", { dtype: "bool", shape: [3], data: new Uint8Array(3) }],
    ]);
    const bytes = writeSafetensors(tensors, { format: "pt" });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const broken = bytes.slice();
        broken[at] = (broken[at] as number) ^ mask;
        expect(outcomeOf(broken)).toMatch(/^(read|refused)$/);
      }),
      { numRuns: 400 },
    );
  });

  test("refuses to write an array that is not as long as its shape says", () => {
    const wrong = new Map<string, TensorData>([["w", { dtype: "float32", shape: [3], data: new Float32Array(2) }]]);
    expect(() => writeSafetensors(wrong)).toThrow('tensor "w": expected 12 bytes for float32 [3]; came 8');
  });
});
