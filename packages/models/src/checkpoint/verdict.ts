/** Whether a chunk may be executed. */
import type { FamilyChunk } from "./family.ts";

/** Actions that are not finite never are, whatever else is to be said of them. */
export function verdictOf(
  actions: Float32Array,
  warnings: readonly string[] = [],
): Pick<FamilyChunk, "warnings" | "executable"> {
  if (actions.every(Number.isFinite)) return { warnings, executable: true };
  return { warnings: [...warnings, "The network gave actions that are not finite."], executable: false };
}
