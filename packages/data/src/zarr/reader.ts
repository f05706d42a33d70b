/** Zarr v2 and v3 stores through zarrita, and the replay buffers of diffusion_policy and UMI (data.md 3.5). */

import { BiddenError, messageOf } from "@bidden/runtime";
import * as zarr from "zarrita";
import { type ArrayNode, type ArrayTree, arrayColumn } from "../arrays/tree.ts";
import { createNumbers, elementsOf, setNumber } from "../dataset/columns.ts";
import { ColumnarDataset, type SourceColumn, type SourceEpisode } from "../dataset/columnar.ts";
import type { Dataset, NumberArray, NumberDtype } from "../dataset/types.ts";
import { halfToNumber } from "../bytes/half.ts";
import { decompressBzip2 } from "../bytes/bzip2.ts";
import type { FileStore } from "../files/store.ts";

/** Largest number of elements that an array may claim. */
const MAX_ELEMENTS = 2 ** 40;
const MAX_DEPTH = 8;

const DTYPES: Readonly<Record<string, NumberDtype>> = {
  bool: "bool",
  int8: "int8",
  int16: "int16",
  int32: "int32",
  int64: "int64",
  uint8: "uint8",
  uint16: "uint16",
  uint32: "uint32",
  uint64: "uint64",
  float16: "float16",
  float32: "float32",
  float64: "float64",
};

/** A codec that zarrita lacks. */
const BZIP2 = {
  fromConfig: () => ({
    kind: "bytes_to_bytes" as const,
    decode: (bytes: Uint8Array) => decompressBzip2(bytes, "a chunk"),
    encode: (): never => {
      throw new BiddenError("unsupported", "bidden does not write bzip2.");
    },
  }),
};

/** @param close gives back what `store` holds open. */
export async function openZarr(
  store: FileStore,
  close: () => Promise<void> = () => Promise.resolve(),
): Promise<Dataset> {
  const tree = await openZarrTree(store, close);
  const ends = tree.arrays.find((node) => node.path === "meta/episode_ends");
  if (ends === undefined) {
    const some = tree.arrays.slice(0, 8).map((node) => node.path);
    throw new BiddenError(
      "unsupported",
      `${store.root} is no replay buffer: expected an array meta/episode_ends; it holds ${some.join(", ") || "no arrays"}.`,
      { path: store.root },
    );
  }
  const bounds = Array.from(await ends.rows(0, ends.shape[0] ?? 0), Number);
  const total = bounds.at(-1) ?? 0;
  const data = tree.arrays.filter((node) => node.path.startsWith("data/") && node.shape[0] === total);
  const fps = tree.attributes("")["fps"];
  return new ColumnarDataset({
    format: "zarr",
    path: store.root,
    robotType: null,
    fps: typeof fps === "number" ? fps : null,
    episodes: episodesOf(bounds, data, store.root),
    close: () => tree.close(),
  });
}

function episodesOf(bounds: readonly number[], data: readonly ArrayNode[], root: string): SourceEpisode[] {
  let start = 0;
  return bounds.map((end, i) => {
    if (!Number.isInteger(end) || end < start) {
      throw new BiddenError(
        "bad-dataset",
        `${root}: meta/episode_ends must not fall; entry ${i} is ${end} after ${start}.`,
        {
          rule: "episode-ends",
          episode: i,
        },
      );
    }
    const columns = new Map<string, SourceColumn>();
    for (const node of data) columns.set(node.path.slice("data/".length), arrayColumn(node, start, root));
    const episode = { length: end - start, task: "", extra: { start, end }, columns };
    start = end;
    return episode;
  });
}

/** Every array of a store. */
export async function openZarrTree(
  store: FileStore,
  close: () => Promise<void> = () => Promise.resolve(),
): Promise<ArrayTree> {
  for (const name of ["bz2", "numcodecs.bz2"]) zarr.registry.set(name, () => Promise.resolve(BZIP2));
  const halves = new Set<string>();
  const readable = {
    get: async (key: string) => {
      const path = key.replace(/^\//, "");
      const bytes = await store.read(path);
      if (bytes === null) return undefined;
      return /(^|\/)(\.zarray|zarr\.json)$/.test(path) ? halvesAsBits(bytes, path, halves) : bytes;
    },
    getRange: (key: string, range: zarr.RangeQuery) => readRange(store, key.replace(/^\//, ""), range),
  };
  const root = zarr.root(readable);
  const arrays: ArrayNode[] = [];
  const attributes = new Map<string, Record<string, unknown>>();
  for (const path of await findNodes(store, "", 0)) {
    const node = await openNode(root, path, store.root);
    if (node instanceof zarr.Array) {
      const array = arrayNode(node, path, store.root);
      arrays.push(halves.has(path) ? numbersFromBits(array) : array);
    }
    attributes.set(path, node.attrs);
  }
  return {
    root: store.root,
    arrays: arrays.filter((node) => node.shape.length > 0),
    attributes: (path) => attributes.get(path) ?? {},
    close,
  };
}

/** Undefined for a file that is not there: a chunk of nothing but fill values. */
async function readRange(store: FileStore, path: string, range: zarr.RangeQuery): Promise<Uint8Array | undefined> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  if (!(await store.list(folder)).includes(path.slice(folder.length + 1))) return undefined;
  const file = await store.open(path);
  try {
    const start = "offset" in range ? range.offset : Math.max(0, file.byteLength - range.suffixLength);
    const end = "offset" in range ? start + range.length : file.byteLength;
    return new Uint8Array(await file.slice(start, end));
  } finally {
    await file.close();
  }
}

/** zarrita needs Float16Array, which Node 20 lacks: 16-bit floats are read as the integers of the same bits. */
function halvesAsBits(bytes: Uint8Array, path: string, halves: Set<string>): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  const bits = text
    .replace(/("dtype"\s*:\s*"[<>|])f2"/, '$1u2"')
    .replace(/("data_type"\s*:\s*)"float16"/, '$1"uint16"');
  if (bits === text) return bytes;
  halves.add(path.replace(/\/?(\.zarray|zarr\.json)$/, ""));
  return new TextEncoder().encode(bits.replace(/("fill_value"\s*:\s*)0\.0/, "$10"));
}

function numbersFromBits(node: ArrayNode): ArrayNode {
  const rows = async (from: number, to: number): Promise<Float32Array> =>
    Float32Array.from((await node.rows(from, to)) as Uint16Array, halfToNumber);
  return { ...node, dtype: "float16", rows };
}

async function openNode(
  root: zarr.Location<zarr.Readable>,
  path: string,
  where: string,
): Promise<zarr.Array<zarr.DataType> | zarr.Group<zarr.Readable>> {
  try {
    return await zarr.open(root.resolve(path));
  } catch (error) {
    throw new BiddenError(
      "bad-dataset",
      `${where}: "${path}" cannot be opened as Zarr (${messageOf(error)}).`,
      { array: path },
      error,
    );
  }
}

/** Paths of groups and arrays, parents first. */
async function findNodes(store: FileStore, path: string, depth: number): Promise<string[]> {
  const names = await store.list(path === "" ? "." : path);
  if (![".zgroup", ".zarray", "zarr.json"].some((name) => names.includes(name))) return [];
  const out = [path];
  const leaf =
    names.includes(".zarray") ||
    (names.includes("zarr.json") && !names.some((name) => name.endsWith("/") && name !== "c/"));
  if (leaf || depth >= MAX_DEPTH) return out;
  for (const name of names) {
    if (name.endsWith("/"))
      out.push(...(await findNodes(store, `${path === "" ? "" : `${path}/`}${name.slice(0, -1)}`, depth + 1)));
  }
  return out;
}

function arrayNode(array: zarr.Array<zarr.DataType>, path: string, root: string): ArrayNode {
  const shape = array.shape;
  const dtype = DTYPES[array.dtype] ?? (array.dtype.startsWith("v2:") ? "string" : "json");
  if (elementsOf(shape) > MAX_ELEMENTS) {
    throw new BiddenError("bad-dataset", `${root}: "${path}" claims ${shape.join(" x ")} elements.`, { array: path });
  }
  return {
    path,
    shape,
    dtype,
    rows: async (from, to) => {
      try {
        const part = await zarr.get(array, [zarr.slice(from, to), ...shape.slice(1).map(() => null)]);
        return rowsOf(part as Part, dtype);
      } catch (error) {
        throw unreadable(root, path, error);
      }
    },
  };
}

type Part = {
  readonly data: ArrayLike<unknown> & Iterable<unknown>;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
};

/** Row-major values, whatever the order of the chunks. */
function rowsOf({ data, shape, stride }: Part, dtype: ArrayNode["dtype"]): NumberArray | readonly unknown[] {
  const rowMajor = stride.every((step, axis) => step === elementsOf(shape.slice(axis + 1)));
  const flat: readonly unknown[] | (ArrayLike<unknown> & Iterable<unknown>) = rowMajor
    ? data
    : reorder(data, shape, stride);
  if (dtype === "string" || dtype === "json") return Array.from(flat);
  const out = createNumbers(dtype, elementsOf(shape));
  let i = 0;
  for (const value of flat) setNumber(out, i++, value as number | bigint | boolean);
  return out;
}

function reorder(
  data: ArrayLike<unknown> & Iterable<unknown>,
  shape: readonly number[],
  stride: readonly number[],
): unknown[] {
  const source = Array.from(data);
  return Array.from({ length: elementsOf(shape) }, (_, index) => {
    let rest = index;
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      at += (rest % size) * (stride[axis] as number);
      rest = Math.floor(rest / size);
    }
    return source[at];
  });
}

/** Codecs that are known by name, but not decoded. */
const CODEC_NAMES: Readonly<Record<string, string>> = {
  imagecodecs_jpegxl: "JPEG XL",
  imagecodecs_jpeg2k: "JPEG 2000",
  imagecodecs_webp: "WebP",
};

function unreadable(root: string, path: string, error: unknown): BiddenError {
  const said = messageOf(error);
  const codec = /^Unknown codec: (?:numcodecs\.)?(\S+)/.exec(said)?.[1];
  if (codec === undefined)
    return new BiddenError("bad-dataset", `${root}: "${path}" cannot be read (${said}).`, { array: path }, error);
  const name = CODEC_NAMES[codec] === undefined ? `codec ${codec}` : `${CODEC_NAMES[codec]} (${codec})`;
  return new BiddenError(
    "unsupported",
    `${root}: "${path}" is stored as ${name}, which bidden does not decode. The other arrays can be read without it.`,
    { array: path, codec },
    error,
  );
}
