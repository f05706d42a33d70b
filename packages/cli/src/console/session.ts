/** What the web server needs of whatever moves behind it: the live session, or a double of it in tests. */
import type { CameraInfo, Driver, Frame, LogEntry, SceneMessage, Status, TraceSample } from "@bidden/console";

/** The session's own part of the status; the server adds who is connected. */
export type SessionStatus = Omit<Status, "watchers" | "operators">;

/** What a session tells its listener. Called on the main thread; must not throw. */
export type SessionListener = {
  readonly onScene: (scene: SceneMessage) => void;
  readonly onLog: (entry: LogEntry) => void;
  readonly onTrace: (samples: readonly TraceSample[]) => void;
  readonly onFrame: (frame: Frame) => void;
};

export interface LiveSession {
  readonly driver: Driver;
  readonly cameras: readonly CameraInfo[];
  scene(): SceneMessage;
  status(): SessionStatus;
  log(): readonly LogEntry[];
  /** Latest of each picture, pose and path, for a page that has just come. */
  latestFrames(): readonly Frame[];
  listen(listener: SessionListener): void;
  /** Whether any page is looking; nobody's pictures are not drawn. */
  watched(on: boolean): void;
  /** @throws BiddenError("bad-instruction") when the text cannot be an instruction. `by` names the page that asked. */
  instruct(text: string, by: string): void;
  /** @throws BiddenError("not-found") when that entry asked nothing or has no such candidate. */
  choose(entry: number, candidate: number, by: string): void;
  /** Takes effect at the loop's next tick, whatever the policy is doing. */
  stop(by: string): void;
  /** Holds with a reason, when something is moving. */
  hold(reason: string): void;
  release(by: string): void;
  /** A new scene; null: the next seed. */
  shuffle(seed: number | null, by: string): void;
  close(): Promise<void>;
}
