/**
 * all-MiniLM-L6-v2 (Apache-2.0; Wang et al. 2020, arXiv:2002.10957): a BERT of six layers, of which the first three are used:
 * what the middle says of a token carries over better to words that a policy was never trained on than what the last layer
 * says, and costs half. Frozen, and token by token: the usual mean pooling would lose which colour belongs to which thing.
 * Runs once an instruction.
 */
import { BiddenError } from "@bidden/runtime";
import {
  add,
  attention,
  Graph,
  gelu,
  joinHeads,
  layerNorm,
  linear,
  onnxModel,
  readSafetensors,
  reshape,
  type Session,
  type SessionOptions,
  splitHeads,
  type Tensor,
  type TensorData,
} from "@bidden/tensor";
import { type Int8Rows, int8RowsOf, unpackRow, unpackRows } from "./int8-rows.ts";
import type { EncodedText, InstructionEncoder } from "./instruction-encoder.ts";
import { createWordpiece } from "./wordpiece.ts";

/** Layers that are used, of the six that there are. */
export const MINILM_LAYERS = 3;
const HEADS = 12;
const WIDTH = 384;
/** Padded lengths that a graph is built for; a sentence runs in the shortest that holds it. */
const LENGTHS = [12, 16, 20, 32] as const;
/** Sentences that are encoded at a time where there are many. */
const MANY = 16;
const NORM = { epsilon: 1e-12 } as const;

export type OpenSession = (model: Uint8Array, options?: SessionOptions) => Promise<Session>;

type Weights = (name: string) => Tensor;
type PaddedShape = { readonly batch: number; readonly length: number };

/** One BERT layer: [b, t, width] -> the same. */
function layer(x: Tensor, index: number, weights: Weights, mask: Tensor): Tensor {
  const of = (name: string): Tensor => weights(`encoder.layer.${index}.${name}`);
  const dense = (input: Tensor, name: string): Tensor =>
    linear(input, of(`${name}.weight`), of(`${name}.bias`), { transposed: true });
  const heads = (name: string): Tensor => splitHeads(dense(x, `attention.self.${name}`), HEADS);
  const seen = joinHeads(attention(heads("query"), heads("key"), heads("value"), { mask }));
  const attended = layerNorm(
    add(x, dense(seen, "attention.output.dense")),
    of("attention.output.LayerNorm.weight"),
    of("attention.output.LayerNorm.bias"),
    NORM,
  );
  const hidden = gelu(dense(attended, "intermediate.dense"), "erf");
  return layerNorm(
    add(attended, dense(hidden, "output.dense")),
    of("output.LayerNorm.weight"),
    of("output.LayerNorm.bias"),
    NORM,
  );
}

/** The encoder for `batch` rows of `length` tokens; input: summed embeddings and a mask (0 or -10000), output: "hidden" [b, length, 384]. */
function minilmGraph(
  { batch, length }: PaddedShape,
  tensors: ReadonlyMap<string, TensorData>,
): { graph: Graph; values: Map<string, TensorData> } {
  const graph = new Graph(`minilm-${batch}-${length}`);
  const values = new Map<string, TensorData>();
  const weights: Weights = (name) => {
    const known = graph.parameters.get(name);
    if (known !== undefined) return known;
    const value = floatTensor(tensors, name);
    values.set(name, value);
    return graph.parameter(name, value.shape, { kind: "zeros" }, { trainable: false });
  };
  const embedded = graph.input("embedded", "float32", [batch, length, WIDTH]);
  const mask = reshape(graph.input("mask", "float32", [batch, length]), [batch, 1, 1, length]);
  let x = layerNorm(embedded, weights("embeddings.LayerNorm.weight"), weights("embeddings.LayerNorm.bias"), NORM);
  for (let index = 0; index < MINILM_LAYERS; index++) x = layer(x, index, weights, mask);
  graph.output("hidden", x);
  return { graph, values };
}

function floatTensor(tensors: ReadonlyMap<string, TensorData>, name: string): TensorData {
  const value = tensors.get(name);
  if (value?.dtype === "float32") return value;
  if (value?.dtype === "int8") {
    const packed = int8RowsOf(tensors, name);
    return { dtype: "float32", shape: [packed.rows, packed.columns], data: unpackRows(packed) };
  }
  throw new BiddenError("bad-checkpoint", `the text encoder lacks "${name}" as F32, or as I8 with its scales.`, {
    name,
  });
}

export type MinilmFiles = {
  /** `model.safetensors`, matrices packed as int8 rows. */
  readonly weights: Uint8Array;
  /** Text of `tokenizer.json`. */
  readonly tokenizer: string;
};

/** Opens the encoder; sessions for each padded length are made when first needed. */
export async function createMinilm(
  files: MinilmFiles,
  openSession: OpenSession,
  options: SessionOptions = {},
): Promise<InstructionEncoder> {
  const { tensors } = readSafetensors(files.weights, "text encoder");
  const open = (shape: PaddedShape): Promise<Session> => {
    const { graph, values } = minilmGraph(shape, tensors);
    return openSession(onnxModel(graph, { parameters: values }), options);
  };
  return new Minilm(tensors, createWordpiece(files.tokenizer), open, await sha256(files.weights));
}

class Minilm implements InstructionEncoder {
  readonly width = WIDTH;
  readonly maxTokens = LENGTHS[LENGTHS.length - 1] as number;
  readonly digest: string;
  readonly #wordpiece: ReturnType<typeof createWordpiece>;
  readonly #open: (shape: PaddedShape) => Promise<Session>;
  readonly #sessions: Map<string, Promise<Session>> = new Map();
  readonly #words: Int8Rows;
  readonly #positions: Float32Array;
  readonly #kinds: Float32Array;

  constructor(
    tensors: ReadonlyMap<string, TensorData>,
    wordpiece: ReturnType<typeof createWordpiece>,
    open: (shape: PaddedShape) => Promise<Session>,
    digest: string,
  ) {
    this.digest = digest;
    this.#wordpiece = wordpiece;
    this.#open = open;
    this.#words = int8RowsOf(tensors, "embeddings.word_embeddings.weight");
    this.#positions = floatTensor(tensors, "embeddings.position_embeddings.weight").data as Float32Array;
    this.#kinds = floatTensor(tensors, "embeddings.token_type_embeddings.weight").data as Float32Array;
  }

  async encode(text: string): Promise<EncodedText> {
    const ids = this.#wordpiece.encode(text, this.maxTokens);
    const [only] = await this.#run([ids], { batch: 1, length: paddedLength(ids) });
    return only as EncodedText;
  }

  async encodeAll(texts: readonly string[]): Promise<EncodedText[]> {
    const ids = texts.map((text) => this.#wordpiece.encode(text, this.maxTokens));
    const encoded: EncodedText[] = [];
    for (const length of LENGTHS) {
      const own = [...ids.keys()].filter((index) => paddedLength(ids[index] as number[]) === length);
      for (let from = 0; from < own.length; from += MANY) {
        const some = own.slice(from, from + MANY);
        const rows = some.map((index) => ids[index] as number[]);
        const done = await this.#run(rows, { batch: MANY, length });
        some.forEach((index, row) => {
          encoded[index] = done[row] as EncodedText;
        });
      }
    }
    return encoded;
  }

  /** Rows of ids, each at most `length` long, in one run of the graph for `batch` rows. */
  async #run(rows: readonly (readonly number[])[], shape: PaddedShape): Promise<EncodedText[]> {
    const { batch, length } = shape;
    const embedded = new Float32Array(batch * length * WIDTH);
    const mask = new Float32Array(batch * length).fill(-10_000);
    rows.forEach((ids, row) => {
      this.#embed(ids, embedded.subarray(row * length * WIDTH));
      mask.fill(0, row * length, row * length + ids.length);
    });
    const { hidden } = await (await this.#sessionFor(shape)).run({ embedded, mask });
    const values = (hidden as TensorData).data as Float32Array;
    return rows.map(({ length: count }, row) => ({
      values: values.slice(row * length * WIDTH, (row * length + count) * WIDTH),
      count,
    }));
  }

  #embed(ids: readonly number[], out: Float32Array): void {
    ids.forEach((id, t) => {
      unpackRow(this.#words, id, out, t * WIDTH);
      for (let d = 0; d < WIDTH; d++) {
        const at = t * WIDTH + d;
        out[at] = (out[at] as number) + (this.#positions[at] as number) + (this.#kinds[d] as number);
      }
    });
  }

  #sessionFor(shape: PaddedShape): Promise<Session> {
    const key = `${shape.batch} x ${shape.length}`;
    let session = this.#sessions.get(key);
    if (session === undefined) {
      session = this.#open(shape);
      this.#sessions.set(key, session);
    }
    return session;
  }
}

function paddedLength(ids: readonly number[]): number {
  return LENGTHS.find((candidate) => candidate >= ids.length) as number;
}

/** SHA-256 of bytes, hex. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
