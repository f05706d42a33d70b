/** OpenVLA-OFT checkpoints with random weights, as fine-tuning leaves them: merged shards, .pt heads, dataset statistics. */
import { BiddenError } from "@bidden/runtime";
import { Graph, type Shape, type TensorData } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import type { MakeOptions } from "../../checkpoint/family.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import type { WrittenFiles, WrittenWeights } from "../../checkpoint/make.ts";
import { writePt } from "../../checkpoint/pt/write.ts";
import { BACKBONE, type OpenvlaConfig, TOWERS } from "../openvla/config.ts";
import { visionGraph } from "../openvla/graphs.ts";
import { baseFiles, baseWeights, indexOf, openvlaSizes, statistics } from "../openvla/make.ts";
import { plainNet } from "../openvla/model.ts";
import { randomWeights } from "../random-weights.ts";
import { filmOf, HEAD_PATH, headGraph, type HeadKind, projectorGraph } from "./graphs.ts";
import { ACTION_HEAD, NOISY, PROPRIO } from "./parts.ts";
import { platformOf } from "./platform.ts";

const STEP = "150000_checkpoint";
/** Blocks of the published heads' network. */
const BLOCKS = 2;
const DATASETS: Readonly<Record<string, string>> = {
  libero: "libero_spatial_no_noops",
  aloha: "aloha1_fold_shirt",
  bridge: "bridge_orig",
};

/**
 * `dims` may hold the sizes of OpenVLA, and: platform (libero, aloha, bridge), head (l1, diffusion, discrete), action_dim,
 * proprio_dim (0 for none), film (true for a FiLM backbone), lora_rank (of the FiLM backbone, 32 by default).
 */
export function makeOft(options: MakeOptions): WrittenFiles {
  const sizes = openvlaSizes(options);
  const fields = new Fields(options.dims as JsonObject, "dims.json");
  const name = fields.text("platform", "libero");
  const aloha = name === "aloha";
  const actionDim = fields.whole("action_dim", aloha ? 14 : 7, 1);
  const proprioDim = fields.whole("proprio_dim", aloha ? 14 : name === "bridge" ? 7 : 8);
  const { chunk } = platformOf({ platform: name }, "", actionDim);
  const norm = { [DATASETS[name] ?? name]: statistics(actionDim, proprioDim) };
  const weights = baseWeights(sizes, options.seed);
  const files = baseFiles(sizes, null)
    .set("model.safetensors.index.json", indexOf(weights))
    .set("dataset_statistics.json", `${JSON.stringify(norm, null, 1)}\n`);
  const { width } = sizes.llama;
  const add = (part: string, graph: Graph, dtype: "bfloat16" | "float32"): void => {
    const drawn = randomWeights([graph], { seed: options.seed, dtype });
    const rename = (stored: string): string => `module.${stored.slice(part.length + 1)}`;
    files.set(`${part}--${STEP}.pt`, ptOf(drawn, `${part}--${STEP}`, rename));
  };
  const head = headKind(fields);
  if (head !== "discrete") {
    const path = `${ACTION_HEAD}.${HEAD_PATH[head]}`;
    add(ACTION_HEAD, headGraph(path, { chunk, actionDim, width, blocks: BLOCKS }, plainNet), "bfloat16");
  }
  if (proprioDim > 0)
    add(PROPRIO, projectorGraph(PROPRIO, { rows: 1, inputs: proprioDim, width }, plainNet), "float32");
  if (head === "diffusion") {
    add(NOISY, projectorGraph(NOISY, { rows: chunk * actionDim, inputs: 1, width }, plainNet), "float32");
  }
  if (fields.flag("film", false)) {
    const drawn = randomWeights([filmLayout(sizes, fields.whole("lora_rank", 32, 1))], {
      seed: options.seed,
      dtype: "bfloat16",
    });
    files.set(
      `${BACKBONE}--${STEP}.pt`,
      ptOf(drawn, `${BACKBONE}--${STEP}`, (stored) => stored),
    );
  }
  return { files, weights };
}

function headKind(fields: Fields): HeadKind {
  const kind = fields.text("head", "l1");
  if (kind === "l1" || kind === "diffusion" || kind === "discrete") return kind;
  throw fields.bad("head", "l1, diffusion or discrete");
}

function ptOf({ tensors, fill }: WrittenWeights, folder: string, rename: (name: string) => string): Uint8Array {
  const filled = new Map<string, TensorData>();
  for (const { name, dtype, shape } of tensors) filled.set(rename(name), { dtype, shape, data: fill(name, shape) });
  return writePt(filled, folder);
}

/** The whole FiLM backbone under the names of the wrapper: `block` before a block's own, LoRA beside every linear layer. */
function filmLayout(config: OpenvlaConfig, rank: number): Graph {
  const deeper = { ...config, towers: config.towers.map((tower) => ({ ...tower, depth: tower.depth + 1 })) };
  const plain = visionGraph(deeper, plainNet, filmOf(config.llama.width));
  const graph = new Graph("oft-film");
  const net = new Net(graph);
  for (const [name, { shape, source }] of plain.parameters) {
    if (!name.startsWith(`${BACKBONE}.`)) continue;
    if (source.kind !== "parameter") throw new BiddenError("internal", `internal: "${name}" is no parameter`);
    const wrapped = name.replace(/(\.blocks\.\d+)\.(norm|attn|ls|mlp)/, "$1.block.$2");
    const layer = /^(.*\.(qkv|proj|fc[12]))\.(weight|bias)$/.exec(wrapped);
    if (layer === null) {
      net.tensor(wrapped, shape, source.init);
      continue;
    }
    const [, path, , leaf] = layer as unknown as readonly [string, string, string, string];
    net.tensor(`${path}.base_layer.${leaf}`, shape, source.init);
    if (leaf === "weight") addLora(net, path, shape, rank);
  }
  for (const [i, { width }] of config.towers.entries()) {
    net.tensor(`${TOWERS[i]}.norm.weight`, [width], { kind: "ones" });
    net.tensor(`${TOWERS[i]}.norm.bias`, [width], { kind: "zeros" });
  }
  return graph;
}

/** B·A of a matrix, or of a convolution whose A has the kernel and B is 1x1. */
function addLora(net: Net, path: string, shape: Shape, rank: number): void {
  const [outer, ...inner] = shape as readonly [number, ...number[]];
  const std = 1 / Math.sqrt(inner.reduce((a, b) => a * b, 1));
  const ones = inner.slice(1).map(() => 1);
  net.tensor(`${path}.lora_A.default.weight`, [rank, ...inner], { kind: "normal", std });
  net.tensor(`${path}.lora_B.default.weight`, [outer, rank, ...ones], { kind: "normal", std: 0.1 / Math.sqrt(rank) });
}
