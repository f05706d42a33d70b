/**
 * The training objective of the tabletop policy: what each row of a batch teaches, as one weighted sum.
 *
 * Reading can be learned from sentences alone (`readingObjective`), seeing from pictures alone (`seeingObjective`).
 *
 * Rows come from demonstrations (everything is taught) and from questions about a picture (no action is taught). Weights are
 * inputs, so that both kinds share one graph: a weight of 0 leaves a term out of a row.
 */
import {
  askedWidth,
  type BackboneOutputs,
  CHANNELS,
  DESCRIBED,
  flowHead,
  listen,
  PLACINGS,
  regressionHead,
  SCENE_INTENTS,
  type Seen,
  see,
  SKILLS,
  TEXT_INTENTS,
  type TabletopConfig,
  tabletopBackbone,
  tabletopInputs,
  tabletopSizes,
  textInputs,
  type Understood,
  understand,
  valuesOf,
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
  return {
    picture: {
      ...seeingShapes(config),
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
      sceneIntentTarget: [SCENE_INTENTS.length],
      answerTarget: [config.answers.length],
      ...readingShapes(config),
    },
  };
}

/** What a picture shows, whatever is asked. */
export function seeingShapes(config: TabletopConfig): Readonly<Record<string, readonly number[]>> {
  const { patches } = tabletopSizes(config);
  return {
    /** What each patch shows if it shows a thing, by attribute side by side; and how much a patch counts. */
    seenTarget: [patches, valuesOf(config)],
    seenWeight: [patches],
    presentTarget: [patches],
    /** Centre of the thing that a patch shows, metres, base frame. */
    guessTarget: [patches, 3],
    guessWeight: [patches],
  };
}

/** What a sentence says by itself. */
export function readingShapes(config: TabletopConfig): Readonly<Record<string, readonly number[]>> {
  return {
    textIntentTarget: [TEXT_INTENTS.length],
    skillTarget: [SKILLS.length],
    /** What is asked for of everything described, by attribute side by side. */
    askedTarget: [DESCRIBED.length, askedWidth(config)],
    /** What it must not be: one of all values, or nothing. */
    excludedTarget: [DESCRIBED.length, valuesOf(config) + 1],
    placingTarget: [CHANNELS.length, PLACINGS.length + 1],
  };
}

const WEIGHTS = {
  point: 1,
  guess: 0.2,
  place: 0.05,
  regression: 4,
  flow: 0.5,
  done: 0.3,
  sceneIntent: 0.5,
  answer: 0.3,
  seen: 0.7,
  present: 0.5,
  textIntent: 0.3,
  skill: 0.2,
  asked: 1,
  excluded: 0.2,
  placing: 0.5,
} as const;
type Term = keyof typeof WEIGHTS;
type ReadingTerm = "textIntent" | "skill" | "asked" | "excluded" | "placing";

/** Distances from here on count in proportion, below it squared: what a grasp forgives, metres. */
const SMOOTH_M = 0.005;

/** Cross-entropy of rows with target distributions; rows whose target is all zero count nothing. [b, n] -> scalar. */
function crossEntropy(logits: Tensor, target: Tensor): Tensor {
  return surprise(logSoftmax(logits, -1), target);
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
  const inputs = tabletopInputs(graph, config, batch);
  const said = listen(graph, config, textInputs(graph, config, batch * sentences));
  const shapes = targetShapes(config);
  const picture = givenOf(graph, shapes.picture, batch);
  const sentence = givenOf(graph, shapes.sentence, batch * sentences);
  const understood = understand(graph, config, said);
  const out = tabletopBackbone(graph, config, inputs, { said, understood });
  const terms: Record<Term, Tensor> = {
    ...seeing(out.seen, picture),
    ...reading(understood, sentence),
    ...pointing(out, sentence),
    ...moving(graph, config, out, picture),
    done: weightedMean(binaryCrossEntropy(out.done, picture("doneTarget")), picture("doneWeight")),
    sceneIntent: crossEntropy(out.sceneIntent, sentence("sceneIntentTarget")),
    answer: crossEntropy(out.answer, sentence("answerTarget")),
  };
  return { graph, loss: weighed(graph, terms), metrics: terms };
}

/** The same for reading alone: sentences without pictures, all parameters named as in the whole. */
export function readingObjective(config: TabletopConfig, sentences: number): Objective & { readonly read: Understood } {
  const graph = new Graph("tabletop-read");
  const said = listen(graph, config, textInputs(graph, config, sentences));
  const read = understand(graph, config, said);
  const terms = reading(read, givenOf(graph, readingShapes(config), sentences));
  return { graph, loss: weighed(graph, terms), metrics: terms, read };
}

/** The same for seeing alone: pictures without sentences. Targets as in `seeingShapes`. */
export function seeingObjective(config: TabletopConfig, pictures: number): Objective {
  const graph = new Graph("tabletop-see");
  const seen = see(graph, config, tabletopInputs(graph, config, pictures));
  const terms = seeing(seen, givenOf(graph, seeingShapes(config), pictures));
  return { graph, loss: weighed(graph, terms), metrics: terms };
}

function weighed(graph: Graph, terms: Partial<Record<Term, Tensor>>): Tensor {
  let loss = graph.constant(0);
  for (const [name, term] of Object.entries(terms)) loss = add(loss, mul(term, WEIGHTS[name as Term]));
  return loss;
}

type Given = (name: string) => Tensor;

/** Targets of a graph, an input each. */
function givenOf(graph: Graph, shapes: Readonly<Record<string, readonly number[]>>, rows: number): Given {
  const target: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(shapes)) target[name] = graph.input(name, "float32", [rows, ...shape]);
  return (name) => target[name] as Tensor;
}

/** What is where, at every patch. */
function seeing(seen: Seen, given: Given): Record<"seen" | "present" | "guess", Tensor> {
  const shown = sum(mul(neg(concat(seen.attributes, -1)), given("seenTarget")), -1);
  return {
    seen: weightedMean(shown, given("seenWeight")),
    present: mean(binaryCrossEntropy(seen.present, given("presentTarget"))),
    guess: weightedMean(distanceLoss(sub(seen.guesses, given("guessTarget"))), given("guessWeight")),
  };
}

/** What each sentence says. */
function reading(read: Understood, given: Given): Record<ReadingTerm, Tensor> {
  return {
    textIntent: crossEntropy(read.intent, given("textIntentTarget")),
    skill: crossEntropy(read.skill, given("skillTarget")),
    asked: surprise(concat(read.attributes, -1), given("askedTarget")),
    excluded: surprise(read.excluded, given("excludedTarget")),
    placing: surprise(read.placing, given("placingTarget")),
  };
}

/** Cross-entropy with log probabilities, over all that is taught. */
function surprise(logShares: Tensor, target: Tensor): Tensor {
  return div(sum(mul(neg(logShares), target)), add(sum(target), 1e-3));
}

/** Where that is which each sentence speaks of. */
function pointing({ pointer }: BackboneOutputs, given: Given): Record<"point" | "place", Tensor> {
  const rows = sum(mul(neg(logSoftmax(pointer.logits, -1)), given("pointTarget")), -1);
  return {
    point: weightedMean(rows, given("pointWeight")),
    place: weightedMean(distanceLoss(sub(pointer.coordinates, given("placeTarget"))), given("placeWeight")),
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
