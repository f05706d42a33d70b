/**
 * The backbone of the tabletop policy, in the order in which it thinks:
 *
 * 1. see: patches become features that say what is where, whatever is asked (see.ts);
 * 2. listen: learned queries read the sentence (once an instruction), then look at what was seen (listen.ts); what the words ask
 *    for is told from the sentence alone (understand.ts);
 * 3. point: what to act on and where to put it, by what is shown, by where it is, or "nowhere" (point.ts);
 * 4. move: the places, the body and the skill become a latent for each action (act.ts).
 *
 * Seeing does not depend on the sentence, so that several sentences about one picture are learned from at the price of
 * little more than one.
 */
import { add, concat, detach, exp, type Graph, silu, softmax, reshape, type Tensor } from "@bidden/tensor";
import { dense } from "../blocks/layers.ts";
import { move } from "./act.ts";
import { CHANNELS, SCENE_INTENTS, type TabletopConfig } from "./config.ts";
import { tabletopSizes } from "./inputs.ts";
import { ground, QUERIES, queryAt } from "./listen.ts";
import { type Pointer, point } from "./point.ts";
import { type Seen, see } from "./see.ts";
import { firstOf, range, token, tokens } from "./slices.ts";
import type { Sought } from "./understand.ts";

/** b pictures, k sentences about each of them; the first of each k is the one that is acted upon. */
export type BackboneInputs = {
  /** uint8[b, windows, windowBytes] */
  readonly windows: Tensor;
  /** float32[b, patches, 3] */
  readonly rays: Tensor;
  /** float32[b, proprio] */
  readonly proprio: Tensor;
  /** float32[b, 3] */
  readonly tool: Tensor;
  /** float32[b, 2, 3]: places that replace the pointer's coordinates where hintMask is 1; metres, base frame. */
  readonly hints: Tensor;
  /** float32[b, 2, 1] */
  readonly hintMask: Tensor;
};

/** What was made of the sentences. */
export type Read = { readonly said: Tensor; readonly understood: Sought };

export type BackboneOutputs = {
  readonly seen: Seen;
  readonly pointer: Pointer;
  /** float32[b, horizon, width]: one latent for each action. */
  readonly actions: Tensor;
  /** float32[b, 1] */
  readonly done: Tensor;
  /** float32[b * k, SCENE_INTENTS] */
  readonly sceneIntent: Tensor;
  /** float32[b * k, answers] */
  readonly answer: Tensor;
};

export function tabletopInputs(graph: Graph, config: TabletopConfig, batch: number): BackboneInputs {
  const { patches, windows, windowBytes, proprio } = tabletopSizes(config);
  return {
    windows: graph.input("windows", "uint8", [batch, windows, windowBytes]),
    rays: graph.input("rays", "float32", [batch, patches, 3]),
    proprio: graph.input("proprio", "float32", [batch, proprio]),
    tool: graph.input("tool", "float32", [batch, 3]),
    hints: graph.input("hints", "float32", [batch, 2, 3]),
    hintMask: graph.input("hintMask", "float32", [batch, 2, 1]),
  };
}

/** Shape of what `listen` gives for a sentence, without the batch axis. */
export function saidShape({ width }: TabletopConfig): readonly [number, number] {
  return [QUERIES.length, width];
}

/**
 * The whole backbone for a batch.
 *
 * @param said float32[b * k, QUERIES, width]: the sentences as `listen` read them
 * @param understood what they ask for, as `understand` tells it from `said`
 */
export function tabletopBackbone(
  graph: Graph,
  config: TabletopConfig,
  inputs: BackboneInputs,
  { said, understood }: Read,
): BackboneOutputs {
  const batch = inputs.tool.shape[0] as number;
  const each = (said.shape[0] as number) / batch;
  const seen = see(graph, config, inputs);
  const grounded = ground(graph, config, said, seen.memory);
  const pointer = point(graph, config, seen, { heard: tokens(grounded, 0, CHANNELS.length), understood });
  // Motion hears the words only as what was understood, so that a new verb moves the arm as a known one does.
  const skill = detach(softmax(understood.skill, -1));
  const acted = { coordinates: firstOf(pointer.coordinates, each), nowhere: firstOf(pointer.nowhere, each) };
  const { actions, done } = move(graph, config, inputs, { seen, pointer: acted, skill: firstOf(skill, each) });
  return {
    seen,
    pointer,
    actions,
    done,
    sceneIntent: sceneIntent(graph, pointer, understood, concat([token(grounded, queryAt("intent")), skill], 1)),
    answer: dense(graph, "answer", token(grounded, queryAt("answer")), config.answers.length),
  };
}

/** Whether what is asked for is there, once, and fit for the skill: judged by how the pointer came out. */
function sceneIntent(graph: Graph, pointer: Pointer, { attributes }: Sought, heard: Tensor): Tensor {
  const sentences = heard.shape[0] as number;
  const asked = exp(range(concat(attributes, 2), 1, 0, CHANNELS.length));
  const doubts = detach(concat([pointer.elsewhere, pointer.nowhere, pointer.bestFit], 2));
  const flat = reshape(doubts, [sentences, 3 * CHANNELS.length]);
  const hidden = silu(
    dense(graph, "intent.scene.in", concat([flat, reshape(detach(asked), [sentences, -1]), heard], 1), 64),
  );
  const direct = dense(graph, "intent.scene.doubts", flat, SCENE_INTENTS.length, { bias: false });
  return add(dense(graph, "intent.scene.out", hidden, SCENE_INTENTS.length), direct);
}
