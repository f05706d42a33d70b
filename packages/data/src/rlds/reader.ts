/**
 * Reads RLDS datasets written by TensorFlow Datasets (Open X-Embodiment): one TFRecord an episode. Columns are named as their
 * keys under `steps/`, such as "observation/image"; everything beside the steps is in `extra`.
 */

import { BiddenError, messageOf } from "@bidden/runtime";
import { isNumberDtype } from "../dataset/columns.ts";
import { sliceColumn } from "../dataset/slice.ts";
import type { Column, Dataset, EpisodeData, EpisodeInfo, Feature, Features, ReadOptions } from "../dataset/types.ts";
import type { FileStore, RandomAccess } from "../files/store.ts";
import { OXE_DATASETS } from "../oxe/registry.ts";
import { type Example, parseExample } from "./example.ts";
import { flattenFeatures, type TfdsPlace } from "./features.ts";
import { type RecordPlace, readRecord, scanRecords, uncompressed } from "./tfrecord.ts";
import { ExampleReader } from "./values.ts";

export const DATASET_INFO = "dataset_info.json";
export const FEATURES_JSON = "features.json";
const STEPS = "steps/";

/** Where the sentence stands, in the order of trust. */
const INSTRUCTION_KEYS = [
  "language_instruction",
  "observation/natural_language_instruction",
  "observation/instruction",
  "natural_language_instruction",
  "instruction",
];

export type RldsSplit = {
  readonly name: string;
  readonly files: readonly string[];
  readonly lengths: readonly number[];
};

type EpisodeRecord = {
  readonly split: string;
  readonly path: string;
  readonly place: RecordPlace;
  readonly record: number;
};

/** Which shards there should be. */
export async function readSplits(store: FileStore): Promise<RldsSplit[]> {
  return parseSplits(await readJsonFile(store, DATASET_INFO), store.root);
}

export async function openRlds(store: FileStore): Promise<RldsReader> {
  const info = await readJsonFile(store, DATASET_INFO);
  const places = flattenFeatures(await readJsonFile(store, FEATURES_JSON), `${store.root}/${FEATURES_JSON}`);
  const splits = parseSplits(info, store.root);
  const episodes: EpisodeRecord[] = [];
  for (const split of splits) await scanSplit(store, split, episodes);
  return new RldsReader(store, String(info["name"]), String(info["version"]), places, episodes);
}

async function readJsonFile(store: FileStore, path: string): Promise<Record<string, unknown>> {
  const bytes = await store.read(path);
  if (bytes === null)
    throw new BiddenError("not-found", `${store.root} holds no RLDS dataset: ${path} is missing.`, { file: path });
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch (error) {
    throw new BiddenError(
      "bad-dataset",
      `${store.root}/${path}: not JSON (${messageOf(error)}).`,
      { file: path },
      error,
    );
  }
  throw new BiddenError("bad-dataset", `${store.root}/${path}: expected an object.`, { file: path });
}

/** Names of shards by tfds's template; a template that leads elsewhere is refused. */
function parseSplits(info: Readonly<Record<string, unknown>>, root: string): RldsSplit[] {
  const { name, fileFormat = "tfrecord", splits } = info;
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${root}/${DATASET_INFO}: ${what}.`, { file: DATASET_INFO });
  if (typeof name !== "string") throw bad('"name" is missing');
  if (!Array.isArray(splits)) throw bad('"splits" is missing');
  if (fileFormat !== "tfrecord") {
    throw new BiddenError(
      "unsupported",
      `${root} keeps its records as ${JSON.stringify(fileFormat)}; bidden reads tfrecord.`,
    );
  }
  return splits.map((split: Record<string, unknown>) => {
    const lengths = (Array.isArray(split["shardLengths"]) ? split["shardLengths"] : []).map(Number);
    const splitName = String(split["name"]);
    if (!lengths.every((n) => Number.isInteger(n) && n >= 0)) throw bad(`split "${splitName}" has bad shardLengths`);
    const given = split["filepathTemplate"];
    const template =
      typeof given === "string" && given !== "" ? given : "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}";
    const total = lengths.length;
    const files = lengths.map((_, shard) => {
      const digits = (n: number): string => String(n).padStart(Math.max(5, String(total).length), "0");
      const file = template
        .replaceAll("{DATASET}", name)
        .replaceAll("{SPLIT}", splitName)
        .replaceAll("{FILEFORMAT}", "tfrecord")
        .replaceAll("{SHARD_X_OF_Y}", `${digits(shard)}-of-${digits(total)}`)
        .replaceAll("{SHARD_INDEX}", digits(shard));
      if (/[{}\\\0:]/.test(file) || file.startsWith("/") || file.split("/").includes("..")) {
        throw bad(`path template "${template}" is not allowed: it must stay inside the dataset`);
      }
      return file;
    });
    return { name: splitName, files, lengths };
  });
}

async function scanSplit(store: FileStore, split: RldsSplit, out: EpisodeRecord[]): Promise<void> {
  for (const [shard, path] of split.files.entries()) {
    const where = `${store.root}/${path}`;
    const file = await uncompressed(await store.open(path), where);
    try {
      const { records, damage } = await scanRecords(file);
      if (damage !== null) {
        throw new BiddenError("bad-dataset", `${where}: ${damage.message}.`, {
          file: path,
          offset: damage.offset,
          rule: damage.rule,
        });
      }
      const expected = split.lengths[shard] as number;
      if (records.length !== expected) {
        throw new BiddenError(
          "bad-dataset",
          `${where}: ${DATASET_INFO} says ${expected} episodes, found ${records.length}.`,
          {
            file: path,
            rule: "shard-length",
          },
        );
      }
      for (const [record, place] of records.entries()) out.push({ split: split.name, path, place, record });
    } finally {
      await file.close();
    }
  }
}

export class RldsReader implements Dataset {
  readonly format = "rlds";
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** RLDS does not say them; for Open X-Embodiment's sets the registry does. */
  readonly robotType: string | null;
  readonly fps: number | null;
  readonly frameCount = null;
  readonly features: Features;
  readonly episodeCount: number;
  readonly tasks: readonly string[] = [];
  /** Leaves under `steps`, by column name, and those beside it. */
  readonly stepPlaces: ReadonlyMap<string, TfdsPlace>;
  readonly #metaPlaces: readonly TfdsPlace[];
  readonly #store: FileStore;
  readonly #episodes: readonly EpisodeRecord[];
  readonly #files = new Map<string, Promise<RandomAccess>>();
  #last: { index: number; example: Example; frames: number } | null = null;

  constructor(
    store: FileStore,
    name: string,
    version: string,
    places: readonly TfdsPlace[],
    episodes: readonly EpisodeRecord[],
  ) {
    this.#store = store;
    this.path = store.root;
    this.name = name;
    this.version = version;
    this.robotType = OXE_DATASETS[name]?.robot ?? null;
    this.fps = OXE_DATASETS[name]?.hz ?? null;
    this.stepPlaces = new Map(
      places.filter((place) => place.key.startsWith(STEPS)).map((place) => [place.key.slice(STEPS.length), place]),
    );
    this.#metaPlaces = places.filter((place) => !place.key.startsWith(STEPS));
    this.#episodes = episodes;
    this.episodeCount = episodes.length;
    this.features = Object.fromEntries([...this.stepPlaces].map(([column, place]) => [column, featureOf(place)]));
  }

  async #load(index: number): Promise<{ reader: ExampleReader; frames: number; record: EpisodeRecord }> {
    const record = this.#episodes[index];
    if (record === undefined) {
      throw new BiddenError("not-found", `Episode ${index} does not exist; ${this.path} holds ${this.episodeCount}.`);
    }
    const where = `${this.path}/${record.path}, record ${record.record}`;
    if (this.#last?.index !== index) {
      const example = await this.#parse(record, where);
      const reader = new ExampleReader(example, where);
      this.#last = { index, example, frames: this.#countFrames(reader, where) };
    }
    return { reader: new ExampleReader(this.#last.example, where), frames: this.#last.frames, record };
  }

  async #parse(record: EpisodeRecord, where: string): Promise<Example> {
    const data = await readRecord(await this.#file(record.path), record.place, where);
    try {
      return parseExample(data);
    } catch (error) {
      throw new BiddenError("bad-dataset", `${where}: ${messageOf(error)}.`, { file: record.path }, error);
    }
  }

  #countFrames(reader: ExampleReader, where: string): number {
    for (const place of this.stepPlaces.values()) {
      const frames = reader.length(place);
      if (frames !== null) return frames;
    }
    throw new BiddenError("bad-dataset", `${where}: no feature says how many steps there are.`);
  }

  #file(path: string): Promise<RandomAccess> {
    const open = this.#files.get(path);
    if (open !== undefined) return open;
    const file = this.#store.open(path).then((raw) => uncompressed(raw, `${this.path}/${path}`));
    this.#files.set(path, file);
    file.catch(() => this.#files.delete(path));
    return file;
  }

  async episode(index: number): Promise<EpisodeInfo> {
    const { reader, frames, record } = await this.#load(index);
    const extra: Record<string, unknown> = { split: record.split };
    for (const place of this.#metaPlaces) extra[place.key] = await reader.value(place);
    return { index, length: frames, tasks: [...new Set(await this.#sentences(reader, frames))], extra };
  }

  async read(index: number, { columns, from = 0, to }: ReadOptions = {}): Promise<EpisodeData> {
    const { reader, frames } = await this.#load(index);
    const end = Math.max(from, Math.min(to ?? frames, frames));
    const out: Record<string, Column> = {};
    for (const name of columns ?? this.stepPlaces.keys()) {
      const place = this.stepPlaces.get(name);
      if (place === undefined) {
        throw new BiddenError(
          "bad-argument",
          `No column "${name}"; there are ${[...this.stepPlaces.keys()].join(", ")}.`,
        );
      }
      out[name] = sliceColumn(await reader.column(place, frames), from, end);
    }
    const tasks = (await this.#sentences(reader, frames)).slice(from, end);
    return { index, from, length: end - from, columns: out, tasks };
  }

  async #sentences(reader: ExampleReader, frames: number): Promise<string[]> {
    for (const key of INSTRUCTION_KEYS) {
      const place = this.stepPlaces.get(key);
      if (place === undefined) continue;
      const column = await reader.column(place, frames);
      if (column.kind === "text") return [...column.values];
      if (column.kind === "numbers") return sentencesFromCodePoints(column.values, frames);
    }
    return Array.from({ length: frames }, () => "");
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    for (const file of await Promise.allSettled(files)) if (file.status === "fulfilled") await file.value.close();
  }
}

/** language_table keeps its sentence as 512 code points, padded with zeros. */
function sentencesFromCodePoints(values: ArrayLike<number | bigint>, frames: number): string[] {
  const size = values.length / Math.max(1, frames);
  return Array.from({ length: frames }, (_, frame) => {
    let text = "";
    for (let i = frame * size; i < (frame + 1) * size; i++) {
      const code = Number(values[i]);
      if (code > 0 && code <= 0x10ffff) text += String.fromCodePoint(code);
    }
    return text;
  });
}

function featureOf({ leaf, sequences }: TfdsPlace): Feature {
  const json: Feature = { dtype: "json", shape: [1], names: null };
  if (sequences.length > 1) return json;
  switch (leaf.kind) {
    case "text":
      return { dtype: "string", shape: [1], names: null };
    case "label":
      return { dtype: "int64", shape: [1], names: null };
    case "image": {
      const shape = leaf.shape.map((n) => Math.max(n, 0));
      if (leaf.dtype === "uint8") return { dtype: "image", shape, names: null, info: { encoding: leaf.format } };
      return { dtype: leaf.dtype === "float32" ? "float32" : "uint16", shape, names: null };
    }
    case "tensor": {
      if (leaf.dtype === "string") return leaf.shape.length === 0 ? { dtype: "string", shape: [1], names: null } : json;
      if (!isNumberDtype(leaf.dtype)) return json;
      const shape = leaf.shape.map((n) => Math.max(n, 0));
      return { dtype: leaf.dtype, shape: shape.length === 0 ? [1] : shape, names: null };
    }
    default:
      return leaf satisfies never;
  }
}
