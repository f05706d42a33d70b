/**
 * An opened checkpoint: which tensors there are, of which type and shape, and in which file they lie. Only headers and small
 * JSON files are read on opening; tensors are read by range when somebody asks for them.
 */
import { BiddenError } from "@bidden/runtime";
import {
  type DType,
  elementsView,
  readSafetensorsHeader,
  type Shape,
  safetensorsHeaderBytes,
  type TensorData,
} from "@bidden/tensor";
import { toFloat32 } from "./floats.ts";
import { Fields, isJsonObject, type JsonObject, parseJson } from "./json.ts";
import type { CheckpointSource } from "./source.ts";

/** A tensor of a checkpoint, not yet read. */
export type TensorInfo = {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Path of its file within the checkpoint; byte range from the file's start. */
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
};

/** Larger JSON files are refused before they are read (a tokenizer.json of 257 152 pieces has 17 MB). */
const MAX_JSON_BYTES = 200_000_000;

export class Checkpoint {
  readonly source: CheckpointSource;
  /** Relative paths of all files. */
  readonly files: readonly string[];
  /** The weights by name: model.safetensors, or the shards of model.safetensors.index.json. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `config.json`; empty where there is none. */
  readonly config: Fields;

  constructor(
    source: CheckpointSource,
    files: readonly string[],
    tensors: ReadonlyMap<string, TensorInfo>,
    config: Fields,
  ) {
    this.source = source;
    this.files = files;
    this.tensors = tensors;
    this.config = config;
  }

  get label(): string {
    return this.source.label;
  }

  has(file: string): boolean {
    return this.files.includes(file);
  }

  /** A JSON file of the checkpoint; null when it is not there. */
  async json(file: string): Promise<Fields | null> {
    const object = await jsonFile(this.source, file);
    return object === null ? null : new Fields(object, file);
  }

  /** A whole file of at most `maxBytes`; null when it is not there. */
  async bytes(file: string, maxBytes: number = MAX_JSON_BYTES): Promise<Uint8Array | null> {
    const size = await this.source.size(file);
    return size === null ? null : readWhole(this.source, file, size, maxBytes);
  }

  /** The tensor, or an error that says that it is missing. */
  info(name: string): TensorInfo {
    const found = this.tensors.get(name);
    if (found !== undefined) return found;
    throw new BiddenError("bad-checkpoint", `${this.label}: expected a tensor "${name}"; there is none.`, {
      tensor: name,
      expected: name,
      came: null,
    });
  }

  /** One tensor as it is stored. */
  read(name: string): Promise<TensorData> {
    return readTensor(this.source, this.info(name));
  }

  /** One tensor as float32, checked against `shape` where one is given. */
  async float(name: string, shape?: Shape): Promise<Float32Array> {
    const info = this.info(name);
    if (shape !== undefined && info.shape.join() !== shape.join()) throw wrongShape(info, shape);
    const { data, dtype } = await this.read(name);
    return toFloat32(data, dtype);
  }

  /** Rows of a matrix as float32[rows.length, width]: an embedding looked up without loading its table. */
  async rows(name: string, rows: ArrayLike<number>): Promise<Float32Array> {
    return readRows(this.source, this.info(name), rows);
  }

  close(): Promise<void> {
    return this.source.close();
  }
}

/**
 * Opens a checkpoint: reads headers, index and config.json, and refuses files that contradict themselves or each other. The
 * source is closed with the checkpoint, or at once where it is refused.
 */
export async function openCheckpoint(source: CheckpointSource): Promise<Checkpoint> {
  try {
    const files = await source.list();
    const config = new Fields((await jsonFile(source, "config.json")) ?? {}, "config.json");
    return new Checkpoint(source, files, await weightsOf(source, files), config);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** The tensors of one safetensors file, without their data. */
export async function safetensorsTensors(source: CheckpointSource, file: string): Promise<Map<string, TensorInfo>> {
  const size = await source.size(file);
  if (size === null) throw new BiddenError("not-found", `${source.label} has no file "${file}".`, { file });
  const start = await source.read(file, 0, Math.min(8, size));
  const header = await source.read(file, 8, safetensorsHeaderBytes(start, size, file));
  const { entries } = readSafetensorsHeader(header, size, file);
  return new Map([...entries].map(([name, entry]) => [name, { name, file, ...entry }]));
}

export async function readTensor(source: CheckpointSource, info: TensorInfo): Promise<TensorData> {
  const bytes = await source.read(info.file, info.offset, info.bytes);
  return { dtype: info.dtype, shape: info.shape, data: elementsView(bytes, info.dtype) };
}

export async function readRows(
  source: CheckpointSource,
  info: TensorInfo,
  rows: ArrayLike<number>,
): Promise<Float32Array> {
  const [count = 0, ...rest] = info.shape;
  const width = rest.reduce((product, dim) => product * dim, 1);
  const rowBytes = count === 0 ? 0 : info.bytes / count;
  const out = new Float32Array(rows.length * width);
  const known = new Map<number, Promise<Float32Array>>();
  const read = async (row: number): Promise<Float32Array> => {
    const bytes = await source.read(info.file, info.offset + row * rowBytes, rowBytes);
    return toFloat32(elementsView(bytes, info.dtype), info.dtype);
  };
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    if (!Number.isInteger(row) || row < 0 || row >= count) {
      throw new BiddenError("bad-argument", `"${info.name}" has rows 0 to ${count - 1}; asked for ${row}.`, { row });
    }
    const values = known.get(row) ?? read(row);
    known.set(row, values);
    out.set(await values, i * width);
  }
  return out;
}

export function wrongShape(info: TensorInfo, expected: Shape): BiddenError {
  const swapped = info.shape.toReversed().join() === expected.join() ? " (swapped)" : "";
  return new BiddenError(
    "bad-checkpoint",
    `${info.file}, tensor "${info.name}": expected shape [${expected.join(", ")}]; came [${info.shape.join(", ")}]${swapped}.`,
    { file: info.file, tensor: info.name, expected: [...expected], came: [...info.shape] },
  );
}

async function jsonFile(source: CheckpointSource, file: string): Promise<JsonObject | null> {
  const size = await source.size(file);
  if (size === null) return null;
  const bytes = await readWhole(source, file, size, MAX_JSON_BYTES);
  return parseJson(new TextDecoder().decode(bytes), file);
}

async function readWhole(source: CheckpointSource, file: string, size: number, maxBytes: number): Promise<Uint8Array> {
  if (size > maxBytes) {
    throw new BiddenError("bad-checkpoint", `${file}: expected at most ${maxBytes} bytes; came ${size}.`, { file });
  }
  return source.read(file, 0, size);
}

const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";

async function weightsOf(source: CheckpointSource, files: readonly string[]): Promise<Map<string, TensorInfo>> {
  if (files.includes(INDEX)) return sharded(source, files);
  if (files.includes(SINGLE)) return safetensorsTensors(source, SINGLE);
  const shards = files.filter((file) => /^model-\d+-of-\d+\.safetensors$/.test(file));
  if (shards.length > 0) {
    throw new BiddenError(
      "bad-checkpoint",
      `${source.label}: expected ${INDEX} beside its ${shards.length} shards; it is missing.`,
      { file: INDEX },
    );
  }
  const others = files.filter((file) => /^[^/]+\.safetensors$/.test(file) && !isBeside(file));
  return others.length === 1 ? safetensorsTensors(source, others[0] as string) : new Map();
}

/** Safetensors files that lie beside weights and hold none. */
function isBeside(file: string): boolean {
  return /^(goldens?|policy_(pre|post)processor.*)\.safetensors$/.test(file);
}

async function sharded(source: CheckpointSource, files: readonly string[]): Promise<Map<string, TensorInfo>> {
  const index = (await jsonFile(source, INDEX)) ?? {};
  const map = index.weight_map;
  if (!isJsonObject(map)) {
    throw new BiddenError("bad-checkpoint", `${INDEX}: expected an object "weight_map"; there is none.`, {
      file: INDEX,
    });
  }
  const byShard = new Map<string, Set<string>>();
  for (const [name, file] of Object.entries(map)) {
    if (typeof file !== "string" || file.includes("..") || file.startsWith("/")) {
      throw new BiddenError("bad-checkpoint", `${INDEX}, tensor "${name}": expected the name of a shard.`, {
        file: INDEX,
        tensor: name,
      });
    }
    byShard.set(file, (byShard.get(file) ?? new Set()).add(name));
  }
  const missing = [...byShard.keys()].filter((file) => !files.includes(file)).sort();
  if (missing.length > 0) {
    throw new BiddenError(
      "bad-checkpoint",
      `${source.label}: ${INDEX} names ${byShard.size} shards; missing: ${missing.join(", ")}.`,
      { file: INDEX, missing },
    );
  }
  const tensors = new Map<string, TensorInfo>();
  for (const [file, names] of byShard) {
    const found = await safetensorsTensors(source, file);
    const lacking = [...names].filter((name) => !found.has(name));
    const unlisted = [...found.keys()].filter((name) => !names.has(name));
    if (lacking.length + unlisted.length > 0) {
      throw new BiddenError(
        "bad-checkpoint",
        `${file}: ${INDEX} says otherwise; not in the shard: ${some(lacking)}; not in the index: ${some(unlisted)}.`,
        { file, missing: lacking.slice(0, 20), extra: unlisted.slice(0, 20) },
      );
    }
    for (const [name, info] of found) tensors.set(name, info);
  }
  return tensors;
}

/** The first few of a list, for a sentence. */
export function some(names: readonly string[], count = 8): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, count).join(", ");
  return names.length > count ? `${shown} and ${names.length - count} more` : shown;
}
