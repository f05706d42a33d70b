/** What the main thread and the world's thread say to each other; asks and observations have channels of their own. */
import type { MessagePort } from "node:worker_threads";
import type { SceneMessage } from "@bidden/console";
import type { CameraSizes } from "@bidden/eval";
import type { CameraView } from "@bidden/runtime";

export type ToWorld =
  /** Begin to live: the robot link is served from now on. */
  | { readonly type: "begin"; readonly cameras: CameraSizes }
  | { readonly type: "reset"; readonly seed: number }
  /** Whether any page is looking: nobody's pictures are not drawn. */
  | { readonly type: "watched"; readonly on: boolean }
  /** What was just asked for, to be judged when it ends. */
  | { readonly type: "asked"; readonly text: string }
  | { readonly type: "judge"; readonly id: number }
  /** A new inference thread listens here. */
  | { readonly type: "observations"; readonly port: MessagePort }
  | { readonly type: "close" };

export type FromWorld =
  /** The first word, and after every reset. */
  | SceneMessage
  /** float32[bodies, 7], and the fastest joint, rad/s. */
  | { readonly type: "poses"; readonly poses: Float32Array; readonly jointRadS: number }
  | { readonly type: "views"; readonly cameras: Readonly<Record<string, CameraView>> }
  /** The simulator's own predicate; null where the sentence is outside its grammar. */
  | { readonly type: "judged"; readonly id: number; readonly done: boolean | null };
