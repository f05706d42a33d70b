/** The families that bidden opens: one line each, in the order in which they are asked. */
import { BiddenError } from "@bidden/runtime";
import { act } from "../families/act/act.ts";
import { diffusion } from "../families/diffusion/diffusion.ts";
import { groot } from "../families/groot/groot.ts";
import { openvla } from "../families/openvla/openvla.ts";
import { openvlaOft } from "../families/openvla-oft/oft.ts";
import { pi0, pi05 } from "../families/pi0/pi0.ts";
import { pi0Fast } from "../families/pi0-fast/pi0-fast.ts";
import { smolvla } from "../families/smolvla/smolvla.ts";
import { type Checkpoint, some } from "./checkpoint.ts";
import type { PolicyFamily } from "./family.ts";

export const FAMILIES: readonly PolicyFamily[] = [
  act,
  diffusion,
  groot,
  pi0,
  pi05,
  pi0Fast,
  smolvla,
  openvla,
  openvlaOft,
];

/** The family of a checkpoint, or an error that says what was found. */
export function familyOf(checkpoint: Checkpoint): PolicyFamily {
  const found = FAMILIES.find((family) => family.matches(checkpoint));
  if (found !== undefined) return found;
  const kind = checkpoint.config.has("type") ? "type" : "model_type";
  const type = checkpoint.config.has(kind)
    ? `config.json says ${kind} ${JSON.stringify(checkpoint.config.raw(kind))}`
    : "";
  const tensors = `its tensors begin with ${some([...checkpoint.tensors.keys()], 3)}`;
  throw new BiddenError(
    "unsupported",
    `"${checkpoint.label}" is of no family that bidden opens (${FAMILIES.map(({ name }) => name).join(", ")}): ` +
      `${[type, tensors].filter((part) => part !== "").join("; ")}.`,
    { file: checkpoint.label },
  );
}

/** Other names that people know families by, without punctuation. */
const ALIASES: Readonly<Record<string, string>> = {
  oft: "openvlaoft",
  grootn15: "groot",
  gr00t: "groot",
  gr00tn15: "groot",
  diffusionpolicy: "diffusion",
};

/** @param name case and punctuation do not matter: "pi0.5" is pi05 */
export function familyByName(name: string): PolicyFamily {
  const bare = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const wanted = ALIASES[bare(name)] ?? bare(name);
  const found = FAMILIES.find((family) => bare(family.name) === wanted);
  if (found !== undefined) return found;
  throw new BiddenError(
    "bad-argument",
    `There is no family "${name}"; there are ${FAMILIES.map((family) => family.name).join(", ")}.`,
    { name },
  );
}
