/**
 * PyTorch's .pt files without Python: the zip of `torch.save(module.state_dict())`, read so that nothing in it can run.
 * Arrays share the file's memory where they are plain ranges of it; the others are copied, at most `COPY_FACTOR` times the
 * file's size in all.
 */
import { allocate, bytesPerElement, type DType, type Elements, type Shape, type TensorData } from "@bidden/tensor";
import { type PickledTensor, unpickleStateDict } from "./pickle.ts";
import { type ByteSource, readZipDirectory, readZipEntry, refuse, sourceOf, type ZipEntry } from "./zip.ts";

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
  read(name: string): TensorData;
};

/** @param bytes a whole .pt file; arrays share its memory where alignment allows. */
export function readPt(bytes: Uint8Array, name = ".pt file"): { readonly tensors: ReadonlyMap<string, TensorData> } {
  const file = openPt(sourceOf(bytes), name);
  return { tensors: new Map([...file.tensors.keys()].map((tensor) => [tensor, file.read(tensor)])) };
}

/**
 * Opens a state dict. Where every name begins with `module.` (a module wrapped for distributed training), that is taken off.
 * @param name the file's name, for errors
 */
export function openPt(source: ByteSource, name: string): PtFile {
  checkBeginning(source, name);
  const { folder, entries } = archive(source, name);
  const pickled = unpickleStateDict(readZipEntry(source, entries.get("data.pkl") as ZipEntry, name), name);
  const wrapped = [...pickled.keys()].every((key) => key.startsWith("module."));
  const tensors = new Map<string, PtTensor>();
  const parts = new Map<string, { readonly tensor: PickledTensor; readonly entry: ZipEntry }>();
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
  const storages = new Map<string, Elements>();
  return {
    tensors,
    read: (tensor) => {
      const part = parts.get(tensor);
      if (part === undefined) throw refuse(name, folder, `a tensor "${tensor}"`, "none");
      // Kept: tensors that share a storage must not each hold a copy of it.
      const key = `${part.entry.name} ${part.tensor.storage.dtype}`;
      const storage = storages.get(key) ?? typed(part.tensor.storage.dtype, readZipEntry(source, part.entry, name));
      storages.set(key, storage);
      return elementsOf(part.tensor, storage);
    },
  };
}

/** Says what a file is that is no zip: most are downloads that went wrong. */
function checkBeginning(source: ByteSource, name: string): void {
  const begin = source.read(0, Math.min(source.size, 512));
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
function archive(source: ByteSource, name: string): { folder: string; entries: ReadonlyMap<string, ZipEntry> } {
  const all = readZipDirectory(source, name);
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
    const word = order.size > 16 ? "" : new TextDecoder().decode(readZipEntry(source, order, name));
    if (word !== "little") throw refuse(name, "byteorder", '"little"', JSON.stringify(word));
  }
  return { folder, entries };
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

function elementsOf(tensor: PickledTensor, whole: Elements): TensorData {
  const { shape, strides, offset } = tensor;
  const { dtype } = tensor.storage;
  const count = shape.reduce((a, b) => a * b, 1);
  const rowMajor = shape.every((size, d) => size === 1 || strides[d] === shape.slice(d + 1).reduce((a, b) => a * b, 1));
  if (rowMajor || count === 0) return { dtype, shape, data: whole.subarray(offset, offset + count) };
  const out = allocate(dtype, count);
  const place = new Array<number>(shape.length).fill(0);
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

/** Bytes as elements, without a copy where they are aligned. */
function typed(dtype: DType, bytes: Uint8Array): Elements {
  const { buffer, byteOffset } = bytes.byteOffset % bytesPerElement(dtype) === 0 ? bytes : bytes.slice();
  const count = bytes.length / bytesPerElement(dtype);
  switch (dtype) {
    case "float64":
      return new Float64Array(buffer, byteOffset, count);
    case "float32":
      return new Float32Array(buffer, byteOffset, count);
    case "float16":
    case "bfloat16":
      return new Uint16Array(buffer, byteOffset, count);
    case "int64":
      return new BigInt64Array(buffer, byteOffset, count);
    case "int32":
      return new Int32Array(buffer, byteOffset, count);
    case "uint32":
      return new Uint32Array(buffer, byteOffset, count);
    case "int8":
      return new Int8Array(buffer, byteOffset, count);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer, byteOffset, count);
    default:
      return dtype satisfies never;
  }
}
