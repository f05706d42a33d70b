/**
 * Writes any dataset as RLDS the way TensorFlow Datasets lays it out: TFRecord shards, features.json and, last,
 * dataset_info.json; a killed writer leaves no folder that looks whole. Pictures keep their bytes; float64, which an Example
 * cannot hold, is stored as raw bytes.
 */

import { BiddenError } from "@bidden/runtime";
import { joinBytes } from "../bytes/join.ts";
import { elementsOf } from "../dataset/columns.ts";
import type { Column, Dataset, EpisodeData, Feature, NumberArray } from "../dataset/types.ts";
import { JOURNAL_FOLDER } from "../files/journal.ts";
import type { WritableStore } from "../files/store.ts";
import { isJpeg } from "../image/kinds.ts";
import { type Deflate, encodePng } from "../image/png.ts";
import { plain } from "../inspect/cat.ts";
import { isDefaultFeature } from "../lerobot/features.ts";
import { encodeExample, type ExampleFeature } from "./example.ts";
import { DATASET_INFO, FEATURES_JSON } from "./reader.ts";
import { frameRecord, scanRecords } from "./tfrecord.ts";

export type RldsOptions = {
  /** Lower-case name of the dataset. */
  readonly name: string;
  readonly version?: string;
  /** Bytes after which a new shard begins. */
  readonly shardBytes?: number;
  readonly deflate: Deflate;
  readonly report?: (progress: { readonly done: number; readonly total: number }) => void;
};

const CLASSES = "tensorflow_datasets.core.features";
const FLAGS = ["is_first", "is_last", "is_terminal"] as const;

/** Goes on with the whole shards that a stopped attempt left. @returns how many episodes were written. */
export async function writeRlds(source: Dataset, store: WritableStore, options: RldsOptions): Promise<number> {
  const { name, version = "1.0.0", shardBytes = 128 << 20, deflate } = options;
  if (!/^[a-z][a-z0-9_]*$/.test(name))
    throw new BiddenError("bad-argument", `An RLDS name is lower-case with "_"; got "${name}".`);
  if (!/^\d+\.\d+\.\d+$/.test(version))
    throw new BiddenError("bad-argument", `An RLDS version is three numbers; got "${version}".`);
  const here = (await store.list(".")).filter((file) => file !== `${JOURNAL_FOLDER}/`);
  if (!here.every((file) => PART.test(file) || file.startsWith(`${name}-train.tfrecord-`) || file === FEATURES_JSON))
    throw new BiddenError("bad-argument", `${store.root} is not empty.`, { path: store.root });
  const columns = await planColumns(source);
  const { lengths, bytes: kept } = await keptShards(store, here);
  let bytes = kept;
  let shard: Uint8Array[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (shard.length === 0) return;
    await store.write(partOf(lengths.length), joinBytes(shard));
    lengths.push(shard.length);
    [shard, size] = [[], 0];
  };
  const first = lengths.reduce((sum, length) => sum + length, 0);
  for (let index = first; index < source.episodeCount; index++) {
    const record = frameRecord(await encodeEpisode(source, index, columns, deflate));
    if (size > 0 && size + record.length > shardBytes) await flush();
    shard.push(record);
    size += record.length;
    bytes += record.length;
    options.report?.({ done: index + 1, total: source.episodeCount });
  }
  await flush();
  const of = String(lengths.length).padStart(5, "0");
  for (const i of lengths.keys()) {
    await store.rename(partOf(i), `${name}-train.tfrecord-${String(i).padStart(5, "0")}-of-${of}`);
  }
  const text = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json, null, 4));
  await store.write(FEATURES_JSON, text(featuresJson(columns)));
  await store.write(`${DATASET_INFO}.new`, text(infoJson(name, version, lengths, bytes)));
  await store.rename(`${DATASET_INFO}.new`, DATASET_INFO);
  return source.episodeCount;
}

const PART = /^shard-(\d+)\.part$/;
const partOf = (shard: number): string => `shard-${shard}.part`;

/** The whole shards from the first on; one that is torn was being written. */
async function keptShards(
  store: WritableStore,
  here: readonly string[],
): Promise<{ lengths: number[]; bytes: number }> {
  const lengths: number[] = [];
  let bytes = 0;
  while (here.includes(partOf(lengths.length))) {
    const file = await store.open(partOf(lengths.length));
    const { records, damage } = await scanRecords(file);
    await file.close();
    if (damage !== null || records.length === 0) break;
    lengths.push(records.length);
    bytes += file.byteLength;
  }
  return { lengths, bytes };
}

/** LeRobot's names become paths: observation.images.front → observation/front, observation.state → observation/state. */
export function rldsKey(column: string): string {
  return column.replace(/^observation\.images\./, "observation/").replaceAll(".", "/");
}

/** The columns that are written, with the names that they get. */
export async function rldsColumns(source: Dataset): Promise<Record<string, string>> {
  return Object.fromEntries((await planColumns(source)).map(({ column, key }) => [column, key]));
}

type Planned = { readonly column: string; readonly key: string; readonly feature: Feature; readonly format: string };

async function planColumns(source: Dataset): Promise<Planned[]> {
  const first = await source.read(0, { from: 0, to: 1 });
  const planned: Planned[] = [];
  const lerobot = source.format.startsWith("lerobot");
  for (const [column, feature] of Object.entries(source.features)) {
    const data = first.columns[column];
    if (data === undefined || (lerobot && isDefaultFeature(column)) || (FLAGS as readonly string[]).includes(column))
      continue;
    if (feature.dtype === "json" || feature.dtype === "language") {
      throw new BiddenError(
        "unsupported",
        `Column "${column}" has no fixed shape; bidden writes numbers, text and pictures to RLDS.`,
        { column },
      );
    }
    const bytes = data.kind === "images" ? data.encoded(0) : null;
    const key = lerobot ? rldsKey(column) : column;
    planned.push({ column, key, feature, format: bytes !== null && isJpeg(bytes) ? "jpeg" : "png" });
  }
  return planned;
}

async function encodeEpisode(
  source: Dataset,
  index: number,
  columns: readonly Planned[],
  deflate: Deflate,
): Promise<Uint8Array> {
  const data = await source.read(index);
  const info = await source.episode(index);
  const example = new Map<string, ExampleFeature>();
  for (const planned of columns) example.set(`steps/${planned.key}`, await columnValues(data, planned, deflate));
  for (const flag of FLAGS) {
    const values = BigInt64Array.from({ length: data.length }, (_, i) =>
      BigInt(i === (flag === "is_first" ? 0 : data.length - 1) ? 1 : 0),
    );
    const own = data.columns[flag];
    example.set(`steps/${flag}`, { kind: "ints", values: own?.kind === "numbers" ? integers(own.values) : values });
  }
  if (!columns.some((planned) => planned.key === "language_instruction")) {
    example.set("steps/language_instruction", { kind: "bytes", values: data.tasks.map(utf8) });
  }
  example.set("episode_metadata/file_path", { kind: "bytes", values: [utf8(`${source.path}#${index}`)] });
  example.set("episode_metadata/extra", { kind: "bytes", values: [utf8(JSON.stringify(plain(info.extra)))] });
  return encodeExample(new Map([...example].sort(([a], [b]) => (a < b ? -1 : 1))));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function integers(values: NumberArray): BigInt64Array {
  if (values instanceof BigInt64Array) return values;
  if (values instanceof BigUint64Array) return new BigInt64Array(values.slice().buffer);
  return BigInt64Array.from(values, (value) => BigInt(value));
}

async function columnValues(
  data: EpisodeData,
  { column: name, feature }: Planned,
  deflate: Deflate,
): Promise<ExampleFeature> {
  const column = data.columns[name] as Column;
  if (column.kind === "text") return { kind: "bytes", values: column.values.map(utf8) };
  if (column.kind === "images") {
    const values: Uint8Array[] = [];
    for (let frame = 0; frame < column.length; frame++) {
      values.push(column.encoded(frame) ?? encodePng(await column.image(frame), deflate));
    }
    return { kind: "bytes", values };
  }
  if (column.kind !== "numbers") throw new BiddenError("internal", `internal: column "${name}" was not planned`);
  const { values } = column;
  if (feature.dtype === "float64") return { kind: "bytes", values: blobs(values, elementsOf(column.shape)) };
  if (values instanceof Float32Array) return { kind: "floats", values };
  return { kind: "ints", values: integers(values) };
}

function blobs(values: NumberArray, size: number): Uint8Array[] {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const step = size * values.BYTES_PER_ELEMENT;
  return Array.from({ length: bytes.length / Math.max(1, step) }, (_, i) => bytes.slice(i * step, (i + 1) * step));
}

type Json = { [key: string]: unknown };

function featuresJson(columns: readonly Planned[]): Json {
  const steps: Json = {};
  for (const planned of columns) put(steps, planned.key.split("/"), leafJson(planned));
  for (const flag of FLAGS) steps[flag] = tensor("bool", [], "none");
  if (steps["language_instruction"] === undefined) steps["language_instruction"] = TEXT;
  const dataset = {
    pythonClassName: `${CLASSES}.dataset_feature.Dataset`,
    sequence: { feature: dictionary(steps), length: "-1" },
  };
  return dictionary({ steps: dataset, episode_metadata: { file_path: TEXT, extra: TEXT } });
}

const TEXT = { pythonClassName: `${CLASSES}.text_feature.Text`, text: {} };

function put(tree: Json, [first = "", ...rest]: readonly string[], leaf: unknown): void {
  if (rest.length === 0) tree[first] = leaf;
  else put((tree[first] ??= {}) as Json, rest, leaf);
}

/** Plain objects within become dictionaries too. */
function dictionary(features: Json): Json {
  const inner = Object.entries(features).map(([name, value]) => {
    const leaf = typeof value === "object" && value !== null && "pythonClassName" in value;
    return [name, leaf ? value : dictionary(value as Json)];
  });
  return {
    pythonClassName: `${CLASSES}.features_dict.FeaturesDict`,
    featuresDict: { features: Object.fromEntries(inner) },
  };
}

function dimensions(shape: readonly number[]): Json {
  return shape.length === 0 ? {} : { dimensions: shape.map(String) };
}

function tensor(dtype: string, shape: readonly number[], encoding: string): Json {
  const name = shape.length === 0 ? "scalar.Scalar" : "tensor_feature.Tensor";
  return { pythonClassName: `${CLASSES}.${name}`, tensor: { shape: dimensions(shape), dtype, encoding } };
}

function leafJson({ feature, format }: Planned): Json {
  if (feature.dtype === "string") return TEXT;
  if (feature.dtype === "image" || feature.dtype === "video") {
    const [height = 0, width = 0, channels = 3] = feature.shape;
    const shape = [height, width].map((n) => (n > 0 ? n : -1));
    return {
      pythonClassName: `${CLASSES}.image_feature.Image`,
      image: { shape: dimensions([...shape, channels]), dtype: "uint8", encodingFormat: format },
    };
  }
  const scalar = feature.shape.length === 1 && feature.shape[0] === 1;
  return tensor(feature.dtype, scalar ? [] : feature.shape, feature.dtype === "float64" ? "bytes" : "none");
}

function infoJson(name: string, version: string, lengths: readonly number[], bytes: number): Json {
  return {
    name,
    version,
    description: "Written by bidden.",
    fileFormat: "tfrecord",
    releaseNotes: {},
    splits: [
      {
        name: "train",
        filepathTemplate: "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        numBytes: String(bytes),
        shardLengths: lengths.map(String),
      },
    ],
  };
}
