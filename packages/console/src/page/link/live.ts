/** The page's one connection: what the server says goes into `slow` (React) or out through `fast` (three, canvas, uPlot). */
import { decodeFrame, type Frame, type HeatFrame } from "../../protocol/frames.ts";
import {
  type CameraInfo,
  type Driver,
  type LogEntry,
  type PageMessage,
  PROTOCOL_VERSION,
  type SceneMessage,
  type ServerMessage,
  type Status,
  type TraceSample,
} from "../../protocol/messages.ts";
import { createSignal, createStore } from "../store.ts";

export type LiveState = {
  /** `lost`: it was there and is gone; the page keeps trying. */
  readonly link: "connecting" | "open" | "lost";
  readonly mayOperate: boolean;
  /** Why this page may only watch. */
  readonly watchReason: string;
  readonly driver: Driver | null;
  readonly cameras: readonly CameraInfo[];
  readonly scene: SceneMessage | null;
  readonly status: Status | null;
  readonly log: readonly LogEntry[];
  /** What the server last refused to do for this page, with a number so that the same sentence shows twice. */
  readonly fault: { readonly sentence: string; readonly at: number } | null;
};

export const slow = createStore<LiveState>({
  link: "connecting",
  mayOperate: false,
  watchReason: "",
  driver: null,
  cameras: [],
  scene: null,
  status: null,
  log: [],
  fault: null,
});

export const fast = {
  frame: createSignal<Frame>(),
  trace: createSignal<readonly TraceSample[]>(),
};

/** Samples kept for the traces: 30 s at 20 a second. */
const TRACE_LENGTH = 600;
const traceHistory: TraceSample[] = [];
const latest = new Map<string, Frame>();

/** What a panel that opens late starts from. */
export function recentTrace(): readonly TraceSample[] {
  return traceHistory;
}

export function latestFrames(): readonly Frame[] {
  return [...latest.values()];
}

const RETRY_MS = [250, 500, 1000, 2000] as const;
let socket: WebSocket | null = null;
let failures = 0;

export function connect(): void {
  const url = new URL("live", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    say({ type: "hello", version: PROTOCOL_VERSION, token: tokenOf(location.hash) });
  });
  socket.addEventListener("message", (event: MessageEvent<string | ArrayBuffer>) => {
    if (typeof event.data === "string") hear(JSON.parse(event.data) as ServerMessage);
    else show(decodeFrame(event.data));
  });
  socket.addEventListener("close", () => {
    slow.set({ link: slow.get().link === "connecting" ? "connecting" : "lost" });
    const waitMs = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 2000;
    failures += 1;
    setTimeout(connect, waitMs);
  });
}

/** False when there is no connection to say it over. */
export function say(message: PageMessage): boolean {
  if (socket === null || socket.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, "")).get("token");
}

function hear(message: ServerMessage): void {
  switch (message.type) {
    case "welcome": {
      failures = 0;
      const { mayOperate, reason, driver, cameras } = message;
      slow.set({ link: "open", mayOperate, watchReason: reason, driver, cameras });
      return;
    }
    case "scene":
      for (const key of latest.keys()) if (!key.startsWith("picture")) latest.delete(key);
      slow.set({ scene: message });
      return;
    case "status":
      slow.set({ status: message.status });
      say({ type: "seen", count: message.count });
      return;
    case "log":
      slow.set({ log: message.fresh ? message.entries : [...slow.get().log, ...message.entries].slice(-200) });
      return;
    case "trace":
      traceHistory.push(...message.samples);
      traceHistory.splice(0, Math.max(0, traceHistory.length - TRACE_LENGTH));
      fast.trace.emit(message.samples);
      return;
    case "fault":
      slow.set({ fault: { sentence: message.sentence, at: Date.now() } });
      return;
    default:
      message satisfies never;
  }
}

function show(frame: Frame): void {
  latest.set(keyOf(frame), frame);
  fast.frame.emit(frame);
}

function keyOf(frame: Frame): string {
  if (frame.kind === "picture") return `picture ${frame.camera}`;
  return frame.kind === "heat" ? `heat ${frame.camera} ${(frame satisfies HeatFrame).channel}` : frame.kind;
}
