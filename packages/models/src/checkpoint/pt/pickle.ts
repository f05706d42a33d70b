/**
 * Reads the pickle of a PyTorch state dict, symbolically: nothing named in it is looked up, called or built. A closed list of
 * opcodes makes tagged values; a closed list of names may stand where torch puts them; everything else is refused.
 * Opcodes: Python's pickletools; names: torch/_utils.py and torch/serialization.py.
 *
 * Memory grows with the number of opcodes, never with a length that the pickle claims; nothing is walked recursively.
 */
import type { BiddenError } from "@bidden/runtime";
import type { DType } from "@bidden/tensor";
import { refuse } from "./zip.ts";

/** A tensor as the pickle describes it: a window into a storage. Not yet checked against the storage's bytes. */
export type PickledTensor = {
  readonly kind: "tensor";
  readonly storage: PickledStorage;
  /** First element, in elements of the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Steps in elements. */
  readonly strides: readonly number[];
};

export type PickledStorage = {
  readonly kind: "storage";
  /** Name of the entry below `data/`: digits. */
  readonly key: string;
  readonly dtype: DType;
  readonly count: number;
};

type Call = "OrderedDict" | "_rebuild_tensor_v2" | "_rebuild_parameter";
type Global =
  | { readonly kind: "function"; readonly name: Call }
  | { readonly kind: "storage-type"; readonly dtype: DType };
type Dict = { readonly kind: "dict"; readonly entries: Map<string, Value> };
type List = { readonly kind: "list"; readonly items: Value[] };
type Tuple = { readonly kind: "tuple"; readonly items: readonly Value[] };
type Value = string | number | boolean | null | Dict | List | Tuple | Global | PickledStorage | PickledTensor;
type Mark = { readonly kind: "mark" };

const MARK: Mark = { kind: "mark" };

/** The whole whitelist. */
const GLOBALS: ReadonlyMap<string, Global> = new Map<string, Global>([
  ["collections OrderedDict", { kind: "function", name: "OrderedDict" }],
  ["torch._utils _rebuild_tensor_v2", { kind: "function", name: "_rebuild_tensor_v2" }],
  ["torch._utils _rebuild_parameter", { kind: "function", name: "_rebuild_parameter" }],
  ...Object.entries({
    FloatStorage: "float32",
    DoubleStorage: "float64",
    HalfStorage: "float16",
    BFloat16Storage: "bfloat16",
    CharStorage: "int8",
    ByteStorage: "uint8",
    IntStorage: "int32",
    LongStorage: "int64",
    BoolStorage: "bool",
  } as const).map(([name, dtype]): [string, Global] => [`torch ${name}`, { kind: "storage-type", dtype }]),
]);

/** Dimensions of a tensor; PyTorch's own limit is 64. */
const MAX_RANK = 16;

/** The tensors of a state dict by name, in the order of the file. */
export function unpickleStateDict(bytes: Uint8Array, file: string): ReadonlyMap<string, PickledTensor> {
  const top = new Machine(bytes, file).run();
  if (kindOf(top) !== "dict") throw refuse(file, "data.pkl", "a dict of tensors", nameOf(top));
  const tensors = new Map<string, PickledTensor>();
  for (const [key, value] of (top as Dict).entries) {
    if (kindOf(value) !== "tensor") {
      throw refuse(
        file,
        `data.pkl, key ${JSON.stringify(key.slice(0, 80))}`,
        "a tensor: only flat state dicts are read, save the part that holds the tensors",
        nameOf(value),
      );
    }
    tensors.set(key, value as PickledTensor);
  }
  if (tensors.size === 0) throw refuse(file, "data.pkl", "at least one tensor", "an empty dict");
  return tensors;
}

function kindOf(value: Value | Mark): string {
  return typeof value === "object" && value !== null ? value.kind : value === null ? "None" : typeof value;
}

function nameOf(value: Value | Mark): string {
  const kind = kindOf(value);
  return kind === "None" ? "None" : `a ${kind}`;
}

/** Pickle's stack machine over the closed list of opcodes. */
class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #stack: (Value | Mark)[] = [];
  readonly #memo: Map<number, Value> = new Map();
  #at = 0;
  #opcodeAt = 0;

  constructor(bytes: Uint8Array, file: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
  }

  run(): Value {
    for (;;) {
      this.#opcodeAt = this.#at;
      const opcode = this.#byte();
      if (opcode === 0x2e) break; // STOP
      this.#step(opcode);
    }
    if (this.#at !== this.#bytes.length) {
      throw this.#refuse("nothing after the pickle's end", `${this.#bytes.length - this.#at} more bytes`);
    }
    const top = this.#pop();
    if (this.#stack.length > 0) throw this.#refuse("one value at the end", `${this.#stack.length + 1}`);
    return top;
  }

  #step(opcode: number): void {
    if (this.#literal(opcode) || this.#container(opcode) || this.#remember(opcode)) return;
    switch (String.fromCharCode(opcode)) {
      case "\x80": {
        const version = this.#byte();
        if (version < 2 || version > 5) throw this.#refuse("pickle protocol 2 to 5", `${version}`);
        return;
      }
      case "\x95": // FRAME: its length says nothing that the bytes do not say
        this.#count(this.#take(8).getBigUint64(0, true));
        return;
      case "c":
        this.#stack.push(this.#global(this.#line(), this.#line()));
        return;
      case "\x93": {
        const [name, module] = [this.#pop(), this.#pop()];
        if (typeof name !== "string" || typeof module !== "string") throw this.#refuse("two texts as a name", "others");
        this.#stack.push(this.#global(module, name));
        return;
      }
      case "Q":
        this.#stack.push(this.#storage(this.#pop()));
        return;
      case "R": {
        const args = this.#pop();
        this.#stack.push(this.#call(this.#pop(), args));
        return;
      }
      case "b":
        this.#build(this.#pop(), this.#top());
        return;
      default:
        throw this.#refuse("an opcode of a state dict", `0x${opcode.toString(16).padStart(2, "0")}`);
    }
  }

  /** Numbers, texts and constants. */
  #literal(opcode: number): boolean {
    switch (String.fromCharCode(opcode)) {
      case "N":
        return this.#push(null);
      case "\x88":
        return this.#push(true);
      case "\x89":
        return this.#push(false);
      case "K":
        return this.#push(this.#byte());
      case "M":
        return this.#push(this.#take(2).getUint16(0, true));
      case "J":
        return this.#push(this.#take(4).getInt32(0, true));
      case "G":
        return this.#push(this.#take(8).getFloat64(0, false));
      case "\x8a":
        return this.#push(this.#long(this.#byte()));
      case "X":
        return this.#push(this.#text(this.#take(4).getUint32(0, true)));
      case "\x8c":
        return this.#push(this.#text(this.#byte()));
      case "\x8d":
        return this.#push(this.#text(this.#count(this.#take(8).getBigUint64(0, true))));
      default:
        return false;
    }
  }

  /** Tuples, lists and dicts. */
  #container(opcode: number): boolean {
    switch (String.fromCharCode(opcode)) {
      case "(":
        this.#stack.push(MARK);
        return true;
      case ")":
        return this.#push({ kind: "tuple", items: [] });
      case "\x85":
        return this.#push({ kind: "tuple", items: this.#popMany(1) });
      case "\x86":
        return this.#push({ kind: "tuple", items: this.#popMany(2) });
      case "\x87":
        return this.#push({ kind: "tuple", items: this.#popMany(3) });
      case "t":
        return this.#push({ kind: "tuple", items: this.#popToMark() });
      case "]":
        return this.#push({ kind: "list", items: [] });
      case "}":
        return this.#push({ kind: "dict", entries: new Map() });
      case "a":
        return this.#append(this.#popMany(1));
      case "e":
        return this.#append(this.#popToMark());
      case "s":
        return this.#setItems(this.#popMany(2));
      case "u":
        return this.#setItems(this.#popToMark());
      default:
        return false;
    }
  }

  /** The memo: values by number. */
  #remember(opcode: number): boolean {
    switch (String.fromCharCode(opcode)) {
      case "q":
        this.#memo.set(this.#byte(), this.#top());
        return true;
      case "r":
        this.#memo.set(this.#take(4).getUint32(0, true), this.#top());
        return true;
      case "\x94":
        this.#memo.set(this.#memo.size, this.#top());
        return true;
      case "h":
        return this.#push(this.#recall(this.#byte()));
      case "j":
        return this.#push(this.#recall(this.#take(4).getUint32(0, true)));
      default:
        return false;
    }
  }

  #recall(index: number): Value {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#refuse("a value remembered before", `number ${index}, which none has`);
    return value;
  }

  #append(items: readonly Value[]): true {
    const list = this.#top();
    if (typeof list !== "object" || list?.kind !== "list") throw this.#refuse("a list to append to", nameOf(list));
    for (const item of items) list.items.push(item);
    return true;
  }

  #setItems(items: readonly Value[]): true {
    const dict = this.#top();
    if (typeof dict !== "object" || dict?.kind !== "dict") throw this.#refuse("a dict to set items of", nameOf(dict));
    if (items.length % 2 !== 0) throw this.#refuse("keys and values", `${items.length} things`);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i] as Value;
      if (typeof key !== "string" || key.split(".").includes("__proto__")) {
        throw this.#refuse("names of tensors as keys", typeof key === "string" ? JSON.stringify(key) : nameOf(key));
      }
      if (dict.entries.has(key)) throw this.#refuse("each key once", `${JSON.stringify(key.slice(0, 80))} twice`);
      dict.entries.set(key, items[i + 1] as Value);
    }
    return true;
  }

  #global(module: string, name: string): Global {
    const known = GLOBALS.get(`${module} ${name}`);
    if (known !== undefined) return known;
    const came = JSON.stringify(`${module}.${name}`.slice(0, 120));
    throw this.#refuse("only what a state dict of tensors needs; nothing was run", `the name ${came}`);
  }

  /** The persistent id of a storage: ("storage", type, key, place, count). */
  #storage(id: Value): PickledStorage {
    const parts = typeof id === "object" && id?.kind === "tuple" ? id.items : [];
    const [word, type, key, place, count] = parts;
    const dtype = typeof type === "object" && type?.kind === "storage-type" ? type.dtype : undefined;
    const named = typeof key === "string" && /^\d{1,15}$/.test(key);
    if (word !== "storage" || dtype === undefined || !named || typeof place !== "string" || !isCount(count)) {
      throw this.#refuse("a storage's type, number, place and count", "another persistent id");
    }
    return { kind: "storage", key, dtype, count };
  }

  #call(what: Value, args: Value): Value {
    const items = typeof args === "object" && args?.kind === "tuple" ? args.items : null;
    if (items === null || typeof what !== "object" || what?.kind !== "function") {
      throw this.#refuse("a call of a rebuild function", `a call of ${nameOf(what)}`);
    }
    switch (what.name) {
      case "OrderedDict":
        if (items.length > 0) throw this.#refuse("OrderedDict without arguments", `${items.length}`);
        return { kind: "dict", entries: new Map() };
      case "_rebuild_tensor_v2":
        return this.#tensor(items);
      case "_rebuild_parameter": {
        const [tensor] = items;
        if (items.length !== 3 || typeof tensor !== "object" || tensor?.kind !== "tensor") {
          throw this.#refuse("a parameter made of a tensor", "something else");
        }
        return tensor;
      }
      default:
        return what.name satisfies never;
    }
  }

  /** (storage, offset, size, stride, requires_grad, backward_hooks). */
  #tensor(items: readonly Value[]): PickledTensor {
    const [storage, offset, size, stride, grad, hooks] = items;
    const plain = typeof hooks === "object" && hooks?.kind === "dict" && hooks.entries.size === 0;
    if (items.length !== 6 || typeof grad !== "boolean" || !plain) {
      throw this.#refuse("a plain tensor without hooks", "another kind");
    }
    if (typeof storage !== "object" || storage?.kind !== "storage" || !isCount(offset)) {
      throw this.#refuse("a tensor with a storage and an offset of at least 0", "something else");
    }
    const shape = this.#counts(size);
    const strides = this.#counts(stride);
    if (shape.length !== strides.length) {
      throw this.#refuse("as many strides as dimensions", `${strides.length} and ${shape.length}`);
    }
    return { kind: "tensor", storage, offset, shape, strides };
  }

  #counts(value: Value | undefined): readonly number[] {
    const items = typeof value === "object" && value?.kind === "tuple" ? value.items : null;
    if (items === null || items.length > MAX_RANK || !items.every(isCount)) {
      throw this.#refuse(`at most ${MAX_RANK} sizes or strides of at least 0`, "others");
    }
    return items;
  }

  /** BUILD sets `_metadata` (versions of modules) of an OrderedDict; it is not needed and dropped. */
  #build(state: Value, target: Value): void {
    const known =
      typeof state === "object" && state?.kind === "dict" && [...state.entries.keys()].every((k) => k === "_metadata");
    if (!known || typeof target !== "object" || target?.kind !== "dict") {
      throw this.#refuse("_metadata of a dict as the only state", "another state");
    }
  }

  #push(value: Value): true {
    this.#stack.push(value);
    return true;
  }

  #pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined) throw this.#refuse("a value on the stack", "an empty stack");
    if (typeof value === "object" && value?.kind === "mark") throw this.#refuse("a value on the stack", "a mark");
    return value;
  }

  #top(): Value {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  #popMany(count: number): Value[] {
    return Array.from({ length: count }, () => this.#pop()).reverse();
  }

  #popToMark(): Value[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw this.#refuse("a mark on the stack", "none");
    const items = this.#stack.splice(at + 1) as Value[];
    this.#stack.pop();
    return items;
  }

  #byte(): number {
    return this.#take(1).getUint8(0);
  }

  /** The next bytes; refused where they are not there. */
  #take(length: number): DataView {
    const at = this.#at;
    if (length > this.#bytes.length - at) {
      throw this.#refuse(`${length} more bytes`, `${this.#bytes.length - at}: the pickle is cut off or lies`);
    }
    this.#at += length;
    return new DataView(this.#view.buffer, this.#view.byteOffset + at, length);
  }

  #count(value: bigint): number {
    const left = this.#bytes.length - this.#at;
    if (value > BigInt(left)) throw this.#refuse(`a length of at most ${left}`, `${value}`);
    return Number(value);
  }

  #text(length: number): string {
    const { buffer, byteOffset } = this.#take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        new Uint8Array(buffer, byteOffset, length),
      );
    } catch {
      throw this.#refuse("text in UTF-8", "bytes that are not");
    }
  }

  /** A text up to the end of the line, as GLOBAL has it; names are short. */
  #line(): string {
    const end = this.#bytes.subarray(this.#at, this.#at + 256).indexOf(0x0a);
    if (end < 0) throw this.#refuse("a name and the end of its line", "neither within 256 bytes");
    const text = this.#text(end);
    this.#at++;
    return text;
  }

  /** A whole number of `length` bytes, two's complement. */
  #long(length: number): number {
    if (length > 8) throw this.#refuse("whole numbers of at most 8 bytes", `${length}`);
    const view = this.#take(length);
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(view.getUint8(i)) << BigInt(8 * i);
    const signed = Number(BigInt.asIntN(8 * length, value));
    if (!Number.isSafeInteger(signed)) throw this.#refuse("whole numbers below 2^53", `${signed}`);
    return signed;
  }

  #refuse(expected: string, came: string): BiddenError {
    return refuse(this.#file, `data.pkl at byte ${this.#opcodeAt}`, expected, came);
  }
}

function isCount(value: Value | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
