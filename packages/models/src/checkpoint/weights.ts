/**
 * Binds the parameters of graphs to the tensors of a checkpoint, strictly: every parameter has its tensor with its shape, and
 * every tensor is used or known to be unused. Values are mapped by the engine from the file where type and place allow it.
 */
import { BiddenError, invariant } from "@bidden/runtime";
import {
  bytesOf,
  bytesPerElement,
  type Elements,
  elementsView,
  type ExternalData,
  type Graph,
  onnxModel,
  type Session,
  type SessionOptions,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorData,
} from "@bidden/tensor";
import { type Checkpoint, some, type TensorInfo, wrongShape } from "./checkpoint.ts";
import type { Engine } from "./engine.ts";
import { toFloat32 } from "./floats.ts";

/** A value that is computed from stored tensors: transposed, merged, quantised. */
export type Recipe = {
  /** Says what is computed, and is part of the name under which the result is kept: "transpose", "lora-merge r16". */
  readonly id: string;
  /** Tensors of the checkpoint, given to `compute` as float32 in this order. */
  readonly from: readonly string[];
  /** Shapes that those must have, where they do not follow from the result's. */
  readonly shapes?: readonly Shape[];
  readonly compute: (inputs: readonly Float32Array[], infos: readonly TensorInfo[]) => Elements;
};

/** Where a parameter's value comes from: a tensor's name, a recipe, or the value itself. */
export type WeightSource = string | Recipe | TensorData;

export type BindOptions = {
  /** For a graph's parameter; by default the tensor of the same name. */
  readonly source?: (parameter: string, shape: Shape) => WeightSource;
  /** Tensors that the file may hold beside those bound; any other is refused, with its name. */
  readonly unused?: readonly RegExp[];
};

/** Smaller values are written into the model: the engine reads shapes and scalars from there. */
const INLINE_BYTES = 16_384;

/** Of the beginning, middle and end of a tensor: what tells one checkpoint's weights from another's. */
const SAMPLE_BYTES = 64;

type Bound = { readonly tensor: Tensor; readonly from: WeightSource; readonly infos: readonly TensorInfo[] };

/** @throws a single error that lists every missing, extra and wrongly shaped tensor. */
export function bindWeights(checkpoint: Checkpoint, graphs: readonly Graph[], options: BindOptions = {}): Weights {
  const bound = new Map<string, Bound>();
  const problems: Problems = { missing: [], extra: [], shapes: [] };
  for (const graph of graphs) {
    for (const [name, tensor] of graph.parameters) {
      const twin = bound.get(name);
      if (twin !== undefined && twin.tensor.shape.join() === tensor.shape.join()) continue;
      const from = options.source?.(name, tensor.shape) ?? name;
      const names = typeof from === "string" ? [from] : "compute" in from ? from.from : [];
      const infos = names.flatMap((stored) => checkpoint.tensors.get(stored) ?? []);
      if (infos.length < names.length) problems.missing.push(...names.filter((n) => !checkpoint.tensors.has(n)));
      else if (typeof from === "string" && infos[0]?.shape.join() !== tensor.shape.join())
        problems.shapes.push(wrongShape(infos[0] as TensorInfo, tensor.shape).message);
      else {
        problems.shapes.push(...infos.flatMap((info) => wrongType(info, tensor, from) ?? []));
        problems.shapes.push(...infos.flatMap((info, i) => wrongPart(info, from, i) ?? []));
      }
      bound.set(name, { tensor, from, infos });
    }
  }
  const used = new Set([...bound.values()].flatMap(({ infos }) => infos.map((info) => info.name)));
  for (const name of checkpoint.tensors.keys()) {
    if (!used.has(name) && options.unused?.some((pattern) => pattern.test(name)) !== true) problems.extra.push(name);
  }
  refuse(checkpoint, problems);
  return new Weights(checkpoint, bound);
}

/** Floats are widened; whole numbers in the place of weights are another file's, or packed in a way that nothing here knows. */
function wrongType({ file, name, dtype }: TensorInfo, tensor: Tensor, from: WeightSource): string | null {
  const fits = dtype === tensor.dtype || /^b?float/.test(dtype);
  if (fits || typeof from !== "string") return null;
  return `${file}, tensor "${name}": expected ${tensor.dtype}, or another float type; came ${dtype}.`;
}

function wrongPart(info: TensorInfo, from: WeightSource, place: number): string | null {
  const shape = typeof from !== "string" && "compute" in from ? from.shapes?.[place] : undefined;
  return shape === undefined || info.shape.join() === shape.join() ? null : wrongShape(info, shape).message;
}

type Problems = { readonly missing: string[]; readonly extra: string[]; readonly shapes: string[] };

function refuse(checkpoint: Checkpoint, { missing, extra, shapes }: Problems): void {
  if (missing.length + extra.length + shapes.length === 0) return;
  const parts = [
    missing.length === 0 ? "" : `missing tensors: ${some(missing)}`,
    extra.length === 0 ? "" : `tensors of unknown name: ${some(extra)}`,
    // Sentences of their own elsewhere, parts of one here.
    shapes.length === 0
      ? ""
      : some(
          shapes.map((text) => text.replace(/\.$/, "")),
          4,
        ),
  ].filter((part) => part !== "");
  throw new BiddenError("bad-checkpoint", `${checkpoint.label} does not fit: ${parts.join("; ")}.`, {
    file: checkpoint.label,
    missing: missing.slice(0, 50),
    extra: extra.slice(0, 50),
    shapes: shapes.slice(0, 50),
  });
}

export type OpenOptions = {
  /** Outputs to write; all of the graph's when left out. */
  readonly outputs?: readonly string[];
  /**
   * Let the engine rearrange matrices for speed: faster products, but a copy of the weights in memory. By default only where
   * the graph's weights are small.
   */
  readonly prepack?: boolean;
};

/** Above this the engine reads weights where they lie in the file, unless asked otherwise. */
const PREPACK_BYTES = 2_000_000_000;

export class Weights {
  readonly checkpoint: Checkpoint;
  readonly #bound: ReadonlyMap<string, Bound>;

  constructor(checkpoint: Checkpoint, bound: ReadonlyMap<string, Bound>) {
    this.checkpoint = checkpoint;
    this.#bound = bound;
  }

  /** Bytes of all bound values, as the graphs hold them. */
  get bytes(): number {
    return [...this.#bound.values()].reduce((sum, { tensor }) => sum + bytesOfTensor(tensor), 0);
  }

  /** The value of one parameter, read now. */
  async value(parameter: string): Promise<TensorData> {
    const bound = this.#bound.get(parameter);
    if (bound === undefined) throw new BiddenError("internal", `internal: parameter "${parameter}" was never bound`);
    return readBound(this.checkpoint, bound);
  }

  /** All values, for training. */
  async values(): Promise<Map<string, TensorData>> {
    const out = new Map<string, TensorData>();
    for (const name of this.#bound.keys()) out.set(name, await this.value(name));
    return out;
  }

  /** A session for (some outputs of) one of the bound graphs. */
  async open(graph: Graph, engine: Engine, options: OpenOptions = {}): Promise<Session> {
    const parameters = new Map<string, TensorData>();
    const external = new Map<string, ExternalData>();
    const all = [...graph.parameters.keys()].flatMap((name) => this.#bound.get(name) ?? []);
    const bytes = all.reduce((sum, { tensor }) => sum + bytesOfTensor(tensor), 0);
    const converted = all.filter((bound) => this.#inPlace(bound) === null);
    const kept =
      converted.reduce((sum, { tensor }) => sum + bytesOfTensor(tensor), 0) >= (engine.kept?.atLeast ?? Infinity);
    for (const bound of all) {
      const place = this.#inPlace(bound) ?? (kept ? await this.#keep(bound, engine) : null);
      if (place === null) parameters.set(bound.tensor.name, await readBound(this.checkpoint, bound));
      else if (place.length < INLINE_BYTES)
        parameters.set(bound.tensor.name, await this.#readKept(bound, engine, place));
      else external.set(bound.tensor.name, place);
    }
    const outputs = options.outputs === undefined ? {} : { outputs: options.outputs };
    const model = onnxModel(graph, { parameters, external, ...outputs });
    const prepack = options.prepack ?? bytes < PREPACK_BYTES;
    const folder = this.checkpoint.source.locate("");
    const narrow = all.some(({ tensor }) => tensor.dtype === "float16");
    return engine.openSession(model, sessionOptions(engine.options, { folder, prepack, narrow }));
  }

  /** A converted value in a file of its own; null where it is quickly made, or nothing can be written beside the weights. */
  async #keep(bound: Bound, engine: Engine): Promise<ExternalData | null> {
    const { tensor, from, infos } = bound;
    const root = this.checkpoint.source.locate("");
    const length = bytesOfTensor(tensor);
    const quick = infos.reduce((sum, { bytes }) => sum + bytes, 0) < INLINE_BYTES;
    if (engine.kept === undefined || root === null || quick) return null;
    if (typeof from !== "string" && "data" in from) return null;
    const make = async (): Promise<Uint8Array> => bytesOf((await readBound(this.checkpoint, bound)).data);
    const location = await engine.kept.file(root, await this.#keyOf(bound), length, make);
    return location === null ? null : { location, offset: 0, length };
  }

  /** A small kept value: few numbers, but made of a whole matrix. */
  async #readKept(
    { tensor: { dtype, shape } }: Bound,
    engine: Engine,
    { location }: ExternalData,
  ): Promise<TensorData> {
    const bytes = await engine.kept?.read(this.checkpoint.source.locate("") ?? "", location);
    invariant(bytes, "a value that nobody keeps");
    return { dtype, shape, data: elementsView(bytes, dtype) };
  }

  /** Names a value by what it is computed from: where that lies, and some of its bytes, so that other weights have another name. */
  async #keyOf({ tensor, from, infos }: Bound): Promise<string> {
    const { source } = this.checkpoint;
    const samples: string[] = [];
    for (const { file, offset, bytes } of infos) {
      for (const at of [0, Math.floor(bytes / 2), Math.max(0, bytes - SAMPLE_BYTES)]) {
        samples.push((await source.read(file, offset + at, Math.min(SAMPLE_BYTES, bytes - at))).join());
      }
    }
    const recipe = typeof from === "string" ? `as ${tensor.dtype}` : "id" in from ? from.id : "";
    return digestOf(JSON.stringify([recipe, tensor.dtype, tensor.shape, infos, samples]));
  }

  /** The byte range that the engine can map; null where the value must be converted or is small. */
  #inPlace({ tensor, from, infos }: Bound): ExternalData | null {
    const [info] = infos;
    const root = this.checkpoint.source.locate("");
    if (typeof from !== "string" || info === undefined || root === null) return null;
    if (info.dtype !== tensor.dtype || info.bytes < INLINE_BYTES) return null;
    if (info.offset % bytesPerElement(info.dtype) !== 0) return null;
    const path = this.checkpoint.source.locate(info.file);
    const base = root.replace(/\/*$/, "/");
    if (path === null || !path.startsWith(base)) return null;
    return { location: path.slice(base.length), offset: info.offset, length: info.bytes };
  }
}

async function digestOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOfTensor(tensor: Tensor): number {
  return sizeOf(tensor.shape) * bytesPerElement(tensor.dtype);
}

async function readBound(checkpoint: Checkpoint, { tensor, from, infos }: Bound): Promise<TensorData> {
  const { dtype, shape } = tensor;
  if (typeof from !== "string" && "data" in from) return from;
  const stored = await Promise.all(infos.map((info) => checkpoint.read(info.name)));
  if (typeof from === "string") {
    const [value] = stored as [TensorData];
    return value.dtype === dtype ? value : { dtype, shape, data: toFloat32(value.data, value.dtype) };
  }
  const data = from.compute(
    stored.map((value) => toFloat32(value.data, value.dtype)),
    infos,
  );
  if (data.length !== sizeOf(shape)) {
    throw new BiddenError(
      "bad-checkpoint",
      `"${tensor.name}" (${from.id} of ${some(from.from)}): expected [${shape.join(", ")}]; came ${data.length} values.`,
      { tensor: tensor.name },
    );
  }
  return { dtype, shape, data };
}

type SessionFacts = {
  readonly folder: string | null;
  readonly prepack: boolean;
  /** Whether weights are held in half precision. */
  readonly narrow: boolean;
};

function sessionOptions(options: SessionOptions, { folder, prepack, narrow }: SessionFacts): SessionOptions {
  const session = {
    ...(folder === null ? {} : { model_external_initializers_file_folder_path: folder }),
    ...(prepack ? {} : { disable_prepacking: "1" }),
  };
  // The engine would widen them once for all, and hold both.
  const optimization = narrow ? { optimization: { disable_specified_optimizers: "ConstantFolding" } } : {};
  return { ...options, engine: { ...options.engine, extra: { ...options.engine?.extra, ...optimization, session } } };
}
