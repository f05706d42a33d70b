/** What a checkpoint of GR00T says beside its weights: sizes, and the statistics of the embodiments it was trained on. */
import { BiddenError } from "@bidden/runtime";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { type GrootConfig, grootConfig } from "./config.ts";
import { GROOT_MODES, type GrootMode, type GrootPart, grootParts, type StateForm } from "./statistics.ts";

export function readGroot(checkpoint: Checkpoint): GrootConfig {
  return grootConfig(checkpoint.config, [...checkpoint.tensors.keys()], (name) => checkpoint.info(name).shape);
}

/** Which slot of the per-embodiment weights a tag means (gr00t/data/embodiment_tags.py). */
export const SLOTS: Readonly<Record<string, number>> = {
  oxe_droid: 17,
  gr1: 24,
  agibot_genie1: 26,
  new_embodiment: 31,
};

const METADATA = "experiment_cfg/metadata.json";
const SETTINGS = ["slot", "state", "action"];

/** One embodiment: its slot, its cameras, and how its numbers are normalised. */
export type GrootEmbodiment = {
  readonly tag: string;
  readonly slot: number;
  /** In the order of their images in the prompt. */
  readonly cameras: readonly string[];
  readonly size: readonly [width: number, height: number];
  readonly rateHz: number | null;
  readonly state: readonly GrootPart[];
  readonly action: readonly GrootPart[];
};

/** @param options dataset: the embodiment's tag; settings: slot, state and action (modes that the metadata do not say) */
export async function readEmbodiment(
  checkpoint: Checkpoint,
  config: GrootConfig,
  options: FamilyOptions = {},
): Promise<GrootEmbodiment> {
  const settings = options.settings ?? {};
  const unknown = Object.keys(settings).find((name) => !SETTINGS.includes(name));
  if (unknown !== undefined) {
    throw new BiddenError("bad-argument", `GR00T has the settings ${SETTINGS.join(", ")}, not "${unknown}".`, {
      field: unknown,
    });
  }
  const metadata = await checkpoint.json(METADATA);
  if (metadata === null) {
    throw new BiddenError(
      "bad-checkpoint",
      `${checkpoint.label}: expected ${METADATA} with the statistics of state and action; there is none.`,
      { file: METADATA },
    );
  }
  const tag = chosenTag(metadata, options.dataset);
  const entry = metadata.object(tag);
  const videos = entry.object("modalities").object("video");
  const [first] = videos.keys();
  const facts = first === undefined ? null : videos.object(first);
  const [width, height] = facts?.numbers("resolution", [config.side, config.side]) ?? [config.side, config.side];
  const statistics = entry.object("statistics");
  const embodiment: GrootEmbodiment = {
    tag,
    slot: slotOf(tag, settings.slot),
    cameras: videos.keys(),
    size: [width ?? config.side, height ?? config.side],
    rateHz: facts?.has("fps") === true ? facts.number("fps") : null,
    state: grootParts(statistics.object("state"), mode(settings.state, [...GROOT_MODES, "sin_cos"])),
    action: grootParts(statistics.object("action"), mode(settings.action, GROOT_MODES)),
  };
  checkWidths(embodiment, config);
  return embodiment;
}

function chosenTag(metadata: Fields, asked: string | undefined): string {
  const tags = metadata.keys();
  const tag = asked ?? (tags.length === 1 ? tags[0] : undefined);
  if (tag !== undefined && tags.includes(tag)) return tag;
  throw new BiddenError(
    "bad-argument",
    `${METADATA} has statistics of ${tags.join(", ")}: say whose with dataset${asked === undefined ? "" : `, not "${asked}"`}.`,
    { field: "dataset", available: [...tags] },
  );
}

function slotOf(tag: string, asked: string | undefined): number {
  const slot = asked === undefined ? SLOTS[tag] : Number(asked);
  if (slot !== undefined && Number.isInteger(slot)) return slot;
  throw new BiddenError(
    "bad-argument",
    `Embodiment "${tag}" has no slot of its own among ${Object.keys(SLOTS).join(", ")}: say its number with the setting slot.`,
    { field: "slot", tag },
  );
}

/** The training code, not the checkpoint, says how numbers were normalised: nearly always min_max. */
function mode<T extends GrootMode | StateForm>(asked: string | undefined, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === (asked ?? "min_max"));
  if (found !== undefined) return found;
  throw new BiddenError("bad-argument", `Expected one of ${allowed.join(", ")}; came "${asked}".`, {
    field: "settings",
  });
}

function checkWidths({ state, action, tag }: GrootEmbodiment, config: GrootConfig): void {
  const width = (parts: readonly GrootPart[]): number => parts.reduce((sum, part) => sum + part.width, 0);
  const pairs = [
    ["state", width(state), config.stateDim],
    ["action", width(action), config.actionDim],
  ] as const;
  for (const [what, came, most] of pairs) {
    if (came < 1 || came > most) {
      throw new BiddenError(
        "bad-checkpoint",
        `${METADATA}, "${tag}.statistics.${what}": expected 1 to ${most} numbers, as the weights take; came ${came}.`,
        { file: METADATA, field: `${tag}.statistics.${what}`, expected: most, came },
      );
    }
  }
}
