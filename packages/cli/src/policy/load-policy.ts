/** A policy by the name that `--policy` takes. The expert is not here: it needs the world itself (see `createExpertPolicy`). */
import { BiddenError, type Policy } from "@bidden/runtime";

export const POLICY_NAMES = ["tabletop", "expert"] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

export function readPolicyName(text: string): PolicyName {
  const name = POLICY_NAMES.find((known) => known === text);
  if (name !== undefined) return name;
  throw new BiddenError("bad-argument", `--policy takes ${POLICY_NAMES.join(" or ")}; got "${text.slice(0, 60)}".`, {
    policy: text.slice(0, 200),
  });
}

/** Loads the bundled checkpoint. */
export async function loadPolicy(): Promise<Policy> {
  const models: Readonly<Record<string, unknown>> = await import("@bidden/models/node");
  const load = models["loadTabletopPolicy"];
  if (typeof load !== "function") {
    throw new BiddenError(
      "not-found",
      "There is no trained policy in this version yet. Start with --policy expert to let the scripted expert drive.",
    );
  }
  return (load as () => Promise<Policy>)();
}
