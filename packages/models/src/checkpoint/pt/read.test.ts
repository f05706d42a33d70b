import { existsSync, readdirSync, readFileSync } from "node:fs";
import { BiddenError, createRng } from "@bidden/runtime";
import { readSafetensors, type TensorData } from "@bidden/tensor";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "./crc32.ts";
import { COPY_FACTOR, openPt, readPt } from "./read.ts";
import { writePt } from "./write.ts";
import { readZipDirectory, sourceOf } from "./zip.ts";

const FOLDER = new URL("../../../../../testdata/models/pt/", import.meta.url);
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, FOLDER)));
type Verdict = {
  readonly file: string;
  readonly expect: "load" | "refuse" | "load or refuse";
  readonly why: string;
  readonly values?: string;
  readonly values_inline?: Readonly<Record<string, readonly number[]>>;
};
const { files } = JSON.parse(readFileSync(new URL("verdicts.json", FOLDER), "utf8")) as { files: readonly Verdict[] };

/** Plain arrays, so that views of different buffers compare. */
function plain(tensors: ReadonlyMap<string, TensorData>): unknown {
  return [...tensors]
    .map(([name, { dtype, shape, data }]) => ({ name, dtype, shape, data: Array.from(data as Float32Array) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

describe("the samples", () => {
  test.each(files.filter((f) => f.expect === "load"))("$file is read: $why", ({ file, values, values_inline }) => {
    const { tensors } = readPt(bytesOf(file), file);
    if (values !== undefined) expect(plain(tensors)).toEqual(plain(readSafetensors(bytesOf(values)).tensors));
    for (const [name, list] of Object.entries(values_inline ?? {}))
      expect([...(tensors.get(name)?.data as Float32Array)]).toEqual(list);
  });

  test.each(files.filter((f) => f.expect === "refuse"))("$file is refused: $why", ({ file }) => {
    const bytes = bytesOf(file);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => readPt(bytes, file)).toThrow(BiddenError);
    expect(() => readPt(bytes, file)).toThrow(new RegExp(`^${file}, .*: expected .*; came `, "s"));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  test.each(files.filter((f) => f.expect === "load or refuse"))(
    "$file ends one way or the other",
    ({ file, values }) => {
      try {
        const { tensors } = readPt(bytesOf(file), file);
        if (values !== undefined) expect(plain(tensors)).toEqual(plain(readSafetensors(bytesOf(values)).tensors));
      } catch (error) {
        expect(error).toBeInstanceOf(BiddenError);
      }
    },
  );

  test("nothing ran", () => {
    expect(existsSync("pwned.txt")).toBe(false);
    expect(readdirSync(FOLDER)).not.toContain("pwned.txt");
  });

  test("what a failed download left is named", () => {
    expect(() => readPt(bytesOf("git_lfs_pointer.pt"), "head.pt")).toThrow("a Git LFS pointer");
    expect(() => readPt(bytesOf("html_error_page.pt"), "head.pt")).toThrow("a web page");
    expect(() => readPt(bytesOf("safetensors_named_pt.pt"), "head.pt")).toThrow("safetensors");
    expect(() => readPt(bytesOf("legacy_tar.pt"), "head.pt")).toThrow("before 1.6");
    expect(() => readPt(bytesOf("trainer_state.pt"), "head.pt")).toThrow('key "model": expected a tensor');
  });
});

const small = (): Map<string, TensorData> =>
  new Map<string, TensorData>([
    ["fc1.weight", { dtype: "float32", shape: [3, 2], data: Float32Array.of(1, -2, 3, 4, 5, 6) }],
    ["fc1.bias", { dtype: "bfloat16", shape: [3], data: Uint16Array.of(0x3f80, 0, 0xbf80) }],
    ["step", { dtype: "int64", shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
    ["none", { dtype: "float64", shape: [0, 4], data: new Float64Array(0) }],
  ]);

describe("writing", () => {
  test("what is written is read again, in place", () => {
    const bytes = writePt(small(), "head");
    const file = openPt(sourceOf(bytes), "head.pt");
    const read = new Map([...file.tensors.keys()].map((name) => [name, file.read(name)]));
    expect(plain(read)).toEqual(plain(small()));
    const { range } = file.tensors.get("fc1.weight") ?? {};
    expect((range?.start ?? 1) % 64).toBe(0);
    expect(read.get("fc1.weight")?.data.buffer).toBe(bytes.buffer);
    expect(writePt(small(), "head")).toEqual(bytes);
  });

  test("names wrapped for distributed training lose their prefix only when all have it", () => {
    const wrap = (names: readonly string[]): string[] => [
      ...readPt(
        writePt(new Map(names.map((n) => [n, { dtype: "bool" as const, shape: [1], data: new Uint8Array(1) }])), "h"),
      ).tensors.keys(),
    ];
    expect(wrap(["module.a", "module.b"])).toEqual(["a", "b"]);
    expect(wrap(["module.a", "b"])).toEqual(["module.a", "b"]);
  });

  test("an unaligned buffer is read all the same", () => {
    const bytes = writePt(small(), "head");
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect(plain(readPt(moved.subarray(1)).tensors)).toEqual(plain(small()));
  });
});

describe("broken on purpose", () => {
  const good = writePt(small(), "head");
  const entries = readZipDirectory(sourceOf(good), "head.pt");
  const pickle = entries.get("head/data.pkl") as { offset: number; size: number };

  /** Reads, or throws our own error; anything else is a failure of the reader. Memory stays within a multiple of the file. */
  const outcome = (bytes: Uint8Array): "read" | "refused" => {
    try {
      let total = 0;
      for (const { data } of readPt(bytes, "head.pt").tensors.values()) {
        if (data.buffer !== bytes.buffer) total += data.byteLength;
      }
      expect(total).toBeLessThanOrEqual((COPY_FACTOR + 1) * bytes.length);
      return "read";
    } catch (error) {
      if (error instanceof BiddenError) return "refused";
      throw error;
    }
  };

  /** The file with other bytes as its pickle and a checksum that fits, so that the pickle machine itself is reached. */
  const withPickle = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = good.slice();
    const body = bytes.subarray(pickle.offset, pickle.offset + pickle.size);
    change(body);
    const name = new TextEncoder().encode("head/data.pkl");
    const at = Buffer.from(bytes.buffer).lastIndexOf(name);
    new DataView(bytes.buffer).setUint32(at - 30, crc32(body), true);
    return bytes;
  };

  test("any flipped byte of the file", () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bytes = good.slice();
        bytes[at] = (bytes[at] as number) ^ mask;
        outcome(bytes);
      }),
      { numRuns: 1500 },
    );
  });

  test("flipped, inserted and repeated bytes of the pickle, its checksum mended", () => {
    expect(outcome(withPickle(() => {}))).toBe("read");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(pickle.size - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (edits, shift) => {
          outcome(
            withPickle((body) => {
              for (const [at, value] of edits) {
                if (shift) body.copyWithin(at + 1, at);
                body[at] = value;
              }
            }),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("pickles of random opcodes", () => {
    const opcodes = [..."\x80\x95c\x93QRbN\x88\x89KMJG\x8aX\x8c\x8d()\x85\x86\x87t]}aesuqr\x94hj."].map((c) =>
      c.charCodeAt(0),
    );
    const rng = createRng(7);
    for (let run = 0; run < 3000; run++) {
      outcome(
        withPickle((body) => {
          for (let i = 2; i < body.length; i++) body[i] = rng.uniform() < 0.7 ? rng.pick(opcodes) : rng.below(256);
        }),
      );
    }
  });

  test("cut off anywhere", () => {
    for (let length = 0; length < good.length; length += 7) expect(outcome(good.subarray(0, length))).toBe("refused");
  });

  test("tensors over one unaligned storage share one copy of it", () => {
    const bytes = bytesOf("ok_shared_strided.pt");
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    const { tensors } = readPt(moved.subarray(1));
    expect(tensors.get("row")?.data.buffer).toBe(tensors.get("base")?.data.buffer);
    expect(tensors.get("row")?.data.buffer).not.toBe(moved.buffer);
  });
});
