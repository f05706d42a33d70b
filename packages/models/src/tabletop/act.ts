/**
 * From places to motion: where the things are (seen, or pointed out by a person), what they look like there, the body's state
 * and the skill become one latent for each action of the chunk.
 */
import {
  add,
  addAll,
  concat,
  cos,
  detach,
  div,
  type Graph,
  silu,
  matmul,
  mul,
  neg,
  reshape,
  sin,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
} from "@bidden/tensor";
import { crossLayer, dense, norm } from "../blocks/layers.ts";
import type { BackboneInputs } from "./backbone.ts";
import type { TabletopConfig } from "./config.ts";
import { learned } from "./listen.ts";
import { type Pointer, squaredDistance } from "./point.ts";
import { presence, type Seen } from "./see.ts";
import { range, token, tokens } from "./slices.ts";

export type Motion = {
  /** float32[b, horizon, width]: one latent for each action. */
  readonly actions: Tensor;
  /** float32[b, 1]: logit of "it is done". */
  readonly done: Tensor;
};

/** Patches whose thing is farther from a place than about this say nothing of what is there, metres. */
const THERE_M = 0.025;

/**
 * @param pointer of the sentences that are acted upon, one a picture
 * @param skill float32[b, SKILLS]: probabilities of what is asked for
 */
export function move(
  graph: Graph,
  config: TabletopConfig,
  inputs: BackboneInputs,
  { seen, pointer, skill }: { seen: Seen; pointer: Pick<Pointer, "coordinates" | "nowhere">; skill: Tensor },
): Motion {
  const { width, horizon, heads, mlpWidth, motorWidth } = config;
  const batch = inputs.tool.shape[0] as number;
  const { places, present } = placesOf(inputs, pointer);
  const there = softmax(sub(reshape(detach(presence(seen)), [batch, 1, -1]), distanceTerm(places, seen)), -1);
  const looks = mul(matmul(there, seen.features), present);
  const kinds = mul(matmul(there, seen.described), present);

  const known = [geometry(graph, inputs, places, present), flat(kinds), inputs.proprio, skill];
  const framed = dense(graph, "motor.frame", pushFrame(inputs, places, present), motorWidth, { bias: false });
  const fine = dense(graph, "motor.fine", finely(inputs, places, present), motorWidth, { bias: false, std: 0.02 });
  const first = silu(addAll([dense(graph, "motor.0", concat(known, 1), motorWidth), framed, fine]));
  const second = add(first, silu(dense(graph, "motor.1", first, motorWidth)));
  const motor = reshape(dense(graph, "motor.2", second, width), [batch, 1, width]);
  let latents = concat([learned(graph, "latents.actions", batch, horizon, width), motor, looks], 1);
  latents = add(latents, motor);
  for (let layer = 0; layer < config.latentLayers; layer++) {
    const memory = concat([norm(latents), seen.memory], 1);
    latents = crossLayer(graph, `latents.${layer}`, latents, memory, { heads, mlpWidth });
  }
  latents = norm(latents);
  return {
    actions: add(tokens(latents, 0, horizon), motor),
    done: dense(graph, "done", token(latents, horizon), 1),
  };
}

/** The places that count, hints before the pointer's own, and whether there is anything. The motor loss does not teach the pointer: gradients stop here. */
function placesOf(
  inputs: BackboneInputs,
  pointer: Pick<Pointer, "coordinates" | "nowhere">,
): { readonly places: Tensor; readonly present: Tensor } {
  const keep = sub(1, inputs.hintMask);
  return {
    places: add(mul(inputs.hints, inputs.hintMask), mul(detach(pointer.coordinates), keep)),
    present: add(inputs.hintMask, mul(keep, sub(1, detach(pointer.nowhere)))),
  };
}

function distanceTerm(places: Tensor, seen: Seen): Tensor {
  return mul(squaredDistance(places, detach(seen.guesses)), 0.5 / THERE_M ** 2);
}

/** [b, n, d] -> [b, n * d] */
function flat(x: Tensor): Tensor {
  return reshape(x, [x.shape[0] as number, -1]);
}

/**
 * Where things are, as the motor skill needs it: [b, 38]. Coarse (about 20 cm), fine (about 3 cm) and finest (about 1 cm)
 * views of act and place relative to the table, to the tool and to each other, faded out where there is nothing.
 */
function geometry(graph: Graph, inputs: BackboneInputs, places: Tensor, present: Tensor): Tensor {
  const batch = inputs.tool.shape[0] as number;
  const middle = graph.constant([0.5, 0, 0.05], "float32", [1, 1, 3]);
  const fromTool = sub(places, reshape(inputs.tool, [batch, 1, 3]));
  const between = sub(range(places, 1, 1, 2), range(places, 1, 0, 1));
  const views = concat(
    [mul(sub(places, middle), 5), mul(fromTool, 5), tanh(mul(fromTool, 30)), tanh(mul(fromTool, 100))],
    2,
  );
  const both = concat([mul(views, present), present], 2);
  const bothPresent = mul(range(present, 1, 0, 1), range(present, 1, 1, 2));
  const apart = mul(concat([mul(between, 5), tanh(mul(between, 20)), tanh(mul(between, 80))], 2), bothPresent);
  return concat([flat(both), flat(apart)], 1);
}

/**
 * Distances in the plane, and the tool in the frame of a push: along the line from act to place and across it. Products of
 * coordinates like these are what a small network is slow to learn by itself. [b, 16]
 */
function pushFrame(inputs: BackboneInputs, places: Tensor, present: Tensor): Tensor {
  const batch = inputs.tool.shape[0] as number;
  const planar = range(places, 2, 0, 2);
  const [act, place] = [range(planar, 1, 0, 1), range(planar, 1, 1, 2)];
  const fromTool = sub(planar, reshape(range(inputs.tool, 1, 0, 2), [batch, 1, 2]));
  const away = planarLength(fromTool);
  const reach = mul(concat([mul(away, 5), tanh(mul(away, 30)), tanh(mul(away, 100))], 2), present);

  const line = sub(place, act);
  const toGo = planarLength(line);
  const ahead = div(line, toGo);
  const [ux, uy] = [range(ahead, 2, 0, 1), range(ahead, 2, 1, 2)];
  const fromAct = neg(range(fromTool, 1, 0, 1));
  const [rx, ry] = [range(fromAct, 2, 0, 1), range(fromAct, 2, 1, 2)];
  const along = add(mul(rx, ux), mul(ry, uy));
  const across = sub(mul(ry, ux), mul(rx, uy));
  const stand = concat([along, across], 2);
  const views = [ahead, mul(toGo, 5), tanh(mul(toGo, 20)), mul(stand, 5), tanh(mul(stand, 30)), tanh(mul(stand, 100))];
  const bothPresent = mul(range(present, 1, 0, 1), range(present, 1, 1, 2));
  return concat([flat(reach), flat(mul(concat(views, 2), bothPresent))], 1);
}

/** Wavelengths at which places are told, metres: what turns on millimetres, such as how far a drawer is open. */
const WAVELENGTHS_M = [0.24, 0.12, 0.06];

/** Tool and act in sines and cosines, as a small network hardly tells millimetres by itself (Tancik et al. 2020): [b, 36] */
function finely(inputs: BackboneInputs, places: Tensor, present: Tensor): Tensor {
  const batch = inputs.tool.shape[0] as number;
  const act = waves(reshape(range(places, 1, 0, 1), [batch, 3]));
  return concat([waves(inputs.tool), mul(act, reshape(range(present, 1, 0, 1), [batch, 1]))], 1);
}

/** [b, 3] -> [b, 18] */
function waves(place: Tensor): Tensor {
  const phases = concat(
    WAVELENGTHS_M.map((wavelength) => mul(place, (2 * Math.PI) / wavelength)),
    1,
  );
  return concat([sin(phases), cos(phases)], 1);
}

/** |v| over the last axis, kept away from 0: [..., 2] -> [..., 1], metres. */
function planarLength(v: Tensor): Tensor {
  return sqrt(add(sum(square(v), -1, { keepDims: true }), 1e-6));
}
