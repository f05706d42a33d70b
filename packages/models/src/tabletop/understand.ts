/**
 * What the words ask for: which skill, and thing by thing of what to act on, of where to put it, and of the landmark that each
 * of them is told by. Learned from sentences alone; what of it stands on the table is for the pointer to find (point.ts).
 */
import { concat, type Graph, logSoftmax, split, type Tensor } from "@bidden/tensor";
import { dense, norm } from "../blocks/layers.ts";
import { CHANNELS, PLACINGS, SKILLS, TEXT_INTENTS, type TabletopConfig } from "./config.ts";
import { queryAt, type QueryName } from "./listen.ts";
import { range, token } from "./slices.ts";

/** Who is described: the channels, then the landmark of each. */
export const DESCRIBED = ["act", "place", "actLandmark", "placeLandmark"] as const;
const QUERY_OF: Readonly<Record<(typeof DESCRIBED)[number], QueryName>> = {
  act: "act",
  place: "place",
  actLandmark: "landmark",
  placeLandmark: "other",
};

/** After an attribute's values: nothing is said of it; something is said that no thing here is (*pink*). */
export const UNSAID = 0;
export const STRANGE = 1;
const EXTRA = 2;

export type Understood = {
  /** By attribute, float32[sentences, DESCRIBED, values + 2]: log probabilities of what is asked for, of UNSAID, of STRANGE. */
  readonly attributes: readonly Tensor[];
  /** float32[sentences, DESCRIBED, all values side by side + 1]: log probabilities of what it must not be, last: of nothing. */
  readonly excluded: Tensor;
  /** float32[sentences, CHANNELS, PLACINGS + 1]: log probabilities, last: its place does not matter. */
  readonly placing: Tensor;
  /** float32[sentences, TEXT_INTENTS] and float32[sentences, SKILLS]: logits. */
  readonly intent: Tensor;
  readonly skill: Tensor;
};

/** What of it the picture is asked about: all but what the sentence tells by itself. */
export type Sought = Omit<Understood, "intent">;

/** Numbers of one described thing's attributes, side by side. */
export function askedWidth(config: TabletopConfig): number {
  return valuesOf(config) + config.attributes.length * EXTRA;
}

export function valuesOf(config: TabletopConfig): number {
  return config.attributes.reduce((sum, { values }) => sum + values.length, 0);
}

/** @param said float32[sentences, QUERIES, width]: the sentence as the queries read it */
export function understand(graph: Graph, config: TabletopConfig, said: Tensor): Understood {
  const normed = norm(said);
  const of = (name: QueryName): Tensor => range(normed, 1, queryAt(name), queryAt(name) + 1);
  const described = concat(
    DESCRIBED.map((name) => of(QUERY_OF[name])),
    1,
  );
  const channels = range(described, 1, 0, CHANNELS.length);
  const asked = split(
    dense(graph, "understand.attributes", described, askedWidth(config)),
    config.attributes.map(({ values }) => values.length + EXTRA),
    -1,
  );
  return {
    attributes: asked.map((one) => logSoftmax(one, -1)),
    excluded: logSoftmax(dense(graph, "understand.excluded", described, valuesOf(config) + 1), -1),
    placing: logSoftmax(dense(graph, "understand.placing", channels, PLACINGS.length + 1), -1),
    intent: dense(graph, "intent.text", token(normed, queryAt("intent")), TEXT_INTENTS.length),
    skill: dense(graph, "skill", token(normed, queryAt("skill")), SKILLS.length),
  };
}

/** Shapes of what is sought for `sentences`, by names under which it goes from one graph to another. */
function shapesOf(config: TabletopConfig, sentences: number): Readonly<Record<string, readonly number[]>> {
  const described = [sentences, DESCRIBED.length];
  return {
    ...Object.fromEntries(
      config.attributes.map(({ name, values }) => [`words.${name}`, [...described, values.length + EXTRA]]),
    ),
    "words.excluded": [...described, valuesOf(config) + 1],
    "words.placing": [sentences, CHANNELS.length, PLACINGS.length + 1],
    "words.skill": [sentences, SKILLS.length],
  };
}

/** Makes outputs of what was understood, for a graph that begins with `understoodInputs`. */
export function understoodOutputs(graph: Graph, config: TabletopConfig, understood: Understood): void {
  const { attributes, excluded, placing, skill } = understood;
  const parts = [...attributes, excluded, placing, skill];
  Object.keys(shapesOf(config, 1)).forEach((name, i) => graph.output(name, parts[i] as Tensor));
}

/** What was understood elsewhere, as inputs: one reading serves many pictures. */
export function understoodInputs(graph: Graph, config: TabletopConfig, sentences: number): Sought {
  const parts = Object.entries(shapesOf(config, sentences)).map(([name, shape]) => graph.input(name, "float32", shape));
  const [excluded, placing, skill] = parts.slice(config.attributes.length) as [Tensor, Tensor, Tensor];
  return { attributes: parts.slice(0, config.attributes.length), excluded, placing, skill };
}
