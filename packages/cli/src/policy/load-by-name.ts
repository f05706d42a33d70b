/** A policy by the name that `--policy` takes in headless commands: bundled, scripted, or a checkpoint of any family. */
import { BiddenError, type Policy } from "@bidden/runtime";
import { createExpertPolicy, type World } from "@bidden/sim";

/**
 * @param world the one that will be driven: the expert sees its full state
 * @param map file that says how a published checkpoint fits the robot; by default embodiment.json beside its weights
 */
export async function loadPolicyByName(name: string, world: World, map?: string): Promise<Policy> {
  if (name === "expert") return createExpertPolicy(world);
  const { embodimentMapAt, loadPolicy } = await import("@bidden/models/node");
  return loadPolicy(name, {
    embodiment: world.robot.embodiment,
    ...(map === undefined ? {} : { map: embodimentMapAt(map) }),
  });
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
