/**
 * The sizes of the `tabletop` policy. Everything that shapes the graph stands here and is written into the checkpoint.
 */
import type { PatchGrid } from "../image/patches.ts";

export type TabletopConfig = {
  readonly version: 4;
  /** In the order in which their patches are concatenated. */
  readonly cameras: readonly { readonly name: string; readonly grid: PatchGrid }[];
  /** Width of every token. */
  readonly width: number;
  readonly heads: number;
  readonly mlpWidth: number;
  /** Width of a window's features, of the hidden layer of the patch encoder, and of the motor network. */
  readonly stemWidth: number;
  readonly patchWidth: number;
  readonly motorWidth: number;
  /** Layers: attention among all patches, reading the sentence, looking from the sentence, from places to motion. */
  readonly mixLayers: number;
  readonly textLayers: number;
  readonly groundLayers: number;
  readonly latentLayers: number;
  /** Instruction tokens, and numbers per token, from the text encoder. */
  readonly textTokens: number;
  readonly textWidth: number;
  readonly stateNames: readonly string[];
  /** Earlier control steps that the policy sees. */
  readonly historyLength: number;
  /** Actions in a chunk, numbers in an action, milliseconds between actions. */
  readonly horizon: number;
  readonly actionDim: 7;
  readonly stepMs: number;
  /** What one unit of the network's output means, per action dimension (metres, radians; gripper 1). */
  readonly actionScale: readonly number[];
  /** Steps of Euler integration of the flow head. */
  readonly flowSteps: number;
  /** What things can be told apart by: names by attribute, such as colour and kind. */
  readonly attributes: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** Words that questions can be answered with. */
  readonly answers: readonly string[];
};

/** What the sentence alone says. */
export const TEXT_INTENTS = ["task", "question", "garbage", "forbidden", "outside"] as const;
/** What sentence and scene together say. */
export const SCENE_INTENTS = ["clear", "ambiguous", "missing", "misuse"] as const;
export const SKILLS = ["pick", "put", "push", "stack", "open-drawer", "close-drawer", "point"] as const;
/** Pointer channels: what to act on, where to put it. */
export const CHANNELS = ["act", "place"] as const;
/**
 * How words choose a thing by its place: farthest to one side among its like (as the person sees them) or between two, beside
 * a landmark, nearest to or farthest from it, resting on it, or another one than the other channel's.
 */
export const PLACINGS = [
  "leftmost",
  "rightmost",
  "frontmost",
  "backmost",
  "middle",
  "left",
  "right",
  "behind",
  "front",
  "near",
  "far",
  "on",
  "other",
] as const;

export const tabletopConfig: Omit<TabletopConfig, "answers" | "attributes" | "stateNames"> = {
  version: 4,
  cameras: [
    { name: "front", grid: { width: 112, height: 80, stride: 8, window: 8 } },
    { name: "wrist", grid: { width: 64, height: 64, stride: 8, window: 8 } },
  ],
  width: 128,
  heads: 4,
  mlpWidth: 256,
  stemWidth: 64,
  patchWidth: 256,
  motorWidth: 384,
  mixLayers: 2,
  textLayers: 2,
  groundLayers: 3,
  latentLayers: 2,
  textTokens: 32,
  textWidth: 384,
  historyLength: 3,
  horizon: 8,
  actionDim: 7,
  stepMs: 100,
  actionScale: [0.03, 0.03, 0.03, 0.1, 0.1, 0.1, 1],
  flowSteps: 6,
};
