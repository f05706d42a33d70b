/**
 * A graph of array operations with shapes that are known, but for sizes that every run may choose. Operations (in ../ops)
 * append nodes; equal nodes are made once, so that gradients may ask for the same thing twice. Nothing is computed here:
 * `onnxModel` writes what a session then runs.
 */
import { BiddenError, invariant } from "@bidden/runtime";
import { type DType, type Elements, elementsOf, type Shape, sizeOf } from "./dtype.ts";
import { badShape, checkDims, sameShape } from "./shape.ts";
import { type Attributes, type Init, type Node, type Source, Tensor, type Vjp } from "./tensor.ts";

export type NodeSpec = {
  readonly op: string;
  /** "" is ONNX itself, "com.microsoft" ONNX Runtime's own operators. */
  readonly domain?: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly attributes?: Attributes;
  readonly outputs: readonly { readonly dtype: DType; readonly shape: Shape }[];
  readonly vjp?: Vjp;
  /** Keeps this node apart from an equal one that has another gradient. */
  readonly variant?: string;
};

/** Primes above any size of a model: they, their multiples and sums are told from sizes that are fixed. */
const STAND_INS = [1_000_003, 1_000_033, 1_000_037];

export class Graph {
  readonly name: string;
  readonly inputs: Map<string, Tensor> = new Map();
  readonly parameters: Map<string, Tensor> = new Map();
  readonly outputs: Map<string, Tensor> = new Map();
  /** What to write in place of a tensor in a model that holds gradients too. */
  readonly trainingForms: Map<Tensor, Tensor> = new Map();
  /** Names of the sizes that every run may choose, by the numbers that stand for them. */
  readonly anySizes: Map<number, string> = new Map();
  readonly #made: Map<string, readonly Tensor[]> = new Map();
  #nextId = 0;

  constructor(name: string) {
    this.name = name;
  }

  /**
   * A size that every run may choose, for shapes of inputs and what follows from them. Shapes are reckoned with a number that
   * stands for it; no such number may reach an operator other than as a shape to bring values to.
   */
  anySize(name: string): number {
    const size = STAND_INS[this.anySizes.size];
    if (size === undefined) {
      throw new BiddenError("bad-graph", `graph "${this.name}": expected at most ${STAND_INS.length} open sizes.`);
    }
    this.anySizes.set(size, name);
    return size;
  }

  /** A value given at every run. */
  input(name: string, dtype: DType, shape: Shape): Tensor {
    this.#claim(name);
    checkDims(`input "${name}"`, shape);
    const tensor = this.#tensor(name, dtype, shape, { kind: "input" });
    this.inputs.set(name, tensor);
    return tensor;
  }

  /**
   * A value that is stored with the model: float32 and trained unless `trainable` is false. Other types (`dtype`, such as
   * packed 4-bit weights in uint8) are never trained, and their values must be given.
   */
  parameter(
    name: string,
    shape: Shape,
    init: Init,
    options: { readonly trainable?: boolean; readonly dtype?: DType } = {},
  ): Tensor {
    this.#claim(name);
    checkDims(`parameter "${name}"`, shape);
    if (init.kind === "values" && init.values.length !== sizeOf(shape)) {
      throw badShape(`parameter "${name}"`, `as many values as the shape holds, not ${init.values.length}`, shape);
    }
    const dtype = options.dtype ?? "float32";
    const trainable = dtype === "float32" && (options.trainable ?? true);
    const source: Source = { kind: "parameter", init, trainable };
    const tensor = this.#tensor(name, dtype, shape, source);
    this.parameters.set(name, tensor);
    return tensor;
  }

  /** A fixed value. A number makes a scalar, a list without a shape a vector. */
  constant(values: number | ArrayLike<number> | Elements, dtype: DType = "float32", shape?: Shape): Tensor {
    const list = typeof values === "number" ? [values] : values;
    const dims = shape ?? (typeof values === "number" ? [] : [list.length]);
    if (sizeOf(dims) !== list.length) throw badShape("constant", `room for ${list.length} values`, dims);
    const data = list instanceof BigInt64Array ? list : elementsOf(dtype, list);
    const key = data.length <= 64 ? `constant ${dtype} ${dims.join()} ${data.join()}` : null;
    const known = key === null ? undefined : this.#made.get(key)?.[0];
    if (known !== undefined) return known;
    const tensor = this.#tensor("", dtype, dims, { kind: "constant", value: { dtype, shape: dims, data } });
    if (key !== null) this.#made.set(key, [tensor]);
    return tensor;
  }

  /** Names a value that a run can return. */
  output(name: string, tensor: Tensor): Tensor {
    this.#own(`output "${name}"`, tensor);
    if (this.outputs.has(name)) throw new BiddenError("bad-graph", `graph "${this.name}" has two outputs "${name}".`);
    this.outputs.set(name, tensor);
    return tensor;
  }

  /** Appends an operator, or returns the equal one that is there already. */
  node(spec: NodeSpec): readonly Tensor[] {
    for (const input of spec.inputs) if (input !== null) this.#own(spec.op, input);
    const { op, domain = "", inputs, attributes = {}, vjp = null } = spec;
    const key = `${domain} ${op} ${inputs.map((t) => t?.id ?? "-").join()} ${JSON.stringify(attributes)} ${spec.outputs.length} ${spec.variant ?? ""}`;
    const known = this.#made.get(key);
    if (known !== undefined) {
      invariant(
        known.every((t, i) => sameShape(t.shape, spec.outputs[i]?.shape ?? [])),
        `${op} was made twice with different output shapes`,
      );
      return known;
    }
    const outputs: Tensor[] = [];
    const node: Node = { op, domain, inputs, attributes, outputs, vjp };
    spec.outputs.forEach(({ dtype, shape }, slot) => {
      outputs.push(this.#tensor("", dtype, shape, { kind: "node", node, slot }));
    });
    this.#made.set(key, outputs);
    return outputs;
  }

  /**
   * Says that `by` computes the same as `tensor` from parts that the gradient has made anyway: where both are written, the
   * fused operator behind `tensor` is superfluous.
   */
  replaceInTraining(tensor: Tensor, by: Tensor): void {
    invariant(sameShape(tensor.shape, by.shape) && tensor.dtype === by.dtype, "a replacement of another shape or type");
    if (!this.trainingForms.has(tensor)) this.trainingForms.set(tensor, by);
  }

  #tensor(name: string, dtype: DType, shape: Shape, source: Source): Tensor {
    const id = this.#nextId++;
    return new Tensor(this, id, name === "" ? `#${id}` : name, dtype, shape, source);
  }

  #claim(name: string): void {
    if (name === "" || name.startsWith("#") || this.inputs.has(name) || this.parameters.has(name)) {
      throw new BiddenError(
        "bad-graph",
        `graph "${this.name}": expected a new name for an input or parameter; "${name}" is empty, taken or begins with #.`,
        { graph: this.name, name },
      );
    }
  }

  #own(op: string, tensor: Tensor): void {
    if (tensor.graph !== this) {
      throw new BiddenError(
        "bad-graph",
        `${op}: expected tensors of graph "${this.name}"; "${tensor.name}" belongs to graph "${tensor.graph.name}".`,
        { op, tensor: tensor.name },
      );
    }
  }
}
