import { existsSync, readdirSync, readFileSync } from "node:fs";
import { BiddenError, createRng, type Rng } from "@bidden/runtime";
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

/** What a file should hold, as the samples say it. */
function expected({ values, values_inline }: Verdict): unknown {
  if (values !== undefined) return plain(readSafetensors(bytesOf(values)).tensors);
  const inline = Object.entries(values_inline ?? {}).map(([name, list]): [string, TensorData] => [
    name,
    { dtype: "float32", shape: [list.length], data: Float32Array.from(list) },
  ]);
  return plain(new Map(inline));
}

/** The contents, or the sentence with which a file was refused. */
async function read(bytes: Uint8Array, file: string): Promise<unknown> {
  try {
    return plain(await readPt(bytes, file));
  } catch (error) {
    if (error instanceof BiddenError) return error.message;
    throw error;
  }
}

describe("the samples", () => {
  test.each(files.filter((f) => f.expect === "load"))("$file is read: $why", async (verdict) => {
    expect(await read(bytesOf(verdict.file), verdict.file)).toEqual(expected(verdict));
  });

  test.each(files.filter((f) => f.expect === "refuse"))("$file is refused: $why", async ({ file }) => {
    const bytes = bytesOf(file);
    const before = process.memoryUsage().arrayBuffers;
    expect(await read(bytes, file)).toMatch(new RegExp(`^${file}, .*: expected .*; came `, "s"));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  });

  test("what may go either way is read right or refused", async () => {
    const protocol4 = files.find((f) => f.file === "ok_protocol4.pt") as Verdict;
    expect(await read(bytesOf(protocol4.file), protocol4.file)).toEqual(expected(protocol4));
    expect(await read(bytesOf("legacy_tar.pt"), "head.pt")).toContain("before 1.6");
    expect(await read(bytesOf("trainer_state.pt"), "head.pt")).toContain('key "model": expected a tensor');
    expect(await read(bytesOf("safetensors_named_pt.pt"), "head.pt")).toContain("safetensors");
  });

  test("nothing ran", () => {
    expect(existsSync("pwned.txt")).toBe(false);
    expect(readdirSync(FOLDER)).not.toContain("pwned.txt");
  });

  test("what a failed download left is named", async () => {
    expect(await read(bytesOf("git_lfs_pointer.pt"), "head.pt")).toContain("a Git LFS pointer");
    expect(await read(bytesOf("html_error_page.pt"), "head.pt")).toContain("a web page");
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
  test("what is written is read again, in place", async () => {
    const bytes = writePt(small(), "head");
    const file = await openPt(sourceOf(bytes), "head.pt");
    const read = await readPt(bytes);
    await file.verify();
    expect(plain(read)).toEqual(plain(small()));
    const { range } = file.tensors.get("fc1.weight") ?? {};
    expect((range?.start ?? 1) % 64).toBe(0);
    expect(read.get("fc1.weight")?.data.buffer).toBe(bytes.buffer);
    expect(writePt(small(), "head")).toEqual(bytes);
  });

  test("names wrapped for distributed training lose their prefix only when all have it", async () => {
    const value: TensorData = { dtype: "bool", shape: [1], data: new Uint8Array(1) };
    const read = async (names: readonly string[]): Promise<string[]> => [
      ...(await readPt(writePt(new Map(names.map((name) => [name, value])), "h"))).keys(),
    ];
    expect(await read(["module.a", "module.b"])).toEqual(["a", "b"]);
    expect(await read(["module.a", "b"])).toEqual(["module.a", "b"]);
  });

  test("an unaligned buffer is read all the same", async () => {
    const bytes = writePt(small(), "head");
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    expect(plain(await readPt(moved.subarray(1)))).toEqual(plain(small()));
  });
});

/** Where the pickle of a file lies. */
type Pickle = { readonly name: string; readonly offset: number; readonly size: number };

async function pickleOf(bytes: Uint8Array): Promise<Pickle | null> {
  try {
    const entries = await readZipDirectory(sourceOf(bytes), "head.pt");
    const found = [...entries].find(([name]) => name.endsWith("data.pkl"));
    return found === undefined ? null : { name: found[0], offset: found[1].offset, size: found[1].size };
  } catch {
    // Not a zip file that can be read: its bytes are mutated as they are.
    return null;
  }
}

/** One to four changes of `bytes`, in place: a byte, a stretch moved within it, or one of `other`. */
function mutate(bytes: Uint8Array, other: Uint8Array, rng: Rng): Uint8Array {
  for (let edits = 1 + rng.below(4); edits > 0; edits--) {
    const at = rng.below(bytes.length);
    const from = rng.below(bytes.length);
    const kind = rng.below(3);
    if (kind === 0) bytes[at] = rng.below(256);
    else if (kind === 1) bytes.copyWithin(at, from, from + 1 + rng.below(64));
    else {
      const start = rng.below(other.length);
      const part = other.subarray(start, start + 1 + rng.below(64));
      bytes.set(part.subarray(0, bytes.length - at), at);
    }
  }
  return bytes;
}

describe("broken on purpose", async () => {
  const good = writePt(small(), "head");
  const entries = await readZipDirectory(sourceOf(good), "head.pt");
  const pickle = entries.get("head/data.pkl") as { offset: number; size: number };

  /** Reads, or throws our own error; anything else is a failure of the reader. Memory stays within a multiple of the file. */
  const outcome = async (bytes: Uint8Array): Promise<"read" | "refused"> => {
    try {
      let total = 0;
      for (const { data } of (await readPt(bytes, "head.pt")).values()) {
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
  const withPickleOf = (
    file: Uint8Array,
    { name, offset, size }: Pickle,
    change: (bytes: Uint8Array) => void,
  ): Uint8Array => {
    const bytes = file.slice();
    const body = bytes.subarray(offset, offset + size);
    change(body);
    const at = Buffer.from(bytes.buffer).lastIndexOf(new TextEncoder().encode(name));
    new DataView(bytes.buffer).setUint32(at - 30, crc32(body), true);
    return bytes;
  };
  const withPickle = (change: (bytes: Uint8Array) => void): Uint8Array =>
    withPickleOf(good, { name: "head/data.pkl", ...pickle }, change);

  test("any flipped byte of the file", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const bytes = good.slice();
        bytes[at] = (bytes[at] as number) ^ mask;
        expect(await outcome(bytes)).toMatch(/^(read|refused)$/);
      }),
      { numRuns: 1500 },
    );
  });

  test("flipped and inserted bytes of the pickle, its checksum mended", async () => {
    expect(await outcome(withPickle(() => {}))).toBe("read");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(pickle.size - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (edits, shift) => {
          const bytes = withPickle((body) => {
            for (const [at, value] of edits) {
              if (shift) body.copyWithin(at + 1, at);
              body[at] = value;
            }
          });
          expect(await outcome(bytes)).toMatch(/^(read|refused)$/);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("pickles of random opcodes", async () => {
    const opcodes = Array.from("\x80\x95c\x93QRbN\x88\x89KMJG\x8aX\x8c\x8d()\x85\x86\x87t]}aesuqr\x94hj.", (c) =>
      c.charCodeAt(0),
    );
    const rng = createRng(7);
    for (let run = 0; run < 3000; run++) {
      const bytes = withPickle((body) => {
        for (let i = 2; i < body.length; i++) body[i] = rng.uniform() < 0.7 ? rng.pick(opcodes) : rng.below(256);
      });
      expect(await outcome(bytes)).toBe("refused");
    }
  });

  test("the samples, benign and hostile, with parts flipped, cut, doubled and taken from each other", async () => {
    const rng = createRng(11);
    const samples = files.map(({ file }) => bytesOf(file)).filter(({ length }) => length > 64 && length < 1 << 16);
    const pickles = await Promise.all(samples.map(pickleOf));
    let reads = 0;
    // As many as two seconds hold: each must end in values or in our own refusal, and soon.
    for (const until = performance.now() + 2000; performance.now() < until || reads < 50; reads++) {
      const at = rng.below(samples.length);
      const [sample, other] = [samples[at] as Uint8Array, rng.pick(samples)];
      const found = pickles[at] ?? null;
      const bytes =
        found !== null && rng.uniform() < 0.6
          ? withPickleOf(sample, found, (body) => mutate(body, other, rng))
          : mutate(sample.slice(), other, rng);
      const began = performance.now();
      expect(await outcome(bytes)).toMatch(/^(read|refused)$/);
      expect(performance.now() - began).toBeLessThan(5000);
    }
    expect(existsSync("pwned.txt")).toBe(false);
  }, 20_000);

  test("cut off anywhere", async () => {
    for (let length = 0; length < good.length; length += 7) {
      expect(await outcome(good.subarray(0, length))).toBe("refused");
    }
  });

  test("tensors over one unaligned storage share one copy of it", async () => {
    const bytes = bytesOf("ok_shared_strided.pt");
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    const tensors = await readPt(moved.subarray(1));
    expect(tensors.get("row")?.data.buffer).toBe(tensors.get("base")?.data.buffer);
    expect(tensors.get("row")?.data.buffer).not.toBe(moved.buffer);
  });
});
