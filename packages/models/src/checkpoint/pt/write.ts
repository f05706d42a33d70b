/** Writes a state dict as torch.save does, for checkpoints whose heads are .pt files: same tensors, same bytes. */
import { BiddenError } from "@bidden/runtime";
import { type DType, sizeOf, type TensorData } from "@bidden/tensor";
import { crc32 } from "./crc32.ts";

const STORAGES: Partial<Readonly<Record<DType, string>>> = {
  float32: "FloatStorage",
  float64: "DoubleStorage",
  float16: "HalfStorage",
  bfloat16: "BFloat16Storage",
  int8: "CharStorage",
  uint8: "ByteStorage",
  int32: "IntStorage",
  int64: "LongStorage",
  bool: "BoolStorage",
};

/** Storages begin at multiples of this many bytes, so that they can be used where they lie. */
const ALIGNMENT = 64;
/** The kind of extra field that torch pads with. */
const PADDING_FIELD = 0x4246;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;
const END = 0x06054b50;

/** @param folder the archive's folder: the file's name without ".pt", as torch.save has it. */
export function writePt(tensors: ReadonlyMap<string, TensorData>, folder: string): Uint8Array {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const storages = [...tensors.values()].map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return writeZip([
    [`${folder}/data.pkl`, pickleOf(tensors)],
    [`${folder}/byteorder`, text("little")],
    ...storages.map((bytes, i): [string, Uint8Array] => [`${folder}/data/${i}`, bytes]),
    [`${folder}/version`, text("3\n")],
  ]);
}

/** Protocol 2: OrderedDict of `_rebuild_tensor_v2` calls; opcodes as in ./pickle.ts. */
function pickleOf(tensors: ReadonlyMap<string, TensorData>): Uint8Array {
  const out: number[] = [0x80, 2];
  const raw = (value: string): void => {
    for (let i = 0; i < value.length; i++) out.push(value.charCodeAt(i));
  };
  const uint32 = (value: number): void => {
    for (let k = 0; k < 4; k++) out.push((value >>> (8 * k)) & 0xff);
  };
  const text = (value: string): void => {
    const bytes = new TextEncoder().encode(value);
    raw("X");
    uint32(bytes.length);
    for (const byte of bytes) out.push(byte);
  };
  const count = (value: number): void => {
    raw("\x8a\x08");
    uint32(value % 2 ** 32);
    uint32(Math.floor(value / 2 ** 32));
  };
  const tuple = (values: readonly number[]): void => {
    raw("(");
    values.forEach(count);
    raw("t");
  };
  raw("ccollections\nOrderedDict\n)R(");
  [...tensors].forEach(([name, { dtype, shape, data }], index) => {
    const storage = STORAGES[dtype];
    if (storage === undefined || data.length !== sizeOf(shape)) {
      const came = `${data.length} elements of ${dtype} for [${shape.join(", ")}]`;
      throw new BiddenError("bad-checkpoint", `tensor "${name}": expected an array that PyTorch stores; came ${came}.`);
    }
    text(name);
    raw("ctorch._utils\n_rebuild_tensor_v2\n((");
    text("storage");
    raw(`ctorch\n${storage}\n`);
    text(`${index}`);
    text("cpu");
    count(data.length);
    raw("tQ");
    count(0);
    tuple(shape);
    tuple(shape.map((_, d) => sizeOf(shape.slice(d + 1))));
    raw("\x89ccollections\nOrderedDict\n)RtR");
  });
  raw("u.");
  return Uint8Array.from(out);
}

/** Stored entries; no 64-bit fields, so at most 4 GiB. */
function writeZip(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  let at = 0;
  const plan = entries.map(([path, bytes]) => {
    const name = new TextEncoder().encode(path);
    const header = at;
    const plain = header + 30 + name.length + 4;
    const padding = (ALIGNMENT - (plain % ALIGNMENT)) % ALIGNMENT;
    at = plain + padding + bytes.length;
    return { name, bytes, header, padding, start: plain + padding, crc: crc32(bytes) };
  });
  const directoryAt = at;
  const directoryBytes = plan.reduce((sum, { name }) => sum + 46 + name.length, 0);
  const total = directoryAt + directoryBytes + 22;
  if (total > 0xffffffff || plan.length > 0xfffe) {
    throw new BiddenError("unsupported", `expected at most 4 GiB for one .pt file; came ${total} bytes.`);
  }
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  for (const { name, bytes, header, padding, start, crc } of plan) {
    writeFields(view, header, [LOCAL, 4], [0, 2], [0x0800, 2], [0, 2], [0, 2], [0x21, 2], [crc, 4], [bytes.length, 4]);
    writeFields(view, header + 22, [bytes.length, 4], [name.length, 2], [padding + 4, 2]);
    out.set(name, header + 30);
    writeFields(view, header + 30 + name.length, [PADDING_FIELD, 2], [padding, 2]);
    out.set(bytes, start);
    writeFields(view, at, [DIRECTORY, 4], [0, 4], [0x0800, 2], [0, 2], [0, 2], [0x21, 2], [crc, 4], [bytes.length, 4]);
    writeFields(
      view,
      at + 24,
      [bytes.length, 4],
      [name.length, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 2],
      [0, 4],
      [header, 4],
    );
    out.set(name, at + 46);
    at += 46 + name.length;
  }
  writeFields(view, at, [END, 4], [0, 2], [0, 2], [plan.length, 2], [plan.length, 2], [directoryBytes, 4]);
  writeFields(view, at + 16, [directoryAt, 4], [0, 2]);
  return out;
}

/** Little-endian fields of 2 or 4 bytes, one after another. */
function writeFields(view: DataView, at: number, ...fields: readonly (readonly [value: number, bytes: 2 | 4])[]): void {
  let place = at;
  for (const [value, bytes] of fields) {
    if (bytes === 2) view.setUint16(place, value, true);
    else view.setUint32(place, value, true);
    place += bytes;
  }
}
