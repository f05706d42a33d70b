/** Byte-pair merging: the best pair of neighbours is joined, again and again, the leftmost of equals first. */

type Candidate = { readonly score: number; readonly left: number; readonly text: string };

/**
 * @param symbols the text's characters or bytes, in order; null is never merged (a symbol that stands for itself)
 * @param scoreOf how good a merge of two neighbours is, the largest first; undefined where they do not merge
 */
export function mergePairs(
  symbols: readonly string[],
  scoreOf: (left: string, right: string) => number | undefined,
  fixed: ReadonlySet<number> = new Set(),
): string[] {
  const text: (string | null)[] = [...symbols];
  const next = symbols.map((_, i) => i + 1);
  const previous = symbols.map((_, i) => i - 1);
  const heap = new Heap();
  const consider = (left: number): void => {
    const right = next[left] ?? text.length;
    if (left < 0 || right >= text.length || fixed.has(left) || fixed.has(right)) return;
    const score = scoreOf(text[left] as string, text[right] as string);
    if (score !== undefined) heap.push({ score, left, text: `${text[left]}${text[right]}` });
  };
  for (let i = 0; i < text.length; i++) consider(i);
  for (let best = heap.pop(); best !== undefined; best = heap.pop()) {
    const { left } = best;
    const right = next[left] as number;
    // Stale: one of the two has been merged with another since.
    if (text[left] === null || right >= text.length || `${text[left]}${text[right]}` !== best.text) continue;
    text[left] = best.text;
    text[right] = null;
    next[left] = next[right] as number;
    if (next[left] < text.length) previous[next[left]] = left;
    consider(previous[left] as number);
    consider(left);
  }
  return text.filter((part): part is string => part !== null);
}

/** A binary heap: the best score first, of equals the leftmost. */
class Heap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(items[at] as Candidate, items[parent] as Candidate)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const [top] = items;
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    items[0] = last;
    for (let at = 0; ; ) {
      let best = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < items.length && before(items[child] as Candidate, items[best] as Candidate)) best = child;
      }
      if (best === at) return top;
      this.#swap(at, best);
      at = best;
    }
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    [items[a], items[b]] = [items[b] as Candidate, items[a] as Candidate];
  }
}

function before(a: Candidate, b: Candidate): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}
