/** Runs an ONNX model: arrays in, arrays out, with the names, types and sizes checked before the engine sees them. */
import { BiddenError, messageOf } from "@bidden/runtime";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import { bytesPerElement, type DType, type Elements, type Shape, sizeOf, type TensorData } from "../graph/dtype.ts";
import { showShape } from "../graph/shape.ts";
import type { Engine, SessionOptions } from "./engine.ts";

/** A size of -1 is chosen by every run. */
export type ValueInfo = { readonly name: string; readonly dtype: DType; readonly shape: Shape };
/** Elements alone where their shape is known: at most one size of it is open. */
export type Feeds = Readonly<Record<string, Elements | TensorData>>;

export interface Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Values of the outputs named, of all when none are. */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Record<string, TensorData>>;
  close(): Promise<void>;
}

/** On a CPU the fused sum and layer norm takes four times as long as both apart. */
const SLOW_FUSIONS = "SkipLayerNormFusion";

/** Adds them to what the caller does without already; names stand between semicolons. */
function withoutSlowFusions(extra: Record<string, unknown> = {}): Record<string, unknown> {
  const optimization = (extra.optimization ?? {}) as { readonly disable_specified_optimizers?: string };
  const without = [optimization.disable_specified_optimizers, SLOW_FUSIONS].filter((names) => names !== undefined);
  return { ...extra, optimization: { ...optimization, disable_specified_optimizers: without.join(";") } };
}

/** Opens a model on an engine. The Node and web entries of this package bind the engine. */
export async function openSession(engine: Engine, model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const session = await openOrt(engine, model, options);
  const inputs = valueInfos(session.inputMetadata);
  const outputs = valueInfos(session.outputMetadata);
  const byName = new Map(inputs.map((info) => [info.name, info]));
  return {
    inputs,
    outputs,
    async run(feeds, names) {
      const ortFeeds: Record<string, OrtTensor> = {};
      for (const [name, value] of Object.entries(feeds)) ortFeeds[name] = feed(engine, byName, name, value);
      for (const { name } of inputs) if (!(name in ortFeeds)) throw missing(name, inputs);
      const results = await runOrt(session, ortFeeds, names ?? null);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
    },
    close: () => session.release(),
  };
}

export async function openOrt(engine: Engine, model: Uint8Array, options: SessionOptions): Promise<InferenceSession> {
  const { provider, threads } = options;
  const available = engine.providers();
  if (provider !== undefined && !available.includes(provider)) {
    throw new BiddenError(
      "unsupported",
      `${engine.name} here has no execution provider "${provider}"; available: ${available.join(", ")}.`,
      { provider, available },
    );
  }
  try {
    return await engine.open(model, {
      executionProviders: [provider ?? (available[0] as string)],
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      logSeverityLevel: 3,
      ...options.engine,
      extra: withoutSlowFusions(options.engine?.extra),
    });
  } catch (error) {
    throw new BiddenError("engine", `${engine.name} could not open the model: ${messageOf(error)}`, {}, error);
  }
}

export async function runOrt(
  session: InferenceSession,
  feeds: Readonly<Record<string, OrtTensor>>,
  fetches: InferenceSession.FetchesType | null,
): Promise<InferenceSession.ReturnType> {
  try {
    return fetches === null ? await session.run(feeds) : await session.run(feeds, fetches);
  } catch (error) {
    throw new BiddenError("engine", `the engine failed while running: ${messageOf(error)}`, {}, error);
  }
}

export function valueInfos(metadata: readonly InferenceSession.ValueMetadata[]): ValueInfo[] {
  return metadata.flatMap((value) =>
    value.isTensor ? [{ name: value.name, dtype: value.type as DType, shape: value.shape.map(knownSize) }] : [],
  );
}

function knownSize(dim: number | string): number {
  return typeof dim === "number" ? dim : OPEN;
}

/** A size that the model leaves open. */
const OPEN = -1;

function missing(name: string, inputs: readonly ValueInfo[]): BiddenError {
  return new BiddenError(
    "bad-argument",
    `run: input "${name}" is missing; the model wants ${inputs.map((info) => info.name).join(", ")}.`,
    { input: name },
  );
}

function feed(
  engine: Engine,
  known: ReadonlyMap<string, ValueInfo>,
  name: string,
  value: Elements | TensorData,
): OrtTensor {
  const info = known.get(name);
  if (info === undefined) {
    throw new BiddenError(
      "bad-argument",
      `run: the model has no input "${name}"; it wants ${[...known.keys()].join(", ")}.`,
      {
        input: name,
      },
    );
  }
  const data = "dtype" in value ? value.data : value;
  if (!info.shape.includes(OPEN)) return toOrt(engine, info, data);
  return toOrt(engine, { ...info, shape: chosenShape(info, value) }, data);
}

/** The shape of one run's value for an input that leaves sizes open: as told, or what follows where one size is open. */
function chosenShape({ name, shape }: ValueInfo, value: Elements | TensorData): Shape {
  const known = shape.reduce((product, dim) => (dim === OPEN ? product : product * dim), 1);
  const came = "dtype" in value ? value.shape : [value.length];
  const follows = !("dtype" in value) && shape.filter((dim) => dim === OPEN).length === 1 && value.length % known === 0;
  if (follows) return shape.map((dim) => (dim === OPEN ? value.length / known : dim));
  if (came.length === shape.length && shape.every((dim, i) => dim === OPEN || dim === came[i])) return came;
  const wanted = showShape(shape).replaceAll(String(OPEN), "any");
  throw new BiddenError("bad-argument", `run: input "${name}" wants ${wanted}; came ${showShape(came)}.`, {
    input: name,
  });
}

/** Wraps elements for the engine, without a copy; checks that they are what the model wants. */
export function toOrt(engine: Engine, info: ValueInfo, data: Elements): OrtTensor {
  const { name, dtype, shape } = info;
  if (data.length !== sizeOf(shape) || data.BYTES_PER_ELEMENT !== bytesPerElement(dtype)) {
    throw new BiddenError(
      "bad-argument",
      `run: input "${name}" wants ${sizeOf(shape)} elements of ${dtype} ${showShape(shape)}; came ${data.length} in a ${data.constructor.name}.`,
      { input: name, dtype, wanted: sizeOf(shape), came: data.length },
    );
  }
  return new engine.Tensor(dtype as "float32", data as Float32Array, shape);
}

export function fromOrt(tensor: OrtTensor): TensorData {
  return { dtype: tensor.type as DType, shape: tensor.dims, data: tensor.data as Elements };
}
