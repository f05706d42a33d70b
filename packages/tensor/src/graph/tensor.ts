/**
 * What a graph is made of. A `Tensor` is a handle to a value that a run will compute: it knows its shape and type, never its
 * numbers. A `Node` is one ONNX operator together with its own vector-Jacobian product, stated in further graph operations.
 */
import type { DType, Shape, TensorData } from "./dtype.ts";
import type { Graph } from "./graph.ts";

/** Where a value comes from. */
export type Source =
  | { readonly kind: "input" }
  | { readonly kind: "parameter"; readonly init: Init; readonly trainable: boolean }
  | { readonly kind: "constant"; readonly value: TensorData }
  | { readonly kind: "node"; readonly node: Node; readonly slot: number };

export class Tensor {
  readonly graph: Graph;
  readonly id: number;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly source: Source;

  constructor(graph: Graph, id: number, name: string, dtype: DType, shape: Shape, source: Source) {
    this.graph = graph;
    this.id = id;
    this.name = name;
    this.dtype = dtype;
    this.shape = shape;
    this.source = source;
  }

  get rank(): number {
    return this.shape.length;
  }
}

export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly text: string };

export type Attributes = Readonly<Record<string, Attribute>>;

/**
 * A node's vector-Jacobian product: the gradients of its outputs (null where nothing flows) to the gradients of its inputs,
 * in the order of the inputs (null where the operator is not differentiable in one).
 */
export type Vjp = (gradients: readonly (Tensor | null)[], outputs: readonly Tensor[]) => readonly (Tensor | null)[];

export type Node = {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly attributes: Attributes;
  readonly outputs: readonly Tensor[];
  readonly vjp: Vjp | null;
};

/** How a parameter begins. `fanIn` and `fanOut` of xavier and he are taken from the shape: [in, out] or [out, in, ...kernel]. */
export type Init =
  | { readonly kind: "zeros" }
  | { readonly kind: "ones" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number; readonly mean?: number }
  | { readonly kind: "truncated-normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "xavier"; readonly gain?: number }
  | { readonly kind: "he" }
  | { readonly kind: "values"; readonly values: Float32Array };
