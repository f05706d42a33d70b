/**
 * Action heads: each turns the backbone's action latents into a chunk. A new head is a function here and its loss in training.
 *
 * Both speak normalised actions: translations and rotations divided by `config.actionScale`, the gripper as 2 g - 1.
 */
import { add, concat, cos, expand, type Graph, silu, mul, reshape, sin, type Tensor } from "@bidden/tensor";
import { dense, norm, selfLayer } from "../blocks/layers.ts";
import type { TabletopConfig } from "./config.ts";

/** Regression: float32[b, horizon, 7]. */
export function regressionHead(graph: Graph, config: TabletopConfig, latents: Tensor): Tensor {
  const hidden = silu(dense(graph, "regression.up", latents, 2 * config.width));
  return dense(graph, "regression.out", hidden, config.actionDim, { std: 0.02 });
}

/** Frequencies of the sine-cosine embedding of flow time. */
const TIME_FREQUENCIES = 16;

/**
 * Flow matching (Lipman et al. 2023; pi0, Black et al. 2024): the velocity at noisy actions x and time t, from noise (t = 0)
 * to action (t = 1).
 *
 * @param noisy float32[b, horizon, 7]
 * @param time float32[b, 1]
 * @returns float32[b, horizon, 7]
 */
export function flowHead(graph: Graph, config: TabletopConfig, latents: Tensor, noisy: Tensor, time: Tensor): Tensor {
  const [batch, horizon] = noisy.shape as readonly [number, number, number];
  const frequencies = Float32Array.from({ length: TIME_FREQUENCIES }, (_, i) => 2 ** (i / 2 - 1) * Math.PI);
  const phase = mul(time, graph.constant(frequencies, "float32", [1, TIME_FREQUENCIES]));
  const clock = reshape(concat([sin(phase), cos(phase)], 1), [batch, 1, 2 * TIME_FREQUENCIES]);
  const clocks = expand(clock, [batch, horizon, 2 * TIME_FREQUENCIES]);
  const joined = add(
    dense(graph, "flow.latent", latents, config.width),
    dense(graph, "flow.noisy", concat([noisy, clocks], 2), config.width),
  );
  const order = graph.parameter("flow.position", [1, horizon, config.width], { kind: "normal", std: 0.1 });
  const mixed = selfLayer(graph, "flow.0", add(joined, order), config.heads, 2 * config.width);
  const deep = selfLayer(graph, "flow.1", mixed, config.heads, 2 * config.width);
  return dense(graph, "flow.out", norm(deep), config.actionDim, { std: 0.02 });
}
