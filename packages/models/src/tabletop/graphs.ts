/** The graphs that run: the policy for one observation, and the flow head's integration. Built from the configuration alone. */
import { add, Graph, mul, softmax, type Tensor } from "@bidden/tensor";
import { tabletopBackbone, tabletopInputs } from "./backbone.ts";
import type { TabletopConfig } from "./config.ts";
import { flowHead, regressionHead } from "./heads.ts";

/** One observation in; beliefs, the regression head's chunk and the flow head's latents out. */
export function policyGraph(config: TabletopConfig): Graph {
  const graph = new Graph("tabletop");
  const out = tabletopBackbone(graph, config, tabletopInputs(graph, config, 1));
  graph.output("pointing", softmax(out.pointer, -1));
  graph.output("guesses", out.guesses);
  graph.output("coordinates", out.coordinates);
  graph.output("done", out.done);
  graph.output("textIntent", softmax(out.textIntent, -1));
  graph.output("sceneIntent", softmax(out.sceneIntent, -1));
  graph.output("skill", softmax(out.skill, -1));
  graph.output("answer", softmax(out.answer, -1));
  graph.output("regression", regressionHead(graph, config, out.actions));
  graph.output("latents", out.actions);
  return graph;
}

/** From noise to a chunk in `config.flowSteps` Euler steps: inputs "latents" and "noise", output "flow". */
export function flowGraph(config: TabletopConfig): Graph {
  const { horizon, width, actionDim, flowSteps } = config;
  const graph = new Graph("tabletop-flow");
  const latents = graph.input("latents", "float32", [1, horizon, width]);
  let x: Tensor = graph.input("noise", "float32", [1, horizon, actionDim]);
  for (let step = 0; step < flowSteps; step++) {
    const time = graph.constant([step / flowSteps], "float32", [1, 1]);
    x = add(x, mul(flowHead(graph, config, latents, x, time), 1 / flowSteps));
  }
  graph.output("flow", x);
  return graph;
}
