/**
 * The graphs that run: reading an instruction (once), the policy for one observation, and the flow head's velocity. Built from
 * the configuration alone.
 */
import { concat, exp, Graph, softmax } from "@bidden/tensor";
import { saidShape, tabletopBackbone, tabletopInputs } from "./backbone.ts";
import { CHANNELS, type TabletopConfig } from "./config.ts";
import { flowHead, regressionHead } from "./heads.ts";
import { listen, textInputs } from "./listen.ts";
import { range } from "./slices.ts";
import { understand, understoodInputs, understoodOutputs } from "./understand.ts";

/** An instruction's tokens in, what the policy's queries read in them out: "said", and what is asked for. */
function readGraph(config: TabletopConfig): Graph {
  const graph = new Graph("tabletop-read");
  const said = listen(graph, config, textInputs(graph, config, 1));
  const understood = understand(graph, config, said);
  graph.output("said", said);
  understoodOutputs(graph, config, understood);
  graph.output("textIntent", softmax(understood.intent, -1));
  graph.output("skill", softmax(understood.skill, -1));
  graph.output("asked", range(exp(concat(understood.attributes, 2)), 1, 0, CHANNELS.length));
  return graph;
}

/** One observation and what was read in; beliefs, the regression head's chunk and the flow head's latents out. */
function policyGraph(config: TabletopConfig): Graph {
  const graph = new Graph("tabletop");
  const said = graph.input("said", "float32", [1, ...saidShape(config)]);
  const read = { said, understood: understoodInputs(graph, config, 1) };
  const out = tabletopBackbone(graph, config, tabletopInputs(graph, config, 1), read);
  graph.output("pointing", softmax(out.pointer.logits, -1));
  graph.output("guesses", out.seen.guesses);
  graph.output("coordinates", out.pointer.coordinates);
  graph.output("done", out.done);
  graph.output("sceneIntent", softmax(out.sceneIntent, -1));
  graph.output("answer", softmax(out.answer, -1));
  graph.output("regression", regressionHead(graph, config, out.actions));
  graph.output("latents", out.actions);
  return graph;
}

/** One evaluation of the flow head: inputs "latents", "noisy" and "time", output "velocity". The policy integrates it. */
function flowGraph(config: TabletopConfig): Graph {
  const { horizon, width, actionDim } = config;
  const graph = new Graph("tabletop-flow");
  const latents = graph.input("latents", "float32", [1, horizon, width]);
  const noisy = graph.input("noisy", "float32", [1, horizon, actionDim]);
  graph.output("velocity", flowHead(graph, config, latents, noisy, graph.input("time", "float32", [1, 1])));
  return graph;
}

/** All that a policy is made of: reading, the policy, the flow head. */
export function tabletopGraphs(config: TabletopConfig): readonly [Graph, Graph, Graph] {
  return [readGraph(config), policyGraph(config), flowGraph(config)];
}
