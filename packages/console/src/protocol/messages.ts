/**
 * What page and server say to each other. JSON text frames carry these messages (at most 20 a second in each
 * direction); binary frames (frames.ts) carry pictures, poses, heat and the planned path. Lengths are metres in the
 * base frame, times milliseconds on the session's clock.
 */
import type { Mode, Verdict } from "@bidden/runtime";

export type { Mode };

/** Both sides compare it; a page from an older build says so instead of misreading. */
export const PROTOCOL_VERSION = 1;

/** Longest text frame the server reads, bytes: room for an instruction that is far too long, so that it gets an answer. */
export const MAX_MESSAGE_BYTES = 65_536;

export type Point3 = readonly [number, number, number];

/** Page to server. */
export type PageMessage =
  | { readonly type: "hello"; readonly version: number; readonly token: string | null }
  | { readonly type: "instruct"; readonly text: string }
  /** A click on one of the things that could have been meant; `entry` is the log entry that asked. */
  | { readonly type: "choose"; readonly entry: number; readonly candidate: number }
  | { readonly type: "stop" }
  /** A person's act that lets a held or stopped arm move again. */
  | { readonly type: "release" }
  | { readonly type: "shuffle"; readonly seed: number | null }
  /** Answers every status: a page that lags behind is sent fewer frames until it has caught up. */
  | { readonly type: "seen"; readonly count: number };

/** Who drives the arm. */
export type Driver = {
  readonly kind: "policy" | "expert";
  readonly name: string;
  /** SHA-256 of the weights, hex; empty for the scripted expert. */
  readonly digest: string;
};

export type CameraInfo = { readonly name: string; readonly width: number; readonly height: number };

/** One visual primitive of the 3-D view, fixed to a body. `size` as MuJoCo has it (half lengths; radius and half length). */
export type GeomInfo = {
  readonly shape: "plane" | "box" | "sphere" | "cylinder" | "capsule" | "ellipsoid";
  readonly size: Point3;
  readonly rgba: readonly [number, number, number, number];
  /** Row in the poses frame. */
  readonly body: number;
  readonly pos: Point3;
  /** (w, x, y, z) */
  readonly quat: readonly [number, number, number, number];
  /** Id of the scene's object it belongs to, null for arm and table. */
  readonly object: string | null;
};

export type ObjectInfo = {
  readonly id: string;
  readonly kind: string;
  readonly colour: string;
  readonly size: string;
};

/** Something that could have been meant; `u`, `v` are 0..1 in the front camera's picture, null when it is not in it. */
export type CandidateInfo = {
  readonly label: string;
  readonly at: Point3;
  readonly u: number | null;
  readonly v: number | null;
};

/** One line of the conversation. */
export type LogEntry = {
  readonly id: number;
  /** `you`: what a person said; `arm`: what it answered; `house`: what the console itself reports. */
  readonly who: "you" | "arm" | "house";
  readonly tone: "plain" | "done" | "ask" | "refuse" | "hold" | "stop" | "answer";
  readonly text: string;
  readonly candidates: readonly CandidateInfo[];
  /** Wall-clock time, ms since 1970. */
  readonly atMs: number;
};

/** What the session is doing, in one word. */
export type Phase = "ready" | "thinking" | "moving" | "done" | "asked" | "refused" | "held" | "stopped";

export type Status = {
  readonly phase: Phase;
  readonly mode: Mode;
  readonly verdict: Verdict;
  /** What is being done, after corrections; empty when nothing is. */
  readonly instruction: string;
  /** Milliseconds of each stage of the last chunk. */
  readonly stageMs: Readonly<Record<string, number>>;
  /** Where the policy points: what to act on, where to put it; null when nowhere. */
  readonly pointing: { readonly act: Point3 | null; readonly place: Point3 | null };
  /** The policy's own belief that the task is accomplished, 0..1. */
  readonly done: number;
  /** Latest lateness of the 100 Hz loop: 99th percentile of the last second. */
  readonly tickLateMs: number;
  /** Where the episode is being written, null when nothing is recorded. */
  readonly recording: { readonly folder: string; readonly episode: number } | null;
  readonly watchers: number;
  readonly operators: number;
};

/** One point of the live traces: [time ms, tool x, y, z (m), fastest joint (rad/s), gripper 0..1, done 0..1, lateness ms]. */
export type TraceSample = readonly [number, number, number, number, number, number, number, number];

/** A table that has just been set: what stands on it, what one might ask for, and how it looks. */
export type SceneMessage = {
  readonly type: "scene";
  readonly seed: number;
  readonly objects: readonly ObjectInfo[];
  readonly tries: readonly string[];
  readonly geoms: readonly GeomInfo[];
  /** Rows of the poses frame. */
  readonly bodies: number;
};

/** Server to page. */
export type ServerMessage =
  | {
      readonly type: "welcome";
      readonly version: number;
      readonly mayOperate: boolean;
      /** Why this page may only watch; empty when it may operate. */
      readonly reason: string;
      readonly driver: Driver;
      readonly cameras: readonly CameraInfo[];
    }
  | SceneMessage
  /** `count` rises by one each time. */
  | { readonly type: "status"; readonly status: Status; readonly count: number }
  /** `fresh` replaces what the page has; otherwise the entries are added at the end. */
  | { readonly type: "log"; readonly fresh: boolean; readonly entries: readonly LogEntry[] }
  | { readonly type: "trace"; readonly samples: readonly TraceSample[] }
  /** Something this page asked for was not done. */
  | { readonly type: "fault"; readonly sentence: string };
