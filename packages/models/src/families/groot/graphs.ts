/** The graphs of GR00T: images, text with images, the times of all steps, and one step. */
import { Graph, type Tensor } from "@bidden/tensor";
import { Net, type NetOptions } from "../../blocks/net.ts";
import type { GrootConfig } from "./config.ts";
import { crossBlocks, lookBack, modulate, read, see, step } from "./model.ts";

/** Input "pixels" float[views, 3, side, side]; outputs "hidden" and "tokens". */
export function visionGraph(config: GrootConfig, views: number, options: NetOptions = {}): Graph {
  const graph = new Graph("groot-vision");
  const pixels = graph.input("pixels", "float32", [views, 3, config.side, config.side]);
  const { hidden, tokens } = see(new Net(graph, { trainable: () => false, ...options }), config, pixels);
  graph.output("hidden", hidden);
  graph.output("tokens", tokens);
  return graph;
}

/** Input "embedded" float[1, n, width]; outputs "features", "normed", "seen", and "keys.<i>", "values.<i>" for the step. */
export function languageGraph(config: GrootConfig, n: number, options: NetOptions = {}): Graph {
  const graph = new Graph("groot-language");
  const net = new Net(graph, { trainable: () => false, ...options });
  const features = read(net, config, graph.input("embedded", "float32", [1, n, config.language.width]));
  const { normed, embedded, keys, values } = lookBack(net, config, features);
  graph.output("features", features);
  graph.output("normed", normed);
  graph.output("seen", embedded);
  keys.forEach((k, i) => graph.output(`keys.${i}`, k));
  values.forEach((v, i) => graph.output(`values.${i}`, v));
  return graph;
}

/** Input "projected" float[steps, 256]; outputs "temb" and "modulation". */
export function timeGraph(config: GrootConfig, channels: number): Graph {
  const graph = new Graph("groot-time");
  const projected = graph.input("projected", "float32", [config.steps, channels]);
  const { temb, modulation } = modulate(new Net(graph, { trainable: () => false }), config, projected);
  graph.output("temb", temb);
  graph.output("modulation", modulation);
  return graph;
}

/** Inputs "actions", "state", "tau", "modulation", "keys.<i>" and "values.<i>"; output "velocity", and what lies between. */
export function stepGraph(config: GrootConfig, n: number, options: NetOptions = {}): Graph {
  const graph = new Graph("groot-step");
  const { dit, horizon, actionDim, stateDim } = config;
  const memory = (name: string): Tensor[] =>
    crossBlocks(config).map((_, i) => graph.input(`${name}.${i}`, "float32", [1, dit.heads, n, dit.headWidth]));
  const out = step(new Net(graph, { trainable: () => false, ...options }), config, {
    actions: graph.input("actions", "float32", [1, horizon, actionDim]),
    state: graph.input("state", "float32", [1, 1, stateDim]),
    tau: graph.input("tau", "float32", [dit.width]),
    modulation: graph.input("modulation", "float32", [dit.layers + 1, 2 * dit.width]),
    keys: memory("keys"),
    values: memory("values"),
  });
  graph.output("velocity", out.velocity);
  graph.output("all", out.all);
  graph.output("state_features", out.state);
  graph.output("action_features", out.actions);
  out.blocks.forEach((block, i) => graph.output(`block${i}`, block));
  return graph;
}
