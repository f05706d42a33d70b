/**
 * The main thread's handle on a loop that runs in its own worker. The world (or a driver) and the policy run in workers of
 * their own; this file joins them: asks go loop -> observer -> inference, thoughts come inference -> loop, and the main
 * thread only talks to people.
 */
import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { messageOf } from "../contract/errors.ts";
import type { Embodiment, Mode } from "../contract/types.ts";
import type { Instruct, LoopEvent, LoopStatus } from "../loop-types.ts";
import type { FromLoop, LiveLoopOptions, LoopWorkerData, ToLoop } from "./messages.ts";
import type { RobotLink } from "./robot-link.ts";
import { spawnWorker } from "./spawn.node.ts";
import { createStopFlag, raiseStopFlag } from "./stop-flag.ts";

export type OpenLiveLoopOptions = {
  readonly embodiment: Embodiment;
  readonly link: RobotLink;
  /** The loop's end of the channel to the observer (`Ask` leaves here). Transferred: do not use it afterwards. */
  readonly asks: MessagePort;
  /** The loop's end of the channel from the inference worker (`Thought` comes in here). Transferred too. */
  readonly thoughts: MessagePort;
  readonly options?: LiveLoopOptions;
  /** How often the main thread hears from the loop, ms. */
  readonly statusPeriodMs?: number;
  readonly onStatus?: (status: LoopStatus) => void;
  readonly onEvent?: (event: LoopEvent) => void;
  /** The loop's thread ended by itself. Nothing moves any more; open a new one. */
  readonly onDeath?: (reason: string) => void;
};

export type LiveLoop = {
  /** The latest status; null until the first has come. */
  readonly status: LoopStatus | null;
  instruct(instruct: Instruct): void;
  cancel(reason: string): void;
  /** At the loop's next tick, whatever else is going on. */
  stop(by: string): void;
  /** A part that failed, such as a dead worker: hold, latched. */
  fault(by: string, reason: string): void;
  raise(mode: Mode, by: string): void;
  nudge(deltaM: readonly [number, number, number], by: string): void;
  /** From a new inference worker, after the old one died. The port is transferred. */
  replaceThoughts(port: MessagePort): void;
  close(): Promise<void>;
};

export function openLiveLoop(options: OpenLiveLoopOptions): LiveLoop {
  const { embodiment, link, asks, thoughts, statusPeriodMs = 50 } = options;
  const stopFlag = createStopFlag();
  const { port1: control, port2 } = new MessageChannel();
  const data: LoopWorkerData = { embodiment, link, stopFlag, options: options.options ?? {}, statusPeriodMs };
  const worker = spawnWorker(new URL("./loop-worker.node.ts", import.meta.url), {
    name: "bidden-loop",
    workerData: { ...data, control: port2, asks, thoughts },
    transferList: [port2, asks, thoughts],
  });
  let latest: LoopStatus | null = null;
  let closing = false;
  control.on("message", ({ status, events }: FromLoop) => {
    latest = status;
    for (const event of events) options.onEvent?.(event);
    options.onStatus?.(status);
  });
  const gone = watch(worker, (reason) => {
    control.close();
    if (!closing) options.onDeath?.(reason);
  });
  const tell = (message: ToLoop): void => control.postMessage(message);
  return {
    get status() {
      return latest;
    },
    instruct: (instruct) => tell({ type: "instruct", instruct }),
    cancel: (reason) => tell({ type: "cancel", reason }),
    stop: (by) => {
      raiseStopFlag(stopFlag);
      tell({ type: "stop", by });
    },
    fault: (by, reason) => tell({ type: "fault", by, reason }),
    raise: (mode, by) => tell({ type: "raise", mode, by }),
    nudge: (deltaM, by) => tell({ type: "nudge", deltaM, by }),
    replaceThoughts: (port) => control.postMessage({ type: "thoughts", port }, [port]),
    close: async () => {
      closing = true;
      tell({ type: "close" });
      await gone;
    },
  };
}

/**
 * Lets a worker come to its own end (its ports are closed, so nothing keeps it) and ends it by force only when it does not.
 * Force while ONNX Runtime is computing ends the whole process: its native callback meets a thread that is no more.
 */
export async function endWorker(worker: Worker, patienceMs = 2000): Promise<void> {
  if (worker.threadId === -1) return;
  const patience = setTimeout(() => void worker.terminate(), patienceMs);
  await new Promise((resolve) => worker.once("exit", resolve));
  clearTimeout(patience);
}

/** Resolves when the worker has ended; tells why, once. */
export function watch(worker: Worker, onEnd: (reason: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let reason = "";
    worker.on("error", (thrown) => {
      reason = messageOf(thrown);
    });
    worker.on("exit", (code) => {
      onEnd(reason === "" ? `the worker ended with code ${code}` : reason);
      resolve();
    });
  });
}
