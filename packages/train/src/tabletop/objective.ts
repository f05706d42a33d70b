/**
 * The training objective of the tabletop policy: what each row of a batch teaches, as one weighted sum.
 *
 * Rows come from demonstrations (everything is taught) and from questions about a picture (no action is taught). Weights are
 * inputs, so that both kinds share one graph: a weight of 0 leaves a term out of a row.
 */
import {
  type BackboneOutputs,
  flowHead,
  regressionHead,
  SCENE_INTENTS,
  SKILLS,
  TEXT_INTENTS,
  type TabletopConfig,
  tabletopBackbone,
  tabletopInputs,
  tabletopSizes,
} from "@bidden/models";
import {
  abs,
  add,
  concat,
  div,
  Graph,
  logSoftmax,
  mean,
  mul,
  neg,
  reshape,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
} from "@bidden/tensor";

/** Shapes of the targets, without the leading axis: some go with a picture, some with each sentence about it. */
export type TargetShapes = {
  readonly picture: Readonly<Record<string, readonly number[]>>;
  readonly sentence: Readonly<Record<string, readonly number[]>>;
};

export function targetShapes(config: TabletopConfig): TargetShapes {
  const { patches } = tabletopSizes(config);
  const { horizon, actionDim } = config;
  const values = config.attributes.reduce((sum, attribute) => sum + attribute.values.length, 0);
  return {
    picture: {
      /** What each patch shows if it shows a thing, by attribute side by side; and how much a patch counts. */
      seenTarget: [patches, values],
      seenWeight: [patches],
      presentTarget: [patches],
      /** Centre of the thing that a patch shows, metres, base frame. */
      guessTarget: [patches, 3],
      guessWeight: [patches],
      /** Normalised actions, and a weight for each step of the chunk. */
      actionTarget: [horizon, actionDim],
      actionWeight: [horizon],
      /** Noise and time of the flow head. */
      flowNoise: [horizon, actionDim],
      flowTime: [1],
      doneTarget: [1],
      doneWeight: [1],
    },
    sentence: {
      /** Where each channel should point: a distribution over patches and "nowhere". */
      pointTarget: [2, patches + 1],
      pointWeight: [2],
      /** The thing's centre, metres, base frame. */
      placeTarget: [2, 3],
      placeWeight: [2],
      textIntentTarget: [TEXT_INTENTS.length],
      sceneIntentTarget: [SCENE_INTENTS.length],
      skillTarget: [SKILLS.length],
      answerTarget: [config.answers.length],
      /** What is asked for, per channel, by attribute with "none of these" last, side by side. */
      askedTarget: [2, values + config.attributes.length],
    },
  };
}

const WEIGHTS = {
  point: 1,
  guess: 0.2,
  place: 0.05,
  regression: 4,
  flow: 0.5,
  done: 0.3,
  textIntent: 0.3,
  sceneIntent: 0.5,
  skill: 0.1,
  answer: 0.3,
  seen: 0.7,
  present: 0.5,
  asked: 0.3,
} as const;

/** Distances from here on count in proportion, below it squared: what a grasp forgives, metres. */
const SMOOTH_M = 0.005;

/** Cross-entropy of rows with target distributions; rows whose target is all zero count nothing. [b, n] -> scalar. */
function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  const rows = sum(mul(neg(logSoftmax(logits, -1)), target), -1);
  return div(sum(rows), add(sum(target), 1e-3));
}

/** Binary cross-entropy with logits: softplus(x) - x y. */
function binaryCrossEntropy(logits: Tensor, target: Tensor): Tensor {
  return sub(softplus(logits), mul(logits, target));
}

function weightedMean(values: Tensor, weights: Tensor): Tensor {
  return div(sum(mul(values, weights)), add(sum(weights), 1e-3));
}

export type Objective = {
  readonly graph: Graph;
  readonly loss: Tensor;
  readonly metrics: Readonly<Record<string, Tensor>>;
};

/** Distance as the loss counts it, in units of SMOOTH_M: the pseudo-Huber loss of the error, summed over the last axis. */
function distanceLoss(error: Tensor): Tensor {
  return sub(sqrt(add(sum(square(mul(error, 1 / SMOOTH_M)), -1), 1)), 1);
}

/** Builds the forward pass and the loss for batches of `batch` pictures with `sentences` about each. */
export function tabletopObjective(config: TabletopConfig, batch: number, sentences: number): Objective {
  const graph = new Graph("tabletop-train");
  const inputs = tabletopInputs(graph, config, batch, sentences);
  const target: Record<string, Tensor> = {};
  const shapes = targetShapes(config);
  for (const [name, shape] of Object.entries(shapes.picture)) {
    target[name] = graph.input(name, "float32", [batch, ...shape]);
  }
  for (const [name, shape] of Object.entries(shapes.sentence)) {
    target[name] = graph.input(name, "float32", [batch * sentences, ...shape]);
  }
  const given = (name: string): Tensor => target[name] as Tensor;
  const out = tabletopBackbone(graph, config, inputs);
  const terms: Record<keyof typeof WEIGHTS, Tensor> = {
    ...seeing(out, given),
    ...pointing(out, given),
    ...moving(graph, config, out, given),
    done: weightedMean(binaryCrossEntropy(out.done, given("doneTarget")), given("doneWeight")),
    textIntent: crossEntropy(out.textIntent, given("textIntentTarget")),
    sceneIntent: crossEntropy(out.sceneIntent, given("sceneIntentTarget")),
    skill: crossEntropy(out.skill, given("skillTarget")),
    answer: crossEntropy(out.answer, given("answerTarget")),
  };
  let loss = graph.constant(0);
  for (const [name, term] of Object.entries(terms)) loss = add(loss, mul(term, WEIGHTS[name as keyof typeof WEIGHTS]));
  return { graph, loss, metrics: terms };
}

type Given = (name: string) => Tensor;

/** What is where, at every patch. */
function seeing({ seen }: BackboneOutputs, given: Given): Record<"seen" | "present" | "guess", Tensor> {
  const shown = sum(mul(neg(concat(seen.attributes, -1)), given("seenTarget")), -1);
  return {
    seen: weightedMean(shown, given("seenWeight")),
    present: mean(binaryCrossEntropy(seen.present, given("presentTarget"))),
    guess: weightedMean(distanceLoss(sub(seen.guesses, given("guessTarget"))), given("guessWeight")),
  };
}

/** What each sentence speaks of, and where that is. */
function pointing({ pointer }: BackboneOutputs, given: Given): Record<"point" | "place" | "asked", Tensor> {
  const rows = sum(mul(neg(logSoftmax(pointer.logits, -1)), given("pointTarget")), -1);
  return {
    point: weightedMean(rows, given("pointWeight")),
    place: weightedMean(distanceLoss(sub(pointer.coordinates, given("placeTarget"))), given("placeWeight")),
    asked: div(sum(mul(neg(concat(pointer.asked, -1)), given("askedTarget"))), add(sum(given("askedTarget")), 1e-3)),
  };
}

/** The chunk, by both heads. */
function moving(
  graph: Graph,
  config: TabletopConfig,
  { actions }: BackboneOutputs,
  given: Given,
): Record<"regression" | "flow", Tensor> {
  const wanted = given("actionTarget");
  const batch = wanted.shape[0] as number;
  const stepWeight = given("actionWeight");
  const chunk = regressionHead(graph, config, actions);
  const time = reshape(given("flowTime"), [batch, 1, 1]);
  const noisy = add(mul(wanted, time), mul(given("flowNoise"), sub(1, time)));
  const velocity = flowHead(graph, config, actions, noisy, given("flowTime"));
  return {
    regression: weightedMean(mean(abs(sub(chunk, wanted)), -1), stepWeight),
    flow: weightedMean(mean(square(sub(velocity, sub(wanted, given("flowNoise")))), -1), stepWeight),
  };
}
