/**
 * Parsing TFRecords with every checksum compared: records found, read, checked and taken apart as tf.train.Example. Episodes of 100
 * steps, pictures of 25 KB, as in Open X-Embodiment. On one thread; "processor" is its own time, which a busy machine does not stretch.
 *
 *   npx tsx bench/data-tfrecord.ts [--gigabytes 0.5] [--runs 5]
 *
 * Figures: median of the runs. Goal: 1 GB/s.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createFolderStore } from "@bidden/data/node";
import { createRng } from "@bidden/runtime";
import { encodeExample, parseExample } from "../packages/data/src/rlds/example.ts";
import { checkRecords, frameRecord } from "../packages/data/src/rlds/tfrecord.ts";

const STEPS = 100;
const PICTURE_BYTES = 25_000;
const FILE = "bench.tfrecord";

const { values } = parseArgs({
  options: { gigabytes: { type: "string", default: "0.5" }, runs: { type: "string", default: "5" } },
});

const median = (rates: readonly number[]): number => [...rates].sort((a, b) => a - b)[rates.length >> 1] ?? Number.NaN;

function episode(seed: number): Uint8Array {
  const rng = createRng(seed);
  const floats = (n: number): Float32Array => Float32Array.from({ length: n }, () => rng.uniform());
  const picture = (): Uint8Array => Uint8Array.from({ length: PICTURE_BYTES }, () => rng.uniform() * 256);
  return encodeExample(
    new Map([
      ["steps/action", { kind: "floats", values: floats(7 * STEPS) }],
      ["steps/observation/state", { kind: "floats", values: floats(8 * STEPS) }],
      ["steps/is_first", { kind: "ints", values: new BigInt64Array(STEPS) }],
      ["steps/observation/image", { kind: "bytes", values: Array.from({ length: STEPS }, picture) }],
    ]),
  );
}

type Rate = { readonly wall: number; readonly processor: number };

/** Bytes a second. */
async function parse(folder: string): Promise<Rate> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const file = await createFolderStore(folder).open(FILE);
  let records = 0;
  let pictures = 0;
  const damage = await checkRecords(file, (data) => {
    const feature = parseExample(data).get("steps/observation/image");
    pictures += feature?.kind === "bytes" ? feature.values.length : 0;
    records++;
  });
  const bytes = file.byteLength;
  await file.close();
  if (damage.length > 0 || pictures !== records * STEPS) throw new Error(`${records} episodes, ${pictures} pictures.`);
  const { user, system } = process.cpuUsage(used);
  return { wall: bytes / (performance.now() - start) / 1e6, processor: bytes / (user + system) / 1e3 };
}

const folder = mkdtempSync(join(tmpdir(), "bidden-bench-"));
try {
  const records = Array.from({ length: 8 }, (_, seed) => frameRecord(episode(seed + 1)));
  for (let bytes = 0, i = 0; bytes < Number(values.gigabytes) * 1e9; i++) {
    const record = records[i % records.length] as Uint8Array;
    await appendFile(join(folder, FILE), record);
    bytes += record.length;
  }
  const rates: Rate[] = [];
  for (let run = 0; run < Number(values.runs); run++) rates.push(await parse(folder));
  const say = (name: string, rate: number): void => console.log(name.padEnd(44), `${rate.toFixed(2)} GB/s`);
  say("TFRecord, checksums compared, by the clock", median(rates.map((rate) => rate.wall)));
  say("by processor time", median(rates.map((rate) => rate.processor)));
  say("goal", 1);
} finally {
  rmSync(folder, { recursive: true });
}
