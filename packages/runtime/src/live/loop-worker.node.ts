/** The loop's own thread: ticks on its own clock, whatever the rest of the process does. Started by `openLiveLoop`. */
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { LoopEvent, Thought } from "../loop-types.ts";
import { createLoop, type Loop } from "../loop.ts";
import type { FromLoop, LoopWorkerData, ToLoop } from "./messages.ts";
import { LOOP_NICENESS, preferThread, runInRealTime } from "./priority.node.ts";
import { processClock } from "./process-clock.node.ts";
import { createLinkedRobot } from "./robot-link.ts";
import { createStopReader } from "./stop-flag.ts";
import { runTicker } from "./ticker.node.ts";

type Ports = { readonly control: MessagePort; readonly asks: MessagePort; readonly thoughts: MessagePort };

function run(data: LoopWorkerData & Ports): void {
  const { embodiment, link, stopFlag, options, statusPeriodMs, control, asks } = data;
  let { thoughts } = data;
  if (!runInRealTime()) preferThread(LOOP_NICENESS);
  const events: LoopEvent[] = [];
  const loop = createLoop({
    ...options,
    robot: createLinkedRobot(link, embodiment),
    clock: processClock,
    stopRequested: createStopReader(stopFlag),
    record: (event) => void events.push(event),
    inference: {
      submit: (ask) => asks.postMessage(ask),
      poll: () => (receiveMessageOnPort(thoughts)?.message as Thought | undefined) ?? null,
    },
  });
  let open = true;
  let nextStatusMs = 0;
  runTicker({
    periodMs: embodiment.commandPeriodMs,
    onTick: (latenessMs) => {
      for (let got = receiveMessageOnPort(control); got !== undefined; got = receiveMessageOnPort(control)) {
        const message = got.message as ToLoop | { type: "thoughts"; port: MessagePort };
        if (message.type === "close") open = false;
        else if (message.type === "thoughts") {
          thoughts.close();
          thoughts = message.port;
        } else obey(loop, message);
      }
      loop.tick(latenessMs);
      const nowMs = processClock.nowMs();
      if (nowMs >= nextStatusMs) {
        nextStatusMs = nowMs + statusPeriodMs;
        control.postMessage({ status: loop.status(), events: events.splice(0) } satisfies FromLoop);
      }
      return open;
    },
  });
  control.close();
  thoughts.close();
}

function obey(loop: Loop, message: Exclude<ToLoop, { type: "close" }>): void {
  switch (message.type) {
    case "instruct":
      return loop.instruct(message.instruct);
    case "cancel":
      return loop.cancel(message.reason);
    case "stop":
      return loop.stop(message.by);
    case "fault":
      return loop.fault(message.by, message.reason);
    case "raise":
      return loop.raise(message.mode, message.by);
    case "nudge":
      return loop.nudge(message.deltaM, message.by);
    default:
      message satisfies never;
  }
}

run(workerData as LoopWorkerData & Ports);
