/** The graphs of Diffusion Policy: observations to a condition, one evaluation of the U-Net, and the loss of a training batch. */
import { add, cast, div, Graph, maximum, mean, mul, not, reshape, square, sub, sum, type Tensor } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import type { Recipe } from "../../checkpoint/weights.ts";
import { type DiffusionConfig, frameWidth } from "./config.ts";
import { encodeFrames, type FrameInputs, unet, type UnetInputs } from "./model.ts";

function frameInputs(graph: Graph, config: DiffusionConfig, frames: number): FrameInputs {
  const { cameras, stateDim, environmentDim } = config;
  return {
    images: cameras.map(({ height, width }, i) => graph.input(`image.${i}`, "float32", [frames, 3, height, width])),
    state: graph.input("state", "float32", [frames, stateDim]),
    environment: environmentDim > 0 ? graph.input("environment", "float32", [frames, environmentDim]) : null,
  };
}

export type FrameGraph = { readonly graph: Graph; readonly recipes: ReadonlyMap<string, Recipe> };

/**
 * Inputs "image.<i>", "state" and "environment" of `frames` observations, normalised; output "condition" float[frames, width].
 * What the first encoder computes stands under the names of the golden set.
 */
export function frameGraph(config: DiffusionConfig, frames: number): FrameGraph {
  const graph = new Graph("diffusion-frames");
  const recipes = new Map<string, Recipe>();
  const { condition, encoders } = encodeFrames(new Net(graph), config, frameInputs(graph, config, frames), {
    form: "apart",
    recipes,
  });
  graph.output("condition", condition);
  const [first] = encoders;
  if (first !== undefined) {
    graph.output("encoder0.cropped", first.cropped);
    graph.output("encoder0.feature_map", first.features);
    graph.output("pool", first.pool);
    graph.output("out", first.linear);
  }
  return { graph, recipes };
}

/** Inputs "x", "step" and "condition"; output "model_output" float[batch, horizon, actionDim]. */
export function unetGraph(config: DiffusionConfig, batch: number): Graph {
  const graph = new Graph("diffusion-unet");
  const { output, stepEncoder, parts } = unet(new Net(graph), config, unetInputs(graph, config, batch));
  graph.output("model_output", output);
  graph.output("step_encoder", stepEncoder);
  for (const [name, part] of parts) graph.output(name, part);
  return graph;
}

function unetInputs(graph: Graph, config: DiffusionConfig, batch: number): UnetInputs {
  return {
    x: graph.input("x", "float32", [batch, config.horizon, config.actionDim]),
    step: graph.input("step", "float32", [batch, config.stepWidth]),
    condition: graph.input("condition", "float32", [batch, config.observations * frameWidth(config)]),
  };
}

export type DiffusionLoss = { readonly graph: Graph; readonly loss: Tensor };

/**
 * The loss of a batch: the mean square of what the network says of noisy actions, less what it should have said. Inputs beside
 * the observations' (batch·observations frames): "action" and "noise" float[batch, horizon, actionDim], "clean" and "noisy"
 * float[batch] (see `NoiseSchedule.mixture`), "step" float[batch, stepWidth], "action_is_pad" bool[batch, horizon].
 * Statistics of batch normalisation are fixed; its scale and shift are trained.
 */
export function diffusionLossGraph(config: DiffusionConfig, batch: number): DiffusionLoss {
  const graph = new Graph("diffusion-loss");
  const net = new Net(graph, { trainable: (name) => !/(running_(mean|var)|pos_grid)$/.test(name) });
  const frames = frameInputs(graph, config, batch * config.observations);
  const condition = reshape(encodeFrames(net, config, frames, { form: "trained", recipes: new Map() }).condition, [
    batch,
    -1,
  ]);
  const shape = [batch, config.horizon, config.actionDim];
  const action = graph.input("action", "float32", shape);
  const noise = graph.input("noise", "float32", shape);
  const share = (name: string): Tensor => reshape(graph.input(name, "float32", [batch]), [batch, 1, 1]);
  const x = add(mul(share("clean"), action), mul(share("noisy"), noise));
  const step = graph.input("step", "float32", [batch, config.stepWidth]);
  const { output } = unet(net, config, { x, step, condition });
  const error = square(sub(output, config.schedule.prediction === "epsilon" ? noise : action));
  const isPad = graph.input("action_is_pad", "bool", [batch, config.horizon]);
  const valid = reshape(cast(not(isPad), "float32"), [batch, config.horizon, 1]);
  const plain = graph.output("loss", mean(error));
  const count = maximum(mul(sum(valid), config.actionDim), 1);
  const masked = graph.output("loss_masked", div(sum(mul(error, valid)), count));
  return { graph, loss: config.maskLoss ? masked : plain };
}
