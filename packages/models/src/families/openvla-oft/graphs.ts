/**
 * What OpenVLA-OFT (Kim et al. 2025, arXiv:2502.19645) adds: heads that read a chunk from hidden states at once, projectors of
 * state and noisy actions, and FiLM (Perez et al. 2018, arXiv:1709.07871) in the image towers.
 */
import { add, gelu, Graph, mul, relu, reshape, type Tensor } from "@bidden/tensor";
import type { Net } from "../../blocks/net.ts";
import type { BetweenHalves } from "../../blocks/vit.ts";
import type { NetOn } from "../openvla/graphs.ts";

/** PyTorch's default. */
const EPSILON = 1e-5;

export type HeadKind = "l1" | "diffusion" | "discrete";

/** Path of the head's network below the file's name. */
export const HEAD_PATH: Readonly<Record<Exclude<HeadKind, "discrete">, string>> = {
  l1: "model",
  diffusion: "noise_predictor.mlp_resnet",
};

export type HeadSizes = {
  readonly chunk: number;
  readonly actionDim: number;
  readonly width: number;
  readonly blocks: number;
};

/**
 * Hidden states of a chunk's places, float32[1, chunk·actionDim, width] `hidden`, to `actions` float32[1, chunk, actionDim]:
 * the actions themselves, or the noise in them.
 * @param name of the network's tensors
 */
export function headGraph(name: string, { chunk, actionDim, width, blocks }: HeadSizes, netOn: NetOn): Graph {
  const graph = new Graph("oft-head");
  const net = netOn(graph);
  const hidden = graph.input("hidden", "float32", [1, chunk * actionDim, width]);
  let x = net.layerNorm(`${name}.layer_norm1`, reshape(hidden, [1, chunk, actionDim * width]), EPSILON);
  x = relu(net.linear(`${name}.fc1`, x, width));
  for (let i = 0; i < blocks; i++) {
    const block = `${name}.mlp_resnet_blocks.${i}.ffn`;
    x = add(x, relu(net.linear(`${block}.1`, net.layerNorm(`${block}.0`, x, EPSILON), width)));
  }
  graph.output("actions", net.linear(`${name}.fc2`, net.layerNorm(`${name}.layer_norm2`, x, EPSILON), actionDim));
  return graph;
}

/**
 * `values` float32[1, rows, inputs] to `tokens` float32[1, rows, width]: proprioception as one row, noisy actions as one row a
 * number.
 */
export function projectorGraph(
  name: string,
  sizes: { readonly rows: number; readonly inputs: number; readonly width: number },
  netOn: NetOn,
): Graph {
  const { rows, inputs, width } = sizes;
  const graph = new Graph(`oft-${name}`);
  const net = netOn(graph);
  const values = graph.input("values", "float32", [1, rows, inputs]);
  graph.output("tokens", net.linear(`${name}.fc2`, gelu(net.linear(`${name}.fc1`, values, width), "erf"), width));
  return graph;
}

/**
 * FiLM between attention and MLP of every block: x·(1 + γ) + β, both linear in the mean of the language embeddings, input
 * `language` float32[llmWidth].
 */
export function filmOf(llmWidth: number): (graph: Graph, net: Net, tower: string) => BetweenHalves {
  return (graph, net, tower) => {
    const language = graph.inputs.get("language") ?? graph.input("language", "float32", [llmWidth]);
    const row = reshape(language, [1, 1, llmWidth]);
    return (x: Tensor, index: number) => {
      const width = x.shape.at(-1) as number;
      const gamma = net.linear(`${tower}.blocks.${index}.scale`, row, width);
      const beta = net.linear(`${tower}.blocks.${index}.shift`, row, width);
      return add(mul(x, add(gamma, 1)), beta);
    };
  };
}
