/**
 * *Higher*, *a bit to the left*, *5 cm down*: a small step of the tool, in the person's directions. The person stands
 * opposite the robot: left is -y, right +y; closer to the person is +x, further back -x (base frame).
 */

const STEP_M = 0.03;
/** Nobody means more than this by a nudge, metres. */
const MOST_M = 0.1;

type Direction = readonly [number, number, number];

const DIRECTIONS: ReadonlyMap<string, Direction> = new Map(
  (
    [
      [[0, 0, 1], "up upwards upward higher raise above"],
      [[0, 0, -1], "down downwards downward lower deeper"],
      [[0, -1, 0], "left leftwards leftward"],
      [[0, 1, 0], "right rightwards rightward"],
      [[1, 0, 0], "closer nearer forward forwards front towards"],
      [[-1, 0, 0], "back backwards backward behind away rearwards"],
    ] as const
  ).flatMap(([direction, words]) => words.split(" ").map((word): [string, Direction] => [word, direction])),
);

/** Words that may stand around a direction and change at most how far. */
const AROUND = new Set(
  (
    "a bit little slightly tiny touch tad much more a lot way far further farther and then to the your arm gripper hand it that go move " +
    "come be please just now even still some by of me from side direction i want you ok no wait robot make"
  ).split(" "),
);
const UNITS: ReadonlyMap<string, number> = new Map([
  ["mm", 0.001],
  ["millimetres", 0.001],
  ["millimeters", 0.001],
  ["cm", 0.01],
  ["centimetre", 0.01],
  ["centimetres", 0.01],
  ["centimeter", 0.01],
  ["centimeters", 0.01],
  ["inch", 0.0254],
  ["inches", 0.0254],
]);
const NUMBERS: ReadonlyMap<string, number> = new Map(
  ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"].map((word, i) => [word, i + 1]),
);

/** The step, metres, base frame; null where the words are not a nudge from end to end. */
export function readNudge(words: readonly string[]): [number, number, number] | null {
  if (words.length === 0 || words.length > 12) return null;
  const sum: [number, number, number] = [0, 0, 0];
  let lengthM = STEP_M;
  let directed = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    const direction = isPlainDirection(words, i) ? DIRECTIONS.get(word) : undefined;
    if (direction) {
      directed = true;
      for (let k = 0; k < 3; k++) sum[k] = (sum[k] ?? 0) + (direction[k] ?? 0);
    } else if (/^(much|lot|way|far)$/.test(word)) lengthM = 2 * STEP_M;
    else if (/^(slightly|tiny|touch|tad)$/.test(word)) lengthM = STEP_M / 2;
    else {
      const measured = readLength(words, i);
      if (measured) {
        lengthM = measured.lengthM;
        i += measured.words - 1;
      } else if (!AROUND.has(word)) return null;
    }
  }
  const norm = Math.hypot(...sum);
  if (!directed || norm === 0) return null;
  const reachM = Math.min(lengthM, MOST_M);
  return sum.map((part) => (part === 0 ? 0 : (part / norm) * reachM)) as [number, number, number];
}

/** *Further back* and *back* are directions; the *right* of "right now" or "all right" is none. */
function isPlainDirection(words: readonly string[], at: number): boolean {
  const [word, next] = [words[at], words[at + 1]];
  if (word === "right" && (next === "now" || words[at - 1] === "all")) return false;
  // "Closer to me", "away from me", "towards me" need their second half; "towards the left" is said by "left".
  return !(word === "towards" && next !== "me");
}

function readLength(words: readonly string[], at: number): { lengthM: number; words: number } | null {
  const word = words[at] as string;
  const joined = /^(\d{1,4})(mm|cm)$/.exec(word);
  if (joined) return { lengthM: Number(joined[1]) * (UNITS.get(joined[2] as string) ?? 0.01), words: 1 };
  const amount = /^\d{1,4}$/.test(word) ? Number(word) : NUMBERS.get(word);
  const unit = UNITS.get(words[at + 1] ?? "");
  return amount !== undefined && unit !== undefined ? { lengthM: amount * unit, words: 2 } : null;
}
