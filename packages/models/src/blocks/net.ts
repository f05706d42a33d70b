/**
 * The layers of published checkpoints: every weight keeps the name and the layout ([out, in]) of the file it came from, so
 * that a graph's parameters are the file's tensors. How a matrix is held and multiplied (float32, int8, int4) is decided
 * here, in one place, and the families built on top do not know.
 */
import {
  attention,
  type Graph,
  type Init,
  joinHeads,
  layerNorm,
  linear,
  rmsNorm,
  type Shape,
  splitHeads,
  type Tensor,
} from "@bidden/tensor";

/** Multiplies by a matrix [width, in] that is held in another form than float32. */
export type MatrixForm = (graph: Graph, name: string, x: Tensor, width: number, bias: Tensor | null) => Tensor;

export type NetOptions = {
  /** How the matrix of that name is held; null for float32. */
  readonly form?: (name: string, width: number, inputs: number) => MatrixForm | null;
  /** Which parameters are trained; all when left out. */
  readonly trainable?: (name: string) => boolean;
  /** Attention as one operator that has no gradient, and never holds all scores at once. */
  readonly forwardOnly?: boolean;
  /** Sees what goes into and comes out of every linear layer, for inspection. */
  readonly watch?: (name: string, x: Tensor, y: Tensor) => void;
};

export type LinearOptions = { readonly bias?: boolean };

export class Net {
  readonly graph: Graph;
  readonly #options: NetOptions;

  constructor(graph: Graph, options: NetOptions = {}) {
    this.graph = graph;
    this.#options = options;
  }

  /** A tensor of the checkpoint, of which a graph may ask several times. */
  tensor(name: string, shape: Shape, init: Init): Tensor {
    const known = this.graph.parameters.get(name);
    if (known !== undefined) return known;
    return this.graph.parameter(name, shape, init, { trainable: this.#options.trainable?.(name) ?? true });
  }

  /** A matrix [width, inputs] in float32, drawn with a standard deviation of 1/√inputs. */
  matrix(name: string, width: number, inputs: number): Tensor {
    return this.tensor(name, [width, inputs], { kind: "normal", std: 1 / Math.sqrt(inputs) });
  }

  /** x·Wᵀ + b over the last axis: [..., in] to [..., width]; tensors `name`.weight and `name`.bias. */
  linear(name: string, x: Tensor, width: number, options: LinearOptions = {}): Tensor {
    const inputs = x.shape.at(-1) as number;
    const bias = options.bias === false ? null : this.tensor(`${name}.bias`, [width], { kind: "zeros" });
    const form = this.#options.form?.(`${name}.weight`, width, inputs) ?? null;
    const y =
      form === null
        ? linear(x, this.matrix(`${name}.weight`, width, inputs), bias, { transposed: true })
        : form(this.graph, `${name}.weight`, x, width, bias);
    this.#options.watch?.(name, x, y);
    return y;
  }

  /** Every token attends to every other: float32[batch, n, width] each, and the same back. */
  attend(q: Tensor, k: Tensor, v: Tensor, heads: number): Tensor {
    if (this.#options.forwardOnly !== true) {
      const apart = (x: Tensor): Tensor => splitHeads(x, heads);
      return joinHeads(attention(apart(q), apart(k), apart(v)));
    }
    const [seen] = this.graph.node({
      op: "MultiHeadAttention",
      domain: "com.microsoft",
      inputs: [q, k, v],
      attributes: { num_heads: { int: heads } },
      outputs: [{ dtype: "float32", shape: q.shape }],
    }) as [Tensor];
    return seen;
  }

  layerNorm(name: string, x: Tensor, epsilon: number): Tensor {
    const width = x.shape.at(-1) as number;
    const scale = this.tensor(`${name}.weight`, [width], { kind: "ones" });
    const shift = this.tensor(`${name}.bias`, [width], { kind: "zeros" });
    return layerNorm(x, scale, shift, { epsilon });
  }

  /** RMS norm with a plain scale, as in Llama (Gemma's is stored as an offset from 1). */
  rmsNorm(name: string, x: Tensor, epsilon: number): Tensor {
    const width = x.shape.at(-1) as number;
    return rmsNorm(x, this.tensor(`${name}.weight`, [width], { kind: "ones" }), { epsilon });
  }
}

/** Shape of a checkpoint's tensor; throws where there is none of that name. */
export type ShapeOf = (name: string) => Shape;

/** Number of consecutive layers `prefix`.0, `prefix`.1, ... that hold a tensor `suffix`. */
export function countLayers(names: Iterable<string>, prefix: string, suffix: string): number {
  const all = new Set(names);
  let count = 0;
  while (all.has(`${prefix}.${count}.${suffix}`)) count++;
  return count;
}
