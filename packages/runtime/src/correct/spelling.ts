/** Forgives typing errors: maps a word to the one known word that is a single slip away. */

export interface Speller {
  isKnown(word: string): boolean;
  /** The known word itself, the one it must have been, or null where none or several are possible. */
  correct(word: string): string | null;
}

/** Shorter words are meant only where two letters have changed places (*rde*): too many others are one slip away. */
const SHORTEST = 4;
const LONGEST = 24;

/** @param meant words that may be corrected to. @param other words that are right as they stand, but never a correction. */
export function createSpeller(meant: Iterable<string>, other: Iterable<string> = []): Speller {
  const targets = new Set(meant);
  const known = new Set([...targets, ...other]);
  const byLength = new Map<number, string[]>();
  for (const word of targets) {
    if (word.length < SHORTEST - 1) continue;
    const list = byLength.get(word.length);
    if (list) list.push(word);
    else byLength.set(word.length, [word]);
  }
  const cache = new Map<string, string | null>();

  const search = (word: string): string | null => {
    const near: string[] = [];
    for (let length = word.length - 1; length <= word.length + 1; length++) {
      for (const target of byLength.get(length) ?? []) {
        const meant = length < SHORTEST ? isSwap(word, target) : isOneSlip(word, target);
        if (meant && beginsAlike(word, target)) near.push(target);
      }
    }
    return near.length === 1 ? (near[0] ?? null) : null;
  };

  return {
    isKnown: (word) => known.has(word),
    correct: (word) => {
      if (known.has(word)) return word;
      if (word.length < SHORTEST - 1 || word.length > LONGEST || !/^[a-z]+$/.test(word)) return null;
      let found = cache.get(word);
      if (found === undefined) {
        found = search(word);
        // Bounded, so that a flood of nonsense cannot grow it without end.
        if (cache.size > 4096) cache.clear();
        cache.set(word, found);
      }
      return found;
    },
  };
}

/** First letters are hardly ever mistyped; at most they change places with the second. */
function beginsAlike(a: string, b: string): boolean {
  return a[0] === b[0] || (a[0] === b[1] && a[1] === b[0]);
}

function lettersOf(word: string): string {
  return word.split("").sort().join("");
}

/** Whether two words differ in the order of their letters alone. */
function isSwap(a: string, b: string): boolean {
  return isOneSlip(a, b) && lettersOf(a) === lettersOf(b);
}

/** Whether one insertion, deletion, substitution or swap of neighbours separates the two (Damerau-Levenshtein distance 1). */
export function isOneSlip(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  if (a.length === b.length) {
    if (a.slice(start + 1) === b.slice(start + 1)) return true;
    return a[start] === b[start + 1] && a[start + 1] === b[start] && a.slice(start + 2) === b.slice(start + 2);
  }
  const [long, short] = a.length > b.length ? [a, b] : [b, a];
  return long.slice(start + 1) === short.slice(start);
}
