/** The main thread's handle on the recorder: one episode an instruction, from its beginning to its end. */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { CameraSizes } from "@bidden/eval";
import type { LoopEvent, PolicyInfo } from "@bidden/runtime";
import { spawnWorker, watchWorker } from "@bidden/runtime/node";
import type { RecordWorkerData } from "./record-worker.ts";
import { type Failed, firstWord } from "./worker-death.ts";

export type ToRecorder =
  | { readonly type: "begin"; readonly instruction: string; readonly seed: number }
  | { readonly type: "step"; readonly event: Extract<LoopEvent, { type: "step" }> }
  | { readonly type: "end" }
  | { readonly type: "close" };

export type FromRecorder =
  | { readonly type: "ready"; readonly path: string }
  | { readonly type: "ended"; readonly kept: boolean }
  | Failed;

export type LiveRecording = {
  readonly folder: string;
  /** How many episodes this session has kept. */
  readonly episodes: number;
  /** Nothing is recorded any more; `onTrouble` has said why. */
  readonly broken: boolean;
  readonly begin: (instruction: string, seed: number) => void;
  readonly hear: (event: LoopEvent) => void;
  readonly close: () => Promise<void>;
};

export type LiveRecordingOptions = {
  readonly folder: string;
  readonly cameras: CameraSizes;
  readonly policy: PolicyInfo;
  /** The recorder's end of the channel on which the world sends its observations. Transferred. */
  readonly observations: MessagePort;
  /** Recording broke, such as a full disk: a sentence for people. What was kept before stays kept. */
  readonly onTrouble: (sentence: string) => void;
};

/** @throws BiddenError when nothing can be written there. */
export async function openLiveRecording(options: LiveRecordingOptions): Promise<LiveRecording> {
  const { folder, cameras, policy, observations, onTrouble } = options;
  const { port1: control, port2 } = new MessageChannel();
  const worker = spawnWorker(new URL("./record-worker.ts", import.meta.url), {
    name: "bidden-recorder",
    workerData: { folder, cameras, policy, control: port2, observations } satisfies RecordWorkerData,
    transferList: [port2, observations],
  });
  const gone = watchWorker(worker, () => undefined);
  const { path } = await firstWord<FromRecorder, "ready">(control, worker, "ready", "recorder");
  let [running, broken, episodes] = [false, false, 0];
  control.on("message", (message: FromRecorder) => {
    if (message.type === "ended" && message.kept) episodes += 1;
    if (message.type !== "failed" || broken) return;
    broken = true;
    onTrouble(`Nothing is recorded any more: ${message.message}`);
  });
  const tell = (message: ToRecorder): void => {
    if (!broken) control.postMessage(message);
  };
  const end = (): void => {
    if (running) tell({ type: "end" });
    running = false;
  };
  return {
    folder: path,
    get episodes() {
      return episodes;
    },
    get broken() {
      return broken;
    },
    begin: (instruction, seed) => {
      end();
      running = true;
      tell({ type: "begin", instruction, seed });
    },
    hear: (event) => {
      if (event.type === "step" && running) tell({ type: "step", event });
      if (event.type === "end") end();
    },
    close: async () => {
      end();
      control.postMessage({ type: "close" } satisfies ToRecorder);
      await gone;
      control.close();
    },
  };
}
