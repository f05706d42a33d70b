/** Reads safetensors bytes, and refuses every file whose header does not describe its bytes exactly. */
import { BiddenError } from "@bidden/runtime";
import { bytesPerElement, type DType, type Elements, sizeOf, type TensorData } from "../graph/dtype.ts";
import {
  dtypeOfCode,
  MAX_HEADER_BYTES,
  type SafetensorsEntry,
  type SafetensorsFile,
  type SafetensorsHeader,
} from "./format.ts";

/**
 * @param bytes a whole file
 * @param name the file's name, for errors
 * @returns arrays that share the file's memory where alignment allows, copies elsewhere
 */
export function readSafetensors(bytes: Uint8Array, name = "safetensors file"): SafetensorsFile {
  const length = safetensorsHeaderBytes(bytes.subarray(0, 8), bytes.length, name);
  const { entries, metadata } = readSafetensorsHeader(bytes.subarray(8, 8 + length), bytes.length, name);
  const tensors = new Map<string, TensorData>();
  for (const [tensor, { dtype, shape, offset, bytes: size }] of entries) {
    tensors.set(tensor, { dtype, shape, data: elementsView(bytes.subarray(offset, offset + size), dtype) });
  }
  return { tensors, metadata };
}

/**
 * Length of a file's JSON header, which begins at byte 8.
 * @param start the file's first 8 bytes
 * @param fileBytes length of the whole file
 */
export function safetensorsHeaderBytes(start: Uint8Array, fileBytes: number, name = "safetensors file"): number {
  if (start.length < 8) throw bad(name, null, "at least 8 bytes", `${start.length}`);
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) {
    throw bad(name, null, `a header of at most ${MAX_HEADER_BYTES} bytes`, `${length}${wrongDownload(start)}`);
  }
  if (8 + length > fileBytes) throw bad(name, null, `${8 + length} bytes for the header`, `a file of ${fileBytes}`);
  return length;
}

/**
 * Where each tensor of a file lies, without its data: files far larger than memory are opened with this.
 * @param header the bytes after the first 8, as many as `safetensorsHeaderBytes` says
 * @param fileBytes length of the whole file; every byte of it must belong to exactly one tensor
 */
export function readSafetensorsHeader(
  header: Uint8Array,
  fileBytes: number,
  name = "safetensors file",
): SafetensorsHeader {
  const bodyStart = 8 + header.length;
  const bodyBytes = fileBytes - bodyStart;
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Readonly<Record<string, string>> = {};
  const ranges: { readonly tensor: string; readonly start: number; readonly end: number }[] = [];
  for (const [tensor, entry] of Object.entries(parseHeader(header, name))) {
    if (tensor === "__metadata__") {
      metadata = checkMetadata(entry, name);
      continue;
    }
    const { dtype, shape, start, end } = checkEntry(entry, name, tensor, bodyBytes);
    ranges.push({ tensor, start, end });
    entries.set(tensor, { dtype, shape, offset: bodyStart + start, bytes: end - start });
  }
  checkCoverage(ranges, bodyBytes, name);
  return { entries, metadata };
}

/** Text where a length should be: most such files are downloads that went wrong. */
function wrongDownload(start: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(start.subarray(0, 8));
  if (text === "version ") return ": this is a Git LFS pointer; fetch the file itself, with `git lfs pull`";
  return /^\s*<(!|html)/i.test(text) ? ": this is a web page; the download went wrong" : "";
}

function bad(file: string, tensor: string | null, expected: string, came: string): BiddenError {
  const subject = tensor === null ? file : `${file}, tensor "${tensor}"`;
  return new BiddenError("bad-checkpoint", `${subject}: expected ${expected}; came ${came}.`, {
    file,
    tensor,
    expected,
    came,
  });
}

function parseHeader(bytes: Uint8Array, name: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad(name, null, "a header in UTF-8", "bytes that are not");
  }
  if (!text.startsWith("{")) throw bad(name, null, "a JSON object as header", JSON.stringify(text.slice(0, 20)));
  try {
    const parsed: unknown = JSON.parse(text);
    if (isObject(parsed)) return parsed;
  } catch {
    // Reported below, as any other header that is not an object.
  }
  throw bad(name, null, "a JSON object as header", `${text.length} characters that are none`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkMetadata(value: unknown, name: string): Readonly<Record<string, string>> {
  if (!isObject(value) || !Object.values(value).every((text) => typeof text === "string")) {
    throw bad(name, null, "__metadata__ to hold texts only", "something else");
  }
  return value as Readonly<Record<string, string>>;
}

type Entry = { readonly dtype: DType; readonly shape: number[]; readonly start: number; readonly end: number };

function checkEntry(value: unknown, file: string, tensor: string, bodyBytes: number): Entry {
  if (!isObject(value)) throw bad(file, tensor, "an object with dtype, shape and data_offsets", typeof value);
  const { dtype: code, shape, data_offsets: offsets } = value;
  const dtype = typeof code === "string" && Object.hasOwn(dtypeOfCode, code) ? dtypeOfCode[code] : undefined;
  if (dtype === undefined) throw bad(file, tensor, `a dtype of ${Object.keys(dtypeOfCode).join(", ")}`, String(code));
  if (!isCounts(shape))
    throw bad(file, tensor, "a shape of whole numbers of at least 0", JSON.stringify(shape) ?? "none");
  if (!isCounts(offsets) || offsets.length !== 2)
    throw bad(file, tensor, "two data_offsets", JSON.stringify(offsets) ?? "none");
  const [start, end] = offsets as [number, number];
  const bytes = sizeOf(shape) * bytesPerElement(dtype);
  if (end - start !== bytes)
    throw bad(file, tensor, `${bytes} bytes for ${dtype} [${shape.join(", ")}]`, `${end - start}`);
  if (end > bodyBytes) throw bad(file, tensor, `an end within the ${bodyBytes} bytes of data`, `${end}`);
  return { dtype, shape: [...shape], start, end };
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** Every byte belongs to exactly one array, as the format demands: no holes to hide things in, no overlaps. */
function checkCoverage(
  ranges: { readonly tensor: string; readonly start: number; readonly end: number }[],
  bodyBytes: number,
  file: string,
): void {
  let at = 0;
  for (const { tensor, start, end } of ranges.sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== at) throw bad(file, tensor, `data that starts at ${at}, where the one before ends`, `${start}`);
    at = end;
  }
  if (at !== bodyBytes) throw bad(file, null, `${at} bytes of data, as the header says`, `${bodyBytes}`);
}

/** Bytes as elements: without a copy where their position allows. */
export function elementsView(bytes: Uint8Array, dtype: DType): Elements {
  const aligned = bytes.byteOffset % bytesPerElement(dtype) === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset } = aligned;
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
