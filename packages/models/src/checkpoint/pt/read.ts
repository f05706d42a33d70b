/**
 * PyTorch's .pt files without Python: the zip of `torch.save(module.state_dict())`, read so that nothing in it can run.
 * Arrays share the file's memory where they are plain ranges of it; the others are copied, at most `COPY_FACTOR` times the
 * file's size in all.
 */
import {
  allocate,
  bytesPerElement,
  type DType,
  type Elements,
  elementsView,
  type Shape,
  type TensorData,
} from "@bidden/tensor";
import { type PickledTensor, unpickleStateDict } from "./pickle.ts";
import {
  type ByteSource,
  readZipDirectory,
  readZipEntry,
  refuse,
  sourceOf,
  verifyZipEntry,
  type ZipEntry,
} from "./zip.ts";

/** Views that repeat or skip elements are copied; a stride of 0 could ask for any amount. */
export const COPY_FACTOR = 8;
/** A state dict of a thousand tensors needs 200 kB. */
const MAX_PICKLE_BYTES = 64 << 20;

export type PtTensor = {
  readonly dtype: DType;
  readonly shape: Shape;
  /** Its elements as one range of the file's bytes; null where strides or an offset make them something else. */
  readonly range: { readonly start: number; readonly end: number } | null;
};

/** An opened file: names, types and places are known and checked, arrays are read when asked for. */
export type PtFile = {
  readonly tensors: ReadonlyMap<string, PtTensor>;
  /** The elements of one tensor; the checksum of its storage is verified first. */
  read(name: string): Promise<TensorData>;
  /** Verifies the checksums of all arrays, keeping nothing: for those who use the ranges. */
  verify(): Promise<void>;
};

/** @param bytes a whole .pt file; arrays share its memory where alignment allows. */
export async function readPt(bytes: Uint8Array, name = ".pt file"): Promise<Map<string, TensorData>> {
  const file = await openPt(sourceOf(bytes), name);
  const tensors = new Map<string, TensorData>();
  for (const tensor of file.tensors.keys()) tensors.set(tensor, await file.read(tensor));
  return tensors;
}

/**
 * Opens a state dict. Where every name begins with `module.` (a module wrapped for distributed training), that is taken off.
 * @param name the file's name, for errors
 */
export async function openPt(source: ByteSource, name: string): Promise<PtFile> {
  await checkBeginning(source, name);
  const entries = await archive(source, name);
  const pickled = unpickleStateDict(await readZipEntry(source, entries.get("data.pkl") as ZipEntry, name), name);
  const wrapped = [...pickled.keys()].every((key) => key.startsWith("module."));
  const tensors = new Map<string, PtTensor>();
  const parts = new Map<string, Part>();
  let copied = 0;
  for (const [key, tensor] of pickled) {
    const entry = storageEntry(entries, tensor, key, name);
    const range = rangeOf(tensor, entry, key, name);
    const bytes = tensor.shape.reduce((a, b) => a * b, bytesPerElement(tensor.storage.dtype));
    if (range === null) copied += bytes;
    if (copied > COPY_FACTOR * source.size) {
      throw refuse(
        name,
        `tensor "${key}"`,
        `at most ${COPY_FACTOR} times the file's size in strided arrays`,
        `[${tensor.shape.join(", ")}] over ${entry.size} bytes`,
      );
    }
    const short = wrapped ? key.slice("module.".length) : key;
    tensors.set(short, { dtype: tensor.storage.dtype, shape: tensor.shape, range });
    parts.set(short, { tensor, entry });
  }
  return {
    tensors,
    read: reader(source, parts, name),
    verify: async () => {
      const used = new Map([...parts.values()].map(({ entry }) => [entry.name, entry]));
      for (const entry of used.values()) await verifyZipEntry(source, entry, name);
    },
  };
}

type Part = { readonly tensor: PickledTensor; readonly entry: ZipEntry };

function reader(source: ByteSource, parts: ReadonlyMap<string, Part>, name: string): PtFile["read"] {
  const storages = new Map<string, Promise<Elements>>();
  return async (key) => {
    const part = parts.get(key);
    if (part === undefined) throw refuse(name, "data.pkl", `a tensor "${key}"`, "none");
    const { tensor, entry } = part;
    const { dtype } = tensor.storage;
    // Kept: tensors that share a storage must not each hold a copy of it.
    const place = `${entry.name} ${dtype}`;
    const storage =
      storages.get(place) ?? readZipEntry(source, entry, name).then((bytes) => elementsView(bytes, dtype));
    storages.set(place, storage);
    return arrayOf(tensor, await storage);
  };
}

/** Says what a file is that is no zip: most are downloads that went wrong. */
async function checkBeginning(source: ByteSource, name: string): Promise<void> {
  const begin = await source.read(0, Math.min(source.size, 512));
  const text = new TextDecoder("latin1").decode(begin);
  if (text.startsWith("PK\x03\x04")) return;
  const came =
    begin.length === 0
      ? "an empty file"
      : text.startsWith("version https://git-lfs")
        ? "a Git LFS pointer: fetch the file itself, with `git lfs pull`"
        : /^\s*<(!doctype|html)/i.test(text)
          ? "a web page: the download went wrong"
          : text.slice(8, 9) === "{"
            ? "what seems a safetensors file: name it .safetensors"
            : text.startsWith("\x80") || text.includes("ustar\0")
              ? "PyTorch's format from before 1.6: load it there and save it again"
              : "other bytes";
  throw refuse(name, "beginning", "the zip file that torch.save writes", came);
}

/** The entries below the archive's one folder, by their path in it. */
async function archive(source: ByteSource, name: string): Promise<ReadonlyMap<string, ZipEntry>> {
  const all = await readZipDirectory(source, name);
  const folders = new Set([...all.keys()].map((path) => path.split("/")[0] as string));
  if (folders.size !== 1) throw refuse(name, "zip directory", "one folder", `${folders.size}`);
  const folder = [...folders][0] as string;
  const entries = new Map([...all].map(([path, entry]) => [path.slice(folder.length + 1), entry]));
  if ([...entries.keys()].some((path) => path.startsWith("code/") || path === "constants.pkl")) {
    throw refuse(name, "zip directory", "a state dict", "a TorchScript program, which is not run");
  }
  const pickle = entries.get("data.pkl");
  if (pickle === undefined) throw refuse(name, "zip directory", "an entry data.pkl", "none");
  if (pickle.size > MAX_PICKLE_BYTES) {
    throw refuse(name, "data.pkl", `at most ${MAX_PICKLE_BYTES} bytes`, `${pickle.size}`);
  }
  const order = entries.get("byteorder");
  if (order !== undefined) {
    const word = order.size > 16 ? "" : new TextDecoder().decode(await readZipEntry(source, order, name));
    if (word !== "little") throw refuse(name, "byteorder", '"little"', JSON.stringify(word));
  }
  return entries;
}

function storageEntry(
  entries: ReadonlyMap<string, ZipEntry>,
  { storage }: PickledTensor,
  key: string,
  name: string,
): ZipEntry {
  const entry = entries.get(`data/${storage.key}`);
  const bytes = storage.count * bytesPerElement(storage.dtype);
  if (entry?.size !== bytes) {
    const came = entry === undefined ? "no such entry" : `${entry.size} bytes`;
    throw refuse(name, `tensor "${key}", storage ${storage.key}`, `${bytes} bytes of ${storage.dtype}`, came);
  }
  return entry;
}

/** Where a tensor's elements lie in the file if they lie in order; refused where they leave their storage. */
function rangeOf(tensor: PickledTensor, entry: ZipEntry, key: string, name: string): PtTensor["range"] {
  const { shape, strides, offset, storage } = tensor;
  const count = shape.reduce((a, b) => a * b, 1);
  const last = shape.reduce((sum, size, d) => sum + (size - 1) * (strides[d] as number), offset);
  if (count === 0 ? offset > storage.count : !(last < storage.count)) {
    throw refuse(
      name,
      `tensor "${key}"`,
      `elements within its storage of ${storage.count}`,
      `[${shape.join(", ")}] with strides [${strides.join(", ")}] from ${offset}`,
    );
  }
  let step = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    if (shape[d] !== 1 && strides[d] !== step && count > 0) return null;
    step *= shape[d] as number;
  }
  const width = bytesPerElement(storage.dtype);
  const start = entry.offset + offset * width;
  return { start, end: start + count * width };
}

function arrayOf(tensor: PickledTensor, whole: Elements): TensorData {
  const { shape, strides, offset } = tensor;
  const { dtype } = tensor.storage;
  const count = shape.reduce((a, b) => a * b, 1);
  const rowMajor = shape.every((size, d) => size === 1 || strides[d] === shape.slice(d + 1).reduce((a, b) => a * b, 1));
  if (rowMajor || count === 0) return { dtype, shape, data: whole.subarray(offset, offset + count) };
  const out = allocate(dtype, count);
  const place = shape.map(() => 0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    out[i] = whole[from] as never;
    for (let d = shape.length - 1; d >= 0; d--) {
      place[d] = (place[d] as number) + 1;
      from += strides[d] as number;
      if ((place[d] as number) < (shape[d] as number)) break;
      from -= (shape[d] as number) * (strides[d] as number);
      place[d] = 0;
    }
  }
  return { dtype, shape, data: out };
}
