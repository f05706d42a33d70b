/** What a family of published policies is: one file that recognises, describes, opens, checks and makes its checkpoints. */
import { BiddenError, type Image } from "@bidden/runtime";
import type { Checkpoint } from "./checkpoint.ts";
import type { Engine } from "./engine.ts";
import type { GoldenCheck } from "./golden.ts";
import type { WrittenFiles } from "./make.ts";
import type { FamilyTraining, TrainingOptions } from "./training.ts";

/** One camera that a checkpoint was trained with. */
export type CameraSlot = {
  /** As the checkpoint calls it: "observation.images.top", "base_0_rgb". */
  readonly name: string;
  /** Size that images are brought to before the network sees them, pixels. */
  readonly width: number;
  readonly height: number;
  /** Size of the pictures that it was trained on, where the checkpoint says it: a camera should have the same proportions. */
  readonly recorded?: { readonly width: number; readonly height: number };
  /** Whether the policy runs without it. */
  readonly optional: boolean;
};

/** A vector that goes in or comes out. */
export type VectorLayout = {
  readonly dim: number;
  /** Where the checkpoint says them; otherwise empty. */
  readonly names: readonly string[];
  /** Such as "mean_std", "quantiles q01..q99", "identity", and where the statistics stand. */
  readonly normalisation: string;
};

export type FamilyInfo = {
  readonly family: string;
  /** Sub-variant where there is one: "pi05", "l1 + FiLM". */
  readonly variant: string;
  readonly parameters: number;
  /** Bytes of the weights on disk, by type: { float32: ..., bfloat16: ... }. */
  readonly weightBytes: Readonly<Record<string, number>>;
  readonly cameras: readonly CameraSlot[];
  /** dim 0: the policy reads no state. */
  readonly state: VectorLayout;
  readonly action: VectorLayout;
  /** Actions of one prediction, and how many of them are meant to be executed before the next. */
  readonly chunk: number;
  readonly executed: number;
  /** Denoising steps or decoded tokens of a prediction; 1 for regression. */
  readonly steps: number;
  /** Control rate in Hz, where the checkpoint says it. */
  readonly rateHz: number | null;
  readonly licence: string | null;
  /** Estimate for float32 weights and activations, bytes. */
  readonly memoryBytes: number;
  /** Estimate of the multiplications and additions of one prediction. */
  readonly flops: number;
  /** What a person should know: embeddings tied, prompt form, what was not found. */
  readonly notes: readonly string[];
};

/** What a published policy sees: names, order and units as the checkpoint was trained with. */
export type FamilyObservation = {
  /** By the checkpoint's camera name; an absent one is missing, which optional cameras may be. */
  readonly images: Readonly<Record<string, Image>>;
  /** float32[state.dim], not normalised. */
  readonly state: Float32Array;
  readonly instruction: string;
};

export type PredictOptions = {
  readonly seed: number;
  /** Recorded noise in place of the seed's: float32 in the shape that the family's page names. */
  readonly noise?: Float32Array;
  /** Real-time chunking: what is left of the chunk under way. */
  readonly realTime?: RealTimeChunking;
  /** Where the checkpoint holds statistics of several datasets: whose (`norm_stats` key). */
  readonly dataset?: string;
};

export type RealTimeChunking = {
  readonly mode: "guided" | "trained";
  /** float32[steps, dim], model space (as `FamilyChunk.normalised`): actions of the old chunk that are not yet executed. */
  readonly previous: Float32Array;
  /** Actions that will have been executed when this prediction is ready. */
  readonly delay: number;
  readonly executionHorizon: number;
  readonly schedule: "linear" | "exp" | "ones" | "zeros";
  readonly maxGuidanceWeight: number;
};

export type FamilyChunk = {
  /** float32[horizon, dim], the checkpoint's units. */
  readonly actions: Float32Array;
  /** float32[horizon, dim], model space. */
  readonly normalised: Float32Array;
  readonly horizon: number;
  readonly dim: number;
  readonly stageMs: Readonly<Record<string, number>>;
  /** What went wrong without being an error: "an id outside the action bins would have won". Empty when nothing. */
  readonly warnings: readonly string[];
  /** False: the chunk must not be executed; `warnings` says why. */
  readonly executable: boolean;
};

export interface PublishedPolicy {
  readonly info: FamilyInfo;
  predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk>;
  /** Forgets queues and ensembles: a new episode begins. */
  reset(): void;
  close(): Promise<void>;
}

export type FamilyOptions = {
  /** Statistics key, where there are several. */
  readonly dataset?: string;
  /** Denoising steps in place of the checkpoint's. */
  readonly steps?: number;
  /** How matrices are held; families that know float32 only refuse any other (`onlyFloat32`). */
  readonly precision?: "fp32" | "fp16" | "int8" | "int4";
  /**
   * Answers to what a checkpoint leaves open, by the names that the error asks for them with, such as
   * { "state-in-prompt": "true" }; on the command line `--set state-in-prompt=true`.
   */
  readonly settings?: Readonly<Record<string, string>>;
};

export type MakeOptions = {
  readonly size: "tiny" | "full";
  /** Overrides of the family's sizes, as `dims.json` names them. */
  readonly dims: Readonly<Record<string, unknown>>;
  readonly seed: number;
};

export interface PolicyFamily {
  readonly name: string;
  /** By configuration and tensor names; reads nothing. */
  matches(checkpoint: Checkpoint): boolean;
  describe(checkpoint: Checkpoint, options?: FamilyOptions): Promise<FamilyInfo>;
  open(checkpoint: Checkpoint, engine: Engine, options?: FamilyOptions): Promise<PublishedPolicy>;
  /** Runs every stage on the golden inputs and hands what comes out to `check.compare`. */
  checkGolden?(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck): Promise<void>;
  /** The objective over a checkpoint's weights, for fine-tuning. */
  train?(checkpoint: Checkpoint, options: TrainingOptions): Promise<FamilyTraining>;
  /** Random weights in the published layout. */
  make?(options: MakeOptions): WrittenFiles;
}

/** Refuses fewer bits where a family has float32 only: what was asked for is done or said, not overlooked. */
export function onlyFloat32(family: string, { precision = "fp32" }: FamilyOptions): void {
  if (precision === "fp32") return;
  throw new BiddenError(
    "unsupported",
    `${family} runs in fp32 only, and ${precision} was asked for: leave --precision out, or say --precision fp32.`,
    { field: "precision", expected: "fp32", came: precision },
  );
}
