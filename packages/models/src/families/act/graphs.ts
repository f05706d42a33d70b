/** The graphs of ACT: one observation to a chunk, and the loss of a training batch. */
import {
  abs,
  add,
  cast,
  div,
  exp,
  Graph,
  maximum,
  mean,
  mul,
  not,
  reshape,
  sub,
  sum,
  type Tensor,
  transpose,
} from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import type { Recipe } from "../../checkpoint/weights.ts";
import type { ActConfig } from "./config.ts";
import { type ActInputs, actLatent, actModel } from "./model.ts";

type ObservationInputs = Omit<ActInputs, "latent">;

function observationInputs(graph: Graph, config: ActConfig, batch: number): ObservationInputs {
  const { cameras, stateDim, environmentDim } = config;
  return {
    images: cameras.map(({ height, width }, i) => graph.input(`image.${i}`, "float32", [batch, 3, height, width])),
    state: stateDim > 0 ? graph.input("state", "float32", [batch, stateDim]) : null,
    environment: environmentDim > 0 ? graph.input("environment", "float32", [batch, environmentDim]) : null,
  };
}

/** float[batch, tokens, width] as the reference orders it: [tokens, batch, width]. */
function tokensFirst(x: Tensor): Tensor {
  return transpose(x, [1, 0, 2]);
}

export type ActGraph = { readonly graph: Graph; readonly recipes: ReadonlyMap<string, Recipe> };

/**
 * Inputs "image.<i>", "state" and "environment", normalised; output "actions" float[batch, chunk, actionDim], and under the names
 * of the golden set what lies between.
 */
export function actGraph(config: ActConfig, batch = 1): ActGraph {
  const graph = new Graph("act");
  const recipes = new Map<string, Recipe>();
  const latent = graph.constant(new Float32Array(batch * config.latentDim), "float32", [batch, config.latentDim]);
  const out = actModel(
    new Net(graph),
    config,
    { ...observationInputs(graph, config, batch), latent },
    {
      form: "folded",
      recipes,
    },
  );
  config.cameras.forEach((_, i) => {
    graph.output(`bn1.${i}`, out.stems[i] as Tensor);
    graph.output(`backbone_layer4.${i}`, out.features[i] as Tensor);
    graph.output(`img_proj.${i}`, out.projected[i] as Tensor);
  });
  graph.output("encoder_tokens", tokensFirst(out.tokens));
  graph.output("encoder_pos", tokensFirst(out.positions));
  out.encoderLayers.forEach((layer, i) => graph.output(`encoder_layer${i}`, tokensFirst(layer)));
  graph.output("encoder_out", tokensFirst(out.encoded));
  graph.output("decoder_out", tokensFirst(out.decoded));
  graph.output("actions", out.actions);
  return { graph, recipes };
}

export type ActLoss = { readonly graph: Graph; readonly loss: Tensor };

/**
 * The loss of a batch (LeRobot's `ACTPolicy.forward`): absolute error averaged over steps that are no padding, plus the weighted
 * divergence of the latent from a standard normal. Further inputs: "action" float[batch, chunk, actionDim] (normalised),
 * "action_is_pad" bool[batch, chunk], "latent_noise" float[batch, latentDim]. Dropout is left out. Normalisation in the backbone
 * is not trained: LeRobot freezes scale, shift and statistics.
 */
export function actLossGraph(config: ActConfig, batch: number): ActLoss {
  const graph = new Graph("act-loss");
  const net = new Net(graph, { trainable: (name) => !isFrozen(name) });
  const observation = observationInputs(graph, config, batch);
  const target = graph.input("action", "float32", [batch, config.chunk, config.actionDim]);
  const isPad = graph.input("action_is_pad", "bool", [batch, config.chunk]);
  const read = config.vae ? actLatent(net, config, observation.state, target, isPad) : null;
  const zeros = graph.constant(new Float32Array(batch * config.latentDim), "float32", [batch, config.latentDim]);
  const latent =
    read === null
      ? zeros
      : add(read.mu, mul(exp(mul(read.logVariance, 0.5)), graph.input("latent_noise", "float32", zeros.shape)));
  const { actions } = actModel(net, config, { ...observation, latent }, { form: "trained", recipes: new Map() });
  const valid = reshape(cast(not(isPad), "float32"), [batch, config.chunk, 1]);
  const count = maximum(mul(sum(valid), config.actionDim), 1);
  const l1 = graph.output("l1_loss", div(sum(mul(abs(sub(actions, target)), valid)), count));
  graph.output("actions_hat", actions);
  if (read === null) return { graph, loss: graph.output("loss", l1) };
  const { mu, logVariance } = read;
  const terms = mul(sub(sub(add(logVariance, 1), mul(mu, mu)), exp(logVariance)), -0.5);
  const divergence = graph.output("kld_loss", mean(sum(terms, -1)));
  graph.output("mu", mu);
  graph.output("log_sigma_x2", logVariance);
  return { graph, loss: graph.output("loss", add(l1, mul(divergence, config.klWeight))) };
}

/** FrozenBatchNorm2d and positions are buffers. */
function isFrozen(name: string): boolean {
  return /^model\.backbone\..*(bn\d|downsample\.1)\./.test(name) || name === "model.vae_encoder_pos_enc";
}
