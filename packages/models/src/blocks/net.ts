/**
 * The layers of published checkpoints: every weight keeps the name and the layout ([out, in]) of the file it came from, so
 * that a graph's parameters are the file's tensors. How a matrix is held and multiplied (float32, int8, int4) is decided
 * here, in one place, and the families built on top do not know.
 */
import {
  type Attributes,
  attention,
  type Graph,
  type Init,
  joinHeads,
  layerNorm,
  linear,
  rmsNorm,
  type Shape,
  split,
  splitHeads,
  type Tensor,
} from "@bidden/tensor";
import { rope, type Turns } from "./rope.ts";

/** Multiplies by a matrix [width, in] that is held in another form than float32. */
export type MatrixForm = (graph: Graph, name: string, x: Tensor, width: number, bias: Tensor | null) => Tensor;

export type NetOptions = {
  /** How the matrix of that name is held; null for float32. */
  readonly form?: (name: string, width: number, inputs: number) => MatrixForm | null;
  /** Which parameters are trained; all when left out. */
  readonly trainable?: (name: string) => boolean;
  /**
   * Operators of the engine's own that have no gradient: attention that never holds all scores at once, RMS norms and turned
   * positions in one pass each.
   */
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

  /**
   * Several linear layers of one input and one width. Matrices that are converted anyway become one, so that the input is brought
   * to fewer bits once and the product is wide; its parameters are named after all of them, `a.weight+b.weight`.
   */
  linears(names: readonly string[], x: Tensor, width: number, options: LinearOptions = {}): Tensor[] {
    const inputs = x.shape.at(-1) as number;
    const forms = names.map((name) => this.#options.form?.(`${name}.weight`, width, inputs) ?? null);
    const [form] = forms;
    if (form == null || forms.some((other) => other !== form)) {
      return names.map((name) => this.linear(name, x, width, options));
    }
    const all = (part: string): string => names.map((name) => `${name}.${part}`).join("+");
    const total = names.length * width;
    const bias = options.bias === false ? null : this.tensor(all("bias"), [total], { kind: "zeros" });
    const parts = split(
      form(this.graph, all("weight"), x, total, bias),
      names.map(() => width),
      -1,
    );
    names.forEach((name, i) => this.#options.watch?.(name, x, parts[i] as Tensor));
    return [...parts];
  }

  /** Every token attends to every other: float32[batch, n, width] each, and the same back. */
  attend(q: Tensor, k: Tensor, v: Tensor, heads: number): Tensor {
    if (this.#options.forwardOnly !== true) {
      const apart = (x: Tensor): Tensor => splitHeads(x, heads);
      return joinHeads(attention(apart(q), apart(k), apart(v)));
    }
    return this.#fused("com.microsoft MultiHeadAttention", [q, k, v], { num_heads: { int: heads } });
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
    return this.scaledNorm(x, this.tensor(`${name}.weight`, [width], { kind: "ones" }), epsilon);
  }

  /** x/√(mean(x²) + ε)·scale over the last dimension; `scale` float32[width]. */
  scaledNorm(x: Tensor, scale: Tensor, epsilon: number): Tensor {
    if (this.#options.forwardOnly !== true) return rmsNorm(x, scale, { epsilon });
    return this.#fused("SimplifiedLayerNormalization", [x, scale], { axis: { int: -1 }, epsilon: { float: epsilon } });
  }

  /** Turns x, float32[batch, heads, n, width], by the angles of its places. */
  rope(x: Tensor, turns: Turns): Tensor {
    const fits = turns.cos.rank === 2 && x.shape[2] === turns.cos.shape[0];
    if (this.#options.forwardOnly !== true || !fits) return rope(x, turns);
    // Row i of the angles belongs to place i.
    const first = this.graph.constant([0], "int64");
    return this.#fused("com.microsoft RotaryEmbedding", [x, first, turns.cos, turns.sin], {});
  }

  /** An operator of the engine that leaves the shape of its first input. */
  #fused(operator: string, inputs: readonly [Tensor, ...Tensor[]], attributes: Attributes): Tensor {
    const [op, domain = ""] = operator.split(" ").toReversed() as [string, string?];
    const outputs = [{ dtype: "float32", shape: inputs[0].shape }] as const;
    return this.graph.node({ op, domain, inputs, attributes, outputs })[0] as Tensor;
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
