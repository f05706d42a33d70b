/**
 * The .pt files that fine-tuning with OFT leaves beside the merged weights: heads, projectors, and with FiLM a whole image
 * backbone whose LoRA is not merged. Their tensors join those of the checkpoint under the names of the files.
 */
import { BiddenError } from "@bidden/runtime";
import { Checkpoint, type TensorInfo } from "../../checkpoint/checkpoint.ts";
import { openPt, type PtFile } from "../../checkpoint/pt/read.ts";
import type { CheckpointSource } from "../../checkpoint/source.ts";
import type { Recipe, WeightSource } from "../../checkpoint/weights.ts";
import { BACKBONE } from "../openvla/config.ts";

/** File names before "--<step>_checkpoint.pt", which are also the paths of their tensors here. */
export const ACTION_HEAD = "action_head";
export const PROPRIO = "proprio_projector";
export const NOISY = "noisy_action_projector";
export const PARTS = [ACTION_HEAD, PROPRIO, NOISY, BACKBONE] as const;
export type PartName = (typeof PARTS)[number];

/** A checkpoint with its parts. */
export type OftCheckpoint = {
  readonly checkpoint: Checkpoint;
  /** Files by part. */
  readonly files: ReadonlyMap<PartName, string>;
  readonly film: boolean;
  /** Verifies the checksums of all .pt files that are used. */
  verify(): Promise<void>;
};

/**
 * The .pt file of each part: the latest training step where there are several.
 * @param folder within the checkpoint that is looked at before its root; "" for the root alone
 */
export function findParts(files: readonly string[], folder = ""): Map<PartName, string> {
  const found = new Map<PartName, string>();
  for (const part of PARTS) {
    const inFolder = (prefix: string): string | undefined =>
      files
        .flatMap((file) => {
          const match = file.startsWith(prefix)
            ? /^([a-z_]+)--(\w+?)(_checkpoint)?\.pt$/.exec(file.slice(prefix.length))
            : null;
          return match?.[1] === part
            ? [{ file, step: Number(match[2]) || (match[2] === "latest" ? Infinity : 0) }]
            : [];
        })
        .sort((a, b) => b.step - a.step)[0]?.file;
    const file = (folder === "" ? undefined : inFolder(`${folder}/`)) ?? inFolder("");
    if (file !== undefined) found.set(part, file);
  }
  return found;
}

/** @param use which parts are read; all that are found when left out */
export async function openParts(
  checkpoint: Checkpoint,
  folder: string,
  use: (part: PartName) => boolean = () => true,
): Promise<OftCheckpoint> {
  const files = new Map([...findParts(checkpoint.files, folder)].filter(([part]) => use(part)));
  const film = files.has(BACKBONE);
  // With FiLM the shards' own backbone is not the one that was trained.
  const tensors = new Map([...checkpoint.tensors].filter(([name]) => !film || !name.startsWith(`${BACKBONE}.`)));
  const opened: PtFile[] = [];
  for (const [part, file] of files) {
    const { pt, infos } = await partTensors(checkpoint.source, part, file);
    opened.push(pt);
    for (const info of infos) tensors.set(info.name, info);
  }
  return {
    checkpoint: new Checkpoint(checkpoint.source, checkpoint.files, tensors, checkpoint.config),
    files,
    film,
    verify: async () => {
      for (const pt of opened) await pt.verify();
    },
  };
}

async function partTensors(
  source: CheckpointSource,
  part: PartName,
  file: string,
): Promise<{ readonly pt: PtFile; readonly infos: readonly TensorInfo[] }> {
  const size = (await source.size(file)) ?? 0;
  const pt = await openPt({ size, read: (offset, length) => source.read(file, offset, length) }, file);
  const infos = [...pt.tensors].map(([stored, { dtype, shape, range }]) => {
    if (range === null) {
      throw new BiddenError(
        "unsupported",
        `${file}, tensor "${stored}": expected elements in order; came a strided view. Save it with .contiguous().`,
        { file, tensor: stored },
      );
    }
    return { name: partName(part, stored), dtype, shape, file, offset: range.start, bytes: range.end - range.start };
  });
  return { pt, infos };
}

/** The FiLM wrapper puts `block` before a block's own tensors, LoRA puts `base_layer` before a layer's. */
function partName(part: PartName, stored: string): string {
  if (part !== BACKBONE) return `${part}.${stored}`;
  return stored
    .replace(/(\.blocks\.\d+)\.block\./, "$1.")
    .replace(/\.base_layer\./, ".")
    .replace(/\.(lora_[AB])\.default\.weight$/, ".$1");
}

/** Where a parameter's value comes from: W, or W + s·B·A where LoRA lies beside it. */
export function sourceOf(checkpoint: Checkpoint): (parameter: string) => WeightSource {
  return (parameter) => {
    const layer = parameter.replace(/\.weight$/, "");
    const [down, up] = [`${layer}.lora_A`, `${layer}.lora_B`];
    if (layer === parameter || !checkpoint.tensors.has(down)) return parameter;
    return mergeRecipe(parameter, down, up);
  };
}

/**
 * W + s·B·A with s = min(rank, 16)/rank, the scale with which openvla-oft trains; the rank is the rows of A. Kernels of
 * convolutions are matrices [out, in·height·width] here.
 */
function mergeRecipe(weight: string, down: string, up: string): Recipe {
  return {
    id: "lora-merge",
    from: [weight, down, up],
    compute: ([w, a, b], infos) => {
      const [base, matrixA, matrixB] = [w, a, b] as [Float32Array, Float32Array, Float32Array];
      const rank = infos[1]?.shape[0] ?? 0;
      const outer = infos[0]?.shape[0] ?? 0;
      const inner = base.length / outer;
      if (matrixA.length !== rank * inner || matrixB.length !== outer * rank) {
        const came = infos.map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
        throw new BiddenError("bad-checkpoint", `${weight}: expected LoRA matrices that fit it; came ${came}.`, {
          tensor: weight,
        });
      }
      const scale = Math.min(rank, 16) / rank;
      const merged = base.slice();
      for (let o = 0; o < outer; o++) {
        for (let r = 0; r < rank; r++) {
          const factor = scale * (matrixB[o * rank + r] as number);
          for (let i = 0; i < inner; i++) {
            merged[o * inner + i] = (merged[o * inner + i] as number) + factor * (matrixA[r * inner + i] as number);
          }
        }
      }
      return merged;
    },
  };
}
