/**
 * Actions as tokens: every dimension is one of 255 values, named by one of the last 256 ids of the text vocabulary, counted
 * from its end (openvla: prismatic/vla/action_tokenizer.py).
 */

export type ActionBins = {
  readonly bins: number;
  /** Ids of the text vocabulary; the padding of the embedding does not count. */
  readonly baseVocabulary: number;
};

/** Edge i of equal bins over [-1, 1], as numpy.linspace has it. */
function edge(i: number, bins: number): number {
  return i === bins - 1 ? 1 : -1 + i * (2 / (bins - 1));
}

/**
 * The value of an id. The reference clips whatever id won, so that ids that are no actions become an extreme one: `isAction`
 * tells them apart. The first and last of the 256 ids share their value with a neighbour.
 */
export function valueOfId(id: number, { bins, baseVocabulary }: ActionBins): number {
  const index = Math.min(bins - 2, Math.max(0, baseVocabulary - id - 1));
  return (edge(index, bins) + edge(index + 1, bins)) / 2;
}

/** Whether an id is one of the last `bins` of the text vocabulary. */
export function isAction(id: number, { bins, baseVocabulary }: ActionBins): boolean {
  return id >= baseVocabulary - bins && id < baseVocabulary;
}

/** The id that training writes for a value in [-1, 1]; values outside are clipped. */
export function idOfValue(value: number, { bins, baseVocabulary }: ActionBins): number {
  const clipped = Math.min(1, Math.max(-1, value));
  let index = 0;
  while (index < bins && edge(index, bins) <= clipped) index++;
  return baseVocabulary - index;
}

/** The largest of logits; the first of equal ones. */
export function argMax(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if ((logits[i] as number) > (logits[best] as number)) best = i;
  return best;
}
