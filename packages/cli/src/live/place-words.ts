/** Tells things that look alike apart by where they stand, in the person's directions (left is -y, nearer is +x). */

type Point = readonly [number, number, number];

/** Less than this apart, metres, is not clearly left or right. */
const CLEAR_M = 0.04;
const ORDINALS = ["second", "third", "fourth"] as const;

/** One phrase for each place, in the same order. */
export function placeWords(places: readonly Point[]): string[] {
  if (places.length === 1) return ["this one"];
  const [first, second] = places;
  if (places.length === 2 && first !== undefined && second !== undefined && Math.abs(first[1] - second[1]) < CLEAR_M) {
    return first[0] > second[0] ? ["the nearer one", "the farther one"] : ["the farther one", "the nearer one"];
  }
  const fromLeft = places.map((_, i) => i).sort((a, b) => (places[a]?.[1] ?? 0) - (places[b]?.[1] ?? 0));
  return places.map((_, i) => rankWords(fromLeft.indexOf(i), places.length));
}

function rankWords(rank: number, count: number): string {
  if (rank === 0) return "the one on the left";
  if (rank === count - 1) return "the one on the right";
  if (count === 3) return "the one in the middle";
  return `the ${ORDINALS[rank - 1] ?? "next"} from the left`;
}
