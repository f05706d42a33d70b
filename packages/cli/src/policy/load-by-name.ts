/** A policy by the name that `--policy` takes in headless commands: bundled, scripted, or a checkpoint's folder. */
import { BiddenError, type Policy } from "@bidden/runtime";
import { createExpertPolicy, type World } from "@bidden/sim";

/** @param world the one that will be driven: the expert sees its full state. */
export async function loadPolicyByName(name: string, world: World): Promise<Policy> {
  if (name === "expert") return createExpertPolicy(world);
  const { loadTabletopPolicy } = await import("@bidden/models/node");
  return name === "tabletop" ? loadTabletopPolicy() : loadTabletopPolicy(name);
}

/** Fails where the policy has no such head, and says which it has. */
export function checkHead(policy: Policy, head: string | undefined): void {
  const { name, heads } = policy.info;
  if (head === undefined || heads.includes(head)) return;
  throw new BiddenError(
    "bad-argument",
    `Expected --head to be one of ${heads.join(", ")} (policy "${name}"), got "${head}".`,
    {
      head,
    },
  );
}
