/** The graphs that run: the policy for one observation, and the flow head's velocity. Built from the configuration alone. */
import { Graph, softmax } from "@bidden/tensor";
import { tabletopBackbone, tabletopInputs } from "./backbone.ts";
import type { TabletopConfig } from "./config.ts";
import { flowHead, regressionHead } from "./heads.ts";

/** One observation in; beliefs, the regression head's chunk and the flow head's latents out. */
export function policyGraph(config: TabletopConfig): Graph {
  const graph = new Graph("tabletop");
  const out = tabletopBackbone(graph, config, tabletopInputs(graph, config, 1));
  graph.output("pointing", softmax(out.pointer.logits, -1));
  graph.output("guesses", out.seen.guesses);
  graph.output("coordinates", out.pointer.coordinates);
  graph.output("done", out.done);
  graph.output("textIntent", softmax(out.textIntent, -1));
  graph.output("sceneIntent", softmax(out.sceneIntent, -1));
  graph.output("skill", softmax(out.skill, -1));
  graph.output("answer", softmax(out.answer, -1));
  graph.output("regression", regressionHead(graph, config, out.actions));
  graph.output("latents", out.actions);
  return graph;
}

/** One evaluation of the flow head: inputs "latents", "noisy" and "time", output "velocity". The policy integrates it. */
export function flowGraph(config: TabletopConfig): Graph {
  const { horizon, width, actionDim } = config;
  const graph = new Graph("tabletop-flow");
  const latents = graph.input("latents", "float32", [1, horizon, width]);
  const noisy = graph.input("noisy", "float32", [1, horizon, actionDim]);
  graph.output("velocity", flowHead(graph, config, latents, noisy, graph.input("time", "float32", [1, 1])));
  return graph;
}
