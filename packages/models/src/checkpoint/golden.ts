/**
 * Golden sets: what the reference implementation computed, beside the weights that it computed it with. A family runs its
 * stages on the recorded inputs and hands over what came out; here it is compared, and the largest error of each kept.
 */
import { BiddenError } from "@bidden/runtime";
import type { Shape, TensorData } from "@bidden/tensor";
import { readTensor, safetensorsTensors, type TensorInfo } from "./checkpoint.ts";
import { toFloat32 } from "./floats.ts";
import { Fields, parseJson } from "./json.ts";
import type { CheckpointSource } from "./source.ts";

/** Bounds of an error; each that is named must hold. */
export type Tolerance = {
  /** Of the L2 norm of the difference to that of the reference. */
  readonly relL2?: number;
  readonly maxAbs?: number;
  /** Of the largest difference to the largest reference value. */
  readonly relMax?: number;
};

/** README-lerobot.md: intermediates, velocities and actions in fp32. */
export const FP32: Tolerance = { relL2: 5e-6, maxAbs: 5e-5 };
/** README-lerobot.md: prefix embeddings, where a wrong GELU shows first. */
export const EMBEDDINGS: Tolerance = { relL2: 2e-6 };
/** Token ids, masks, whole numbers. */
export const EXACT: Tolerance = { maxAbs: 0 };

export type StageResult = {
  readonly stage: string;
  readonly values: number;
  readonly maxAbs: number;
  readonly relL2: number;
  readonly tolerance: Tolerance;
  readonly pass: boolean;
  /** Where shapes differ or values are missing: what was expected and what came. */
  readonly problem?: string;
};

export type Values = ArrayLike<number> | BigInt64Array | readonly boolean[];

export class GoldenSet {
  /** golden.json or goldens.json. */
  readonly facts: Fields;
  /** golden.safetensors or goldens.safetensors. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly source: CheckpointSource;

  constructor(source: CheckpointSource, facts: Fields, tensors: ReadonlyMap<string, TensorInfo>) {
    this.source = source;
    this.facts = facts;
    this.tensors = tensors;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** Names that begin with a prefix. */
  names(prefix = ""): readonly string[] {
    return [...this.tensors.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  info(name: string): TensorInfo {
    const found = this.tensors.get(name);
    if (found === undefined) throw new BiddenError("not-found", `The golden set has no tensor "${name}".`, { name });
    return found;
  }

  shape(name: string): Shape {
    return this.info(name).shape;
  }

  read(name: string): Promise<TensorData> {
    return readTensor(this.source, this.info(name));
  }

  /** As float32; exact for integers up to 2^24, and true is 1. */
  async float(name: string): Promise<Float32Array> {
    const { data, dtype } = await this.read(name);
    return toFloat32(data, dtype);
  }

  async bytes(name: string): Promise<Uint8Array> {
    return (await this.read(name)).data as Uint8Array;
  }
}

const JSONS = ["golden.json", "goldens.json"];
const TENSORS = ["golden.safetensors", "goldens.safetensors"];

/** The golden files of a folder; null where there are none. */
export async function openGolden(source: CheckpointSource): Promise<GoldenSet | null> {
  const files = await source.list();
  const json = JSONS.find((file) => files.includes(file));
  const weights = TENSORS.find((file) => files.includes(file));
  if (json === undefined && weights === undefined) return null;
  const size = json === undefined ? 0 : ((await source.size(json)) ?? 0);
  const text = json === undefined ? "{}" : new TextDecoder().decode(await source.read(json, 0, size));
  const tensors = weights === undefined ? new Map<string, TensorInfo>() : await safetensorsTensors(source, weights);
  return new GoldenSet(source, new Fields(parseJson(text, json ?? ""), json ?? ""), tensors);
}

/** Collects comparisons; `results` has one row a stage. */
export class GoldenCheck {
  readonly golden: GoldenSet;
  /** For a folder `variants/<name>`: the golden set of the checkpoint two levels above, whose inputs it may share. */
  readonly base: GoldenSet | null;
  readonly results: StageResult[] = [];
  readonly notes: string[] = [];

  constructor(golden: GoldenSet, base: GoldenSet | null = null) {
    this.golden = golden;
    this.base = base;
  }

  /** Compares values with the golden tensor of that name; `only` keeps places where it is not 0 (padding left out). */
  async compare(
    name: string,
    came: Values,
    tolerance: Tolerance = FP32,
    options: { readonly stage?: string; readonly only?: ArrayLike<number> } = {},
  ): Promise<void> {
    const { data } = await this.golden.read(name);
    const exact = data instanceof BigInt64Array ? Array.from(data, Number) : null;
    this.equal(options.stage ?? name, came, exact ?? (await this.golden.float(name)), tolerance, options.only);
  }

  /** Compares values with values, such as a list of golden.json. */
  equal(stage: string, came: Values, expected: Values, tolerance: Tolerance = EXACT, only?: ArrayLike<number>): void {
    this.results.push(compareValues(stage, came, expected, tolerance, only));
  }

  /** A statement that is true or not: a text that must match, a file that must be refused. */
  holds(stage: string, truth: boolean, problem: string): void {
    const error = truth ? 0 : Number.POSITIVE_INFINITY;
    this.results.push({
      stage,
      values: 1,
      maxAbs: error,
      relL2: error,
      tolerance: EXACT,
      pass: truth,
      ...(truth ? {} : { problem }),
    });
  }

  note(text: string): void {
    this.notes.push(text);
  }

  get pass(): boolean {
    return this.results.length > 0 && this.results.every((result) => result.pass);
  }
}

export function compareValues(
  stage: string,
  came: Values,
  expected: Values,
  tolerance: Tolerance,
  only?: ArrayLike<number>,
): StageResult {
  if (came.length !== expected.length || (only !== undefined && only.length !== came.length)) {
    const problem = `expected ${expected.length} values; came ${came.length}`;
    return { stage, values: 0, maxAbs: Infinity, relL2: Infinity, tolerance, pass: false, problem };
  }
  let [values, maxAbs, largest, error2, norm2, unequal] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < came.length; i++) {
    if (only !== undefined && only[i] === 0) continue;
    values++;
    const [a, b] = [Number(came[i]), Number(expected[i])];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) {
      if (Number.isFinite(b)) norm2 += b * b;
      largest = Math.max(largest, Math.abs(b) || 0);
      continue;
    }
    const difference = Math.abs(a - b);
    if (!Number.isFinite(difference)) unequal++;
    maxAbs = Math.max(maxAbs, difference);
    largest = Math.max(largest, Math.abs(b));
    error2 += difference * difference;
    norm2 += b * b;
  }
  if (unequal > 0) maxAbs = Infinity;
  const relL2 = unequal > 0 ? Infinity : error2 === 0 ? 0 : Math.sqrt(error2 / norm2);
  const pass =
    unequal === 0 &&
    relL2 <= (tolerance.relL2 ?? Infinity) &&
    maxAbs <= (tolerance.maxAbs ?? Infinity) &&
    (tolerance.relMax === undefined || maxAbs <= tolerance.relMax * largest);
  return { stage, values, maxAbs, relL2, tolerance, pass };
}
