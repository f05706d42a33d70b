/**
 * The training objective of the tabletop policy: what each row of a batch teaches, as one weighted sum.
 *
 * Rows come from demonstrations (everything is taught) and from questions about a picture (no action is taught). Weights are
 * inputs, so that both kinds share one graph: a weight of 0 leaves a term out of a row.
 */
import {
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
  slice,
  softplus,
  square,
  sub,
  sum,
  type Tensor,
} from "@bidden/tensor";

/** Names, element types and shapes (without the batch axis) of the targets, beside the policy's own inputs. */
export function targetShapes(config: TabletopConfig): Readonly<Record<string, readonly number[]>> {
  const { patches } = tabletopSizes(config);
  const { horizon, actionDim } = config;
  const values = config.attributes.reduce((sum, attribute) => sum + attribute.values.length, 0);
  return {
    /** Where each channel should point: a distribution over patches and "nowhere". */
    pointTarget: [2, patches + 1],
    pointWeight: [2],
    /** The thing's centre, metres, base frame. */
    placeTarget: [2, 3],
    placeWeight: [2],
    /** Normalised actions, and a weight for each step of the chunk. */
    actionTarget: [horizon, actionDim],
    actionWeight: [horizon],
    /** Noise and time of the flow head. */
    flowNoise: [horizon, actionDim],
    flowTime: [1],
    doneTarget: [1],
    doneWeight: [1],
    textIntentTarget: [TEXT_INTENTS.length],
    sceneIntentTarget: [SCENE_INTENTS.length],
    skillTarget: [SKILLS.length],
    answerTarget: [config.answers.length],
    /** What each patch shows, by attribute with "nothing" last, side by side; and how much a patch counts. */
    seenTarget: [patches, values + config.attributes.length],
    seenWeight: [patches],
    /** What is asked for, per channel, by attribute side by side. */
    askedTarget: [2, values],
  };
}

const WEIGHTS = {
  point: 1,
  place: 4,
  regression: 4,
  flow: 0.5,
  done: 0.3,
  textIntent: 0.3,
  sceneIntent: 0.5,
  skill: 0.1,
  answer: 0.3,
  seen: 1,
  asked: 0.3,
} as const;

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

/** Builds the forward pass and the loss for batches of `batch` rows. */
export function tabletopObjective(config: TabletopConfig, batch: number): Objective {
  const graph = new Graph("tabletop-train");
  const inputs = tabletopInputs(graph, config, batch);
  const target: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(targetShapes(config))) {
    target[name] = graph.input(name, "float32", [batch, ...shape]);
  }
  const given = (name: string): Tensor => target[name] as Tensor;
  const out = tabletopBackbone(graph, config, inputs);

  const pointRows = sum(mul(neg(logSoftmax(out.pointer, -1)), given("pointTarget")), -1);
  const point = weightedMean(pointRows, given("pointWeight"));

  // Each patch that shows the thing guesses its centre; the average of the guesses is supervised too. Unit: 5 cm.
  const patches = inputs.rays.shape[1] as number;
  const centre = reshape(given("placeTarget"), [batch, 2, 1, 3]);
  const guessErrors = mean(square(mul(sub(out.guesses, centre), 20)), -1);
  const shows = mul(
    slice(given("pointTarget"), { axis: 2, end: patches }),
    reshape(given("placeWeight"), [batch, 2, 1]),
  );
  const guess = weightedMean(guessErrors, shows);
  const averageErrors = mean(abs(mul(sub(out.coordinates, given("placeTarget")), 20)), -1);
  const place = add(guess, mul(weightedMean(averageErrors, given("placeWeight")), 0.5));

  const stepWeight = given("actionWeight");
  const chunk = regressionHead(graph, config, out.actions);
  const regression = weightedMean(mean(abs(sub(chunk, given("actionTarget"))), -1), stepWeight);

  const time = reshape(given("flowTime"), [batch, 1, 1]);
  const noisy = add(mul(given("actionTarget"), time), mul(given("flowNoise"), sub(1, time)));
  const velocity = flowHead(graph, config, out.actions, noisy, given("flowTime"));
  const wanted = sub(given("actionTarget"), given("flowNoise"));
  const flow = weightedMean(mean(square(sub(velocity, wanted)), -1), stepWeight);

  const terms: Record<keyof typeof WEIGHTS, Tensor> = {
    point,
    place,
    regression,
    flow,
    done: weightedMean(binaryCrossEntropy(out.done, given("doneTarget")), given("doneWeight")),
    textIntent: crossEntropy(out.textIntent, given("textIntentTarget")),
    sceneIntent: crossEntropy(out.sceneIntent, given("sceneIntentTarget")),
    skill: crossEntropy(out.skill, given("skillTarget")),
    answer: crossEntropy(out.answer, given("answerTarget")),
    seen: weightedMean(sum(mul(neg(concat(out.attributes.seen, -1)), given("seenTarget")), -1), given("seenWeight")),
    asked: div(
      sum(mul(neg(concat(out.attributes.asked, -1)), given("askedTarget"))),
      add(sum(given("askedTarget")), 1e-3),
    ),
  };
  let loss = graph.constant(0);
  for (const [name, term] of Object.entries(terms)) loss = add(loss, mul(term, WEIGHTS[name as keyof typeof WEIGHTS]));
  return { graph, loss, metrics: terms };
}
