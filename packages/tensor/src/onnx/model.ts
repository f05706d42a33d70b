/** Writes the part of a graph that its outputs need as an ONNX model (field numbers: onnx.proto3, IR version 10). */
import { BiddenError } from "@bidden/runtime";
import { bytesOf, bytesPerElement, type Elements, onnxCode, sizeOf, type TensorData } from "../graph/dtype.ts";
import type { Graph } from "../graph/graph.ts";
import { showShape } from "../graph/shape.ts";
import type { Attribute, Node, Tensor } from "../graph/tensor.ts";
import { holdsOpenSize, openTarget, sizeName } from "./any-size.ts";
import { MessageWriter } from "./protobuf.ts";

/** Version of the standard operator set, and of ONNX Runtime's own. */
const OPSET = 21;
const MICROSOFT_OPSET = 1;
const IR_VERSION = 10;

export type OnnxOptions = {
  /** Values to write into the model. A parameter without one becomes an input of the model. */
  readonly parameters?: ReadonlyMap<string, TensorData>;
  /** Where values lie that stay in their file (ONNX external data); `parameters` are looked at first. */
  readonly external?: ReadonlyMap<string, ExternalData>;
  /** Names of the outputs to write; all of them when left out. */
  readonly outputs?: readonly string[];
  /** Tensors to write in place of others; they must not depend on those. */
  readonly replacements?: ReadonlyMap<Tensor, Tensor>;
};

/** A byte range of a file, as ONNX names it: relative to the folder that the session is opened with. */
export type ExternalData = {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
};

/** Follows replacements to the tensor that is written. */
type Resolve = (tensor: Tensor) => Tensor;

/** The bytes of an ONNX model. Inputs that no output depends on are left out. */
export function onnxModel(graph: Graph, options: OnnxOptions = {}): Uint8Array {
  const outputs = chosenOutputs(graph, options.outputs);
  const resolve: Resolve = (tensor) => {
    const by = options.replacements?.get(tensor);
    return by === undefined ? tensor : resolve(by);
  };
  const plan = reachable(
    resolve,
    outputs.map(([, tensor]) => tensor),
  );
  const names = nameOutputs(graph, outputs, resolve);
  const nameOf = (tensor: Tensor): string => names.get(tensor) ?? tensor.name;
  const model = new MessageWriter();
  model.int(1, IR_VERSION).text(2, "bidden").text(3, "0.1.0");
  model.message(7, (body) => {
    for (const node of plan.nodes) {
      const target = openTarget(graph, node);
      const given = target === null ? null : `${node.outputs[0]?.name}.shape`;
      if (target !== null) body.message(5, (m) => writeInt64s(m, given as string, target));
      body.message(1, (m) => writeNode(m, node, (tensor, i) => (i === 1 && given) || nameOf(resolve(tensor)), nameOf));
    }
    for (const [name, tensor] of outputs) {
      const source = nameOf(resolve(tensor));
      if (source !== name) body.message(1, (m) => m.text(1, source).text(2, name).text(4, "Identity"));
    }
    body.text(2, graph.name);
    for (const leaf of plan.leaves) if (!holdsOpenSize(leaf)) writeLeaf(body, leaf, options);
    for (const [name, tensor] of outputs) body.message(12, (m) => writeValueInfo(m, name, tensor));
  });
  model.message(8, (m) => m.text(1, "").int(2, OPSET));
  model.message(8, (m) => m.text(1, "com.microsoft").int(2, MICROSOFT_OPSET));
  return model.finish();
}

/** Gives computed outputs their own name, so that no copy is needed; a leaf, or a value that has a name already, is copied. */
function nameOutputs(
  graph: Graph,
  outputs: readonly (readonly [string, Tensor])[],
  resolve: Resolve,
): Map<Tensor, string> {
  const names = new Map<Tensor, string>();
  for (const [name, tensor] of outputs) {
    if (graph.inputs.has(name) || graph.parameters.has(name)) {
      throw new BiddenError("bad-graph", `graph "${graph.name}": "${name}" names an output and an input or parameter.`);
    }
    const resolved = resolve(tensor);
    if (resolved.source.kind === "node" && !names.has(resolved)) names.set(resolved, name);
  }
  return names;
}

function chosenOutputs(graph: Graph, names: readonly string[] | undefined): (readonly [string, Tensor])[] {
  const list = names ?? [...graph.outputs.keys()];
  if (list.length === 0)
    throw new BiddenError("bad-graph", `graph "${graph.name}" has no outputs; name one with graph.output().`);
  return list.map((name) => {
    const tensor = graph.outputs.get(name);
    if (tensor === undefined) {
      throw new BiddenError(
        "bad-graph",
        `graph "${graph.name}" has no output "${name}"; it has ${[...graph.outputs.keys()].join(", ")}.`,
      );
    }
    return [name, tensor] as const;
  });
}

/** Nodes that the outputs need, producers before users, and the leaves that those read. */
function reachable(resolve: Resolve, outputs: readonly Tensor[]): { nodes: Node[]; leaves: Tensor[] } {
  const nodes: Node[] = [];
  const leaves: Tensor[] = [];
  const seen = new Set<Tensor | Node>();
  const stack: { readonly tensor: Tensor; readonly done: boolean }[] = [];
  for (const output of outputs.toReversed()) stack.push({ tensor: resolve(output), done: false });
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { tensor, done } = top;
    const { source } = tensor;
    if (source.kind !== "node") {
      if (!seen.has(tensor)) leaves.push(tensor);
      seen.add(tensor);
      continue;
    }
    if (seen.has(source.node)) continue;
    if (done) {
      seen.add(source.node);
      nodes.push(source.node);
      continue;
    }
    stack.push({ tensor, done: true });
    for (const input of source.node.inputs.toReversed()) {
      if (input !== null) stack.push({ tensor: resolve(input), done: false });
    }
  }
  return { nodes, leaves };
}

type NameOf = (tensor: Tensor, index: number) => string;

function writeNode(m: MessageWriter, node: Node, inputName: NameOf, nameOf: (tensor: Tensor) => string): void {
  node.inputs.forEach((input, i) => m.text(1, input === null ? "" : inputName(input, i)));
  for (const output of node.outputs) m.text(2, nameOf(output));
  m.text(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes))
    m.message(5, (a) => writeAttribute(a, name, attribute));
  if (node.domain !== "") m.text(7, node.domain);
}

/** AttributeProto.AttributeType */
const attributeType = { float: 1, int: 2, text: 3, floats: 6, ints: 7 } as const;

function writeAttribute(m: MessageWriter, name: string, attribute: Attribute): void {
  m.text(1, name);
  if ("float" in attribute) m.float(2, attribute.float).int(20, attributeType.float);
  else if ("int" in attribute) m.int(3, attribute.int).int(20, attributeType.int);
  else if ("text" in attribute) m.text(4, attribute.text).int(20, attributeType.text);
  else if ("floats" in attribute) m.packedFloats(7, attribute.floats).int(20, attributeType.floats);
  else m.packedInts(8, attribute.ints).int(20, attributeType.ints);
}

function writeLeaf(body: MessageWriter, leaf: Tensor, options: OnnxOptions): void {
  const { source } = leaf;
  if (source.kind === "constant") {
    body.message(5, (m) => writeTensor(m, leaf, source.value.data));
    return;
  }
  const given = source.kind === "parameter" ? options.parameters?.get(leaf.name) : undefined;
  const outside = source.kind === "parameter" ? options.external?.get(leaf.name) : undefined;
  if (given === undefined && outside !== undefined) {
    body.message(5, (m) => writeExternal(m, leaf, outside));
    return;
  }
  if (given === undefined) {
    body.message(11, (m) => writeValueInfo(m, leaf.name, leaf));
    return;
  }
  if (given.dtype !== leaf.dtype || given.data.length !== sizeOf(leaf.shape)) {
    throw new BiddenError(
      "bad-checkpoint",
      `parameter "${leaf.name}": expected ${leaf.dtype} ${showShape(leaf.shape)}; came ${given.dtype} ${showShape(given.shape)}.`,
      { tensor: leaf.name },
    );
  }
  body.message(5, (m) => writeTensor(m, leaf, given.data));
}

function writeTensor(m: MessageWriter, tensor: Tensor, data: Elements): void {
  m.packedInts(1, tensor.shape).int(2, onnxCode(tensor.dtype)).text(8, tensor.name).bytes(9, bytesOf(data));
}

function writeInt64s(m: MessageWriter, name: string, values: readonly number[]): void {
  const data = BigInt64Array.from(values, BigInt);
  m.packedInts(1, [values.length]).int(2, onnxCode("int64")).text(8, name).bytes(9, bytesOf(data));
}

/** TensorProto.DataLocation */
const EXTERNAL = 1;

function writeExternal(m: MessageWriter, tensor: Tensor, { location, offset, length }: ExternalData): void {
  const bytes = sizeOf(tensor.shape) * bytesPerElement(tensor.dtype);
  if (length !== bytes) {
    throw new BiddenError(
      "bad-checkpoint",
      `parameter "${tensor.name}": expected ${bytes} bytes for ${tensor.dtype} ${showShape(tensor.shape)} in ${location}; came ${length}.`,
      { tensor: tensor.name, file: location },
    );
  }
  m.packedInts(1, tensor.shape).int(2, onnxCode(tensor.dtype)).text(8, tensor.name);
  for (const [key, value] of Object.entries({ location, offset: String(offset), length: String(length) })) {
    m.message(13, (entry) => entry.text(1, key).text(2, value));
  }
  m.int(14, EXTERNAL);
}

function writeValueInfo(m: MessageWriter, name: string, tensor: Tensor): void {
  m.text(1, name);
  m.message(2, (type) =>
    type.message(1, (array) => {
      array.int(1, onnxCode(tensor.dtype));
      array.message(2, (shape) => {
        for (const dim of tensor.shape) {
          const open = sizeName(tensor.graph, dim);
          shape.message(1, (d) => (open === null ? d.int(1, dim) : d.text(2, open)));
        }
      });
    }),
  );
}
