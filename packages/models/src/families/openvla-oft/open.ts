/** Opens an OpenVLA-OFT checkpoint: which head, which sizes, which parts, and everything bound to its weights. */
import { BiddenError } from "@bidden/runtime";
import { countLayers } from "../../blocks/net.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { visionGraph } from "../openvla/graphs.ts";
import { plainNet } from "../openvla/model.ts";
import { checkSettings, flagOf, openModel, statisticsOf } from "../openvla/open.ts";
import { type Bounds, chooseStatistics, type DatasetStatistics, rangeOf } from "../openvla/statistics.ts";
import { ddimTimes, TRAIN_STEPS } from "./ddim.ts";
import { filmOf, HEAD_PATH, headGraph, type HeadKind, projectorGraph } from "./graphs.ts";
import { OftModel, type OftGraphs } from "./model.ts";
import { ACTION_HEAD, NOISY, type OftCheckpoint, openParts, PROPRIO, sourceOf } from "./parts.ts";
import { PLATFORM_SETTINGS, platformOf } from "./platform.ts";

export const SETTINGS = ["prompt", "images", "parts", "head", "proprio", "film", "steps", ...PLATFORM_SETTINGS];

/** Denoising steps of a diffusion head, checked. */
export function stepsOf({ steps, settings }: FamilyOptions): number {
  return ddimTimes(steps ?? Number(settings?.steps ?? TRAIN_STEPS)).length;
}

export type OftFacts = {
  readonly parts: OftCheckpoint;
  readonly kind: HeadKind;
  readonly actionDim: number;
  /** Numbers of the state; 0 for a policy that reads none. */
  readonly proprioDim: number;
  readonly platform: ReturnType<typeof platformOf>;
  readonly statistics: DatasetStatistics;
};

/** Everything that headers, shapes and settings tell. */
export async function readOft(checkpoint: Checkpoint, options: FamilyOptions = {}): Promise<OftFacts> {
  const settings = checkSettings(options, SETTINGS);
  const asked = settings.head;
  if (asked !== undefined && !["l1", "diffusion", "discrete"].includes(asked)) {
    throw new BiddenError("bad-argument", `Setting "head": expected l1, diffusion or discrete; came "${asked}".`);
  }
  const parts = await openParts(checkpoint, settings.parts ?? "", (part) => {
    if (part === ACTION_HEAD) return asked !== "discrete";
    if (part === PROPRIO) return flagOf(settings, "proprio", true);
    return part !== "vision_backbone" || flagOf(settings, "film", true);
  });
  const { tensors, label } = parts.checkpoint;
  const kind =
    (["l1", "diffusion"] as const).find((k) => tensors.has(`${ACTION_HEAD}.${HEAD_PATH[k]}.fc2.weight`)) ?? "discrete";
  if ((asked !== undefined && asked !== kind) || (kind === "discrete" && parts.files.has(ACTION_HEAD))) {
    const file = parts.files.get(ACTION_HEAD) ?? "no action_head--*.pt file";
    throw new BiddenError(
      "bad-checkpoint",
      `${label}: expected a head of kind ${asked ?? "l1 or diffusion"}; came ${file}.`,
    );
  }
  if (kind === "diffusion" && !parts.files.has(NOISY)) {
    throw new BiddenError(
      "bad-checkpoint",
      `${label}: a diffusion head needs ${NOISY}--*.pt beside it; there is none.`,
    );
  }
  const statistics = chooseStatistics(await statisticsOf(checkpoint), options.dataset);
  const actionDim =
    kind === "discrete"
      ? statistics.action.numbers("q01").length
      : (parts.checkpoint.info(`${ACTION_HEAD}.${HEAD_PATH[kind]}.fc2.weight`).shape[0] as number);
  const proprioDim = parts.files.has(PROPRIO) ? (parts.checkpoint.info(`${PROPRIO}.fc1.weight`).shape[1] as number) : 0;
  const platform = platformOf(settings, statistics.key, actionDim);
  checkDims(statistics, platform.bounds, { actionDim, proprioDim });
  return { parts, kind, actionDim, proprioDim, platform, statistics };
}

/** Statistics of another robot would turn the model's numbers into another motion. */
function checkDims(
  { key, action, proprio }: DatasetStatistics,
  bounds: Bounds,
  { actionDim, proprioDim }: { readonly actionDim: number; readonly proprioDim: number },
): void {
  const refuse = (field: string, expected: number, came: string): BiddenError =>
    new BiddenError(
      "bad-checkpoint",
      `dataset_statistics.json, field "${key}.${field}": expected the range of ${expected} numbers, as the checkpoint's ${field} has; came ${came}.`,
      { file: "dataset_statistics.json", field: `${key}.${field}`, expected },
    );
  const actions = rangeOf(action, bounds).low.length;
  if (actions !== actionDim) throw refuse("action", actionDim, `${actions}`);
  if (proprioDim === 0) return;
  if (proprio === null) throw refuse("proprio", proprioDim, "none");
  const states = rangeOf(proprio, bounds).low.length;
  if (states !== proprioDim) throw refuse("proprio", proprioDim, `${states}`);
}

export async function openOft(
  checkpoint: Checkpoint,
  engine: Engine,
  options: FamilyOptions = {},
): Promise<{ readonly facts: OftFacts; readonly model: OftModel }> {
  const facts = await readOft(checkpoint, options);
  const { parts, kind } = facts;
  await parts.verify();
  const source = sourceOf(parts.checkpoint);
  const { model, tokenizer, config } = await openModel(parts.checkpoint, engine, {
    prompt: options.settings?.prompt,
    source,
    unused: [/^(action_head|proprio_projector|noisy_action_projector)\./, /\.lora_[AB]$/],
    precision: options.precision,
    ...(parts.film ? { vision: (c, netOn) => visionGraph(c, netOn, filmOf(c.llama.width)) } : {}),
  });
  const graphs = oftGraphs(facts, config.llama.width);
  // The large weights were bound above; here only the .pt files' own are.
  const rest = [/^(vision_backbone|projector|language_model)\./];
  const weights = bindWeights(
    parts.checkpoint,
    Object.values(graphs).filter((graph) => graph !== null),
    { unused: rest },
  );
  return {
    facts,
    model: new OftModel({
      base: model,
      tokenizer,
      kind,
      film: parts.film,
      sizes: { chunk: facts.platform.chunk, actionDim: facts.actionDim },
      graphs,
      openGraph: (graph) => weights.open(graph, engine),
    }),
  };
}

function oftGraphs({ parts, kind, actionDim, proprioDim, platform }: OftFacts, width: number): OftGraphs {
  const { chunk } = platform;
  const path = kind === "discrete" ? "" : `${ACTION_HEAD}.${HEAD_PATH[kind]}`;
  const blocks = countLayers(parts.checkpoint.tensors.keys(), `${path}.mlp_resnet_blocks`, "ffn.1.weight");
  const noisy = parts.files.has(NOISY);
  return {
    head: kind === "discrete" ? null : headGraph(path, { chunk, actionDim, width, blocks }, plainNet),
    proprio: proprioDim === 0 ? null : projectorGraph(PROPRIO, { rows: 1, inputs: proprioDim, width }, plainNet),
    noisy: noisy ? projectorGraph(NOISY, { rows: chunk * actionDim, inputs: 1, width }, plainNet) : null,
  };
}
