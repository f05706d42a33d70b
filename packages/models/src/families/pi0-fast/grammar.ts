/**
 * Constrained decoding: "Action: ", then tokens that stand for actions as long as coefficients are missing and never more of
 * them than are missing, then "|". Whatever the model prefers, the answer has the size of a chunk.
 */
import { type ActionWords, type ChunkSize, type FastText, mirrored } from "./actions.ts";
import type { Grammar } from "./model.ts";

/** Which text ids may follow, given those generated. */
export function chunkGrammar(words: ActionWords, fast: FastText, { horizon, dim }: ChunkSize): Grammar {
  const wanted = horizon * dim;
  const lengths = new Map<number, number>();
  for (let id = 0; id < fast.vocabulary; id++) {
    const text = fast.decode([id]);
    const count = Array.from(text).length;
    // A token that is part of a character would leave its other part to chance.
    if (count > 0 && !text.includes("\ufffd")) lengths.set(mirrored(id, words), count);
  }
  const byMissing = new Map<number, ReadonlySet<number>>();
  return (generated) => {
    const forced = words.prefix[generated.length];
    if (forced !== undefined) return new Set([forced]);
    const said = generated.slice(words.prefix.length).reduce((sum, id) => sum + (lengths.get(id) ?? 0), 0);
    const missing = wanted - said;
    if (missing === 0) return new Set([words.end]);
    const longest = Math.max(...lengths.values());
    const key = Math.min(missing, longest);
    const known = byMissing.get(key) ?? new Set([...lengths].flatMap(([id, count]) => (count <= missing ? [id] : [])));
    byMissing.set(key, known);
    return known;
  };
}
