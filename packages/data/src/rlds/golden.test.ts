import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Column } from "../dataset/types.ts";
import { GOLDEN, readJson, readSafetensors } from "../golden.test-kit.ts";
import { lintDataset } from "../look.node.ts";
import { openDataset } from "../open.node.ts";
import { createFolderStore } from "../files/store.node.ts";
import { encodeExample, parseExample } from "./example.ts";
import { checkRecords, frameRecord, maskedCrc, readRecord, scanRecords, uncompressed } from "./tfrecord.ts";

const SETS = [
  "bridge_dataset",
  "fractal20220817_data",
  "libero_spatial_no_noops",
  "droid",
  "kuka",
  "language_table",
  "odd_rlds",
];

type ExpectedEpisode = {
  meta: Record<string, unknown>;
  steps: number;
  strings: Record<string, unknown[]>;
  encoded_image_sha256: Record<string, string[]>;
  ragged: Record<string, unknown[]>;
};
type Expected = {
  splits: Record<
    string,
    { episodes: ExpectedEpisode[]; records: Record<string, { offset: number; length: number }[]> }
  >;
};

function short(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 24);
}

/** Numbers of a column, 64 unsigned bits as the signed numbers of the same bits (so they are stored). */
function numbersOf(column: Column): number[] {
  if (column.kind !== "numbers") return [];
  const { values } = column;
  return Array.from(values instanceof BigUint64Array ? new BigInt64Array(values.buffer) : values, Number);
}

describe("RLDS sets written by TensorFlow Datasets", () => {
  it.each(SETS)("%s reads as TensorFlow reads it", async (name) => {
    const expected = readJson(`rlds-expected/${name}.json`) as Expected;
    const arrays = readSafetensors(`rlds-expected/${name}.safetensors`);
    const dataset = await openDataset(join(GOLDEN, "rlds", name));
    const truth = Object.entries(expected.splits).flatMap(([split, { episodes }]) =>
      episodes.map((episode, i) => ({ split, i, ...episode })),
    );
    expect(dataset.episodeCount).toBe(truth.length);
    for (const [index, episode] of truth.entries()) {
      const prefix = `${episode.split}/${episode.i}/`;
      const info = await dataset.episode(index);
      const data = await dataset.read(index);
      expect(info.length).toBe(episode.steps);
      expect(info.extra).toMatchObject({ split: episode.split, ...episode.meta });
      const ours: Record<string, unknown> = {};
      const theirs: Record<string, unknown> = {};
      for (const [key, column] of Object.entries(data.columns)) {
        const array = arrays.get(`${prefix}steps/${key}`);
        const depth = arrays.get(`${prefix}steps/${key}@0`);
        if (column.kind === "images") {
          ours[key] = Array.from({ length: column.length }, (_, i) => short(column.encoded(i) as Uint8Array));
          theirs[key] = episode.encoded_image_sha256[key.replace(/^observation\//, "")];
        } else if (column.kind !== "numbers") {
          ours[key] = column.values;
          theirs[key] = episode.strings[key] ?? episode.ragged[key];
        } else {
          // Of depth the first picture is known.
          ours[key] = numbersOf(column).slice(0, (array ?? depth)?.values.length);
          theirs[key] = Array.from((array ?? depth)?.values ?? [], Number);
        }
      }
      for (const [key, array] of arrays) {
        if (!key.startsWith(prefix) || key.includes("/steps/")) continue;
        ours[key] = [info.extra[key.slice(prefix.length)]].flat(3).map(Number);
        theirs[key] = Array.from(array.values, Number);
      }
      expect(ours).toEqual(theirs);
      expect(Object.keys(ours).length).toBeGreaterThanOrEqual(8);
    }
    await dataset.close();
  });

  // TensorFlow decodes JPEG with libjpeg's fast, inexact transform; bidden's pixels are those of Pillow and OpenCV.
  it.each(SETS)("%s: first pictures decode as TensorFlow's, within what its fast transform is off", async (name) => {
    const arrays = readSafetensors(`rlds-expected/${name}.safetensors`);
    const dataset = await openDataset(join(GOLDEN, "rlds", name));
    const { columns } = await dataset.read(0);
    let worst = 0;
    let sum = 0;
    let count = 0;
    for (const [key, array] of arrays) {
      if (!key.startsWith("train/0/steps/") || !key.endsWith("@0")) continue;
      const column = columns[key.slice("train/0/steps/".length, -2)];
      if (column?.kind !== "images") continue;
      const { data } = await column.image(0);
      const channels = array.shape[2] ?? 3;
      for (let i = 0; i < array.values.length; i++) {
        const own = data[channels === 1 ? i * 3 : i] as number;
        const off = Math.abs(own - Number(array.values[i]));
        worst = Math.max(worst, off);
        sum += off;
        count++;
      }
    }
    expect(worst).toBeLessThanOrEqual(name === "odd_rlds" ? 0 : 8);
    expect(sum / count).toBeLessThan(1.1);
    await dataset.close();
  });

  it("language_table's code points are a sentence", async () => {
    const dataset = await openDataset(join(GOLDEN, "rlds/language_table"));
    const tasks = new Set<string>();
    for (let i = 0; i < dataset.episodeCount; i++) for (const task of (await dataset.episode(i)).tasks) tasks.add(task);
    expect(tasks).toContain("schiebe den blauen Würfel");
    expect(tasks).toContain("左へ動かす");
    await dataset.close();
  });
});

describe("TFRecord files, whole and damaged", () => {
  type Raw = {
    files: Record<string, { tensorflow: { records_read?: number; sha256?: string[]; error?: string | null } }>;
  };
  const raw = readJson("rlds-expected/raw.json") as Raw;
  /** TensorFlow calls these clean ends, or dies of them. */
  const stricter: Record<string, string> = {
    "garbage-after-end.tfrecord": "truncated-header",
    "truncated-header.tfrecord": "truncated-header",
    "huge-length-good-crc.tfrecord": "record-too-long",
  };
  const rules: Record<string, string> = {
    ...stricter,
    "corrupt-data-byte.tfrecord": "data-crc",
    "corrupt-data-crc.tfrecord": "data-crc",
    "corrupt-length-crc.tfrecord": "length-crc",
    "lying-length-bad-crc.tfrecord": "length-crc",
    "lying-length-good-crc.tfrecord": "record-too-long",
    "truncated-tail.tfrecord": "record-too-long",
    "truncated-footer.tfrecord": "record-too-long",
  };

  it.each(Object.keys(raw.files))("%s", async (name) => {
    const file = await uncompressed(await createFolderStore(join(GOLDEN, "rlds/raw")).open(name), name);
    const { records, damage } = await scanRecords(file);
    const read = await Promise.allSettled(records.map((place, i) => readRecord(file, place, `${name}, record ${i}`)));
    const hashes = read.flatMap((result) => (result.status === "fulfilled" ? [short(result.value)] : []));
    const refused = read.flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
    const rule = refused.length > 0 ? "data-crc" : damage?.rule;
    expect(refused.join()).toMatch(refused.length > 0 ? /record 1 \(offset 28849\): the checksum of its data/ : /^$/);
    const { tensorflow } = raw.files[name] as Raw["files"][string];
    expect(rule).toBe(rules[name]);
    expect(hashes).toEqual(tensorflow.sha256 ?? hashes.slice(0, 1));
    const passed: string[] = [];
    const damages = await checkRecords(file, (data) => {
      passed.push(short(data));
    });
    expect(passed).toEqual(hashes);
    expect(damages.map((own) => own.rule)).toEqual(rule === undefined ? [] : [rule]);
    await file.close();
  });

  it("lint names every damaged record of all shards", async () => {
    const folder = fs.mkdtempSync(join(tmpdir(), "bidden-shards-"));
    try {
      fs.cpSync(join(GOLDEN, "rlds/odd_rlds"), folder, { recursive: true });
      const at = join(folder, "2.3.4");
      expect((await lintDataset(folder)).filter(({ severity }) => severity === "error")).toEqual([]);
      const shards = fs.readdirSync(at).filter((name) => name.includes(".tfrecord"));
      for (const name of shards) {
        const bytes = fs.readFileSync(join(at, name));
        bytes[40] = (bytes[40] as number) ^ 1;
        fs.writeFileSync(join(at, name), bytes);
      }
      const findings = await lintDataset(folder);
      expect(findings.map(({ rule }) => rule)).toEqual(shards.map(() => "data-crc"));
      expect(findings[0]?.evidence).toMatch(/tfrecord.*: record 0 at offset 0: the checksum of its data/);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it("unpacked and packed numbers are the same Example, and encoding is the inverse of parsing", async () => {
    const store = createFolderStore(join(GOLDEN, "rlds/raw"));
    const read = async (name: string) => {
      const file = await store.open(name);
      const { records } = await scanRecords(file);
      const examples = await Promise.all(
        records.map(async (place) => parseExample(await readRecord(file, place, name))),
      );
      await file.close();
      return examples;
    };
    const packed = await read("plain.tfrecord");
    expect(await read("unpacked.tfrecord")).toEqual(packed);
    for (const example of packed) expect(parseExample(encodeExample(example))).toEqual(example);
  });

  it("frames records as TensorFlow does", () => {
    expect(maskedCrc(new TextEncoder().encode("hello"))).toBe(0x191c1fbb);
    const bytes = fs.readFileSync(join(GOLDEN, "rlds/raw/plain.tfrecord"));
    expect(Buffer.from(frameRecord(new Uint8Array(bytes.subarray(12, 12 + 28833))))).toEqual(bytes.subarray(0, 28849));
  });
});
