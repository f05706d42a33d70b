/** The world's thread: steps a plant in real time, takes commands, publishes states, looks when it is asked to. */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Ask } from "../loop-types.ts";
import type { Plant } from "../virtual.ts";
import { processClock } from "./process-clock.node.ts";
import { createRobotHost, type RobotLink } from "./robot-link.ts";
import type { InferenceRequest } from "./serve-inference.node.ts";
import { runTicker } from "./ticker.node.ts";

export type ServePlantOptions = {
  readonly plant: Plant;
  readonly link: RobotLink;
  /** `Ask` comes in here ... */
  readonly asks: MessagePort;
  /** ... and an `InferenceRequest` leaves here. May be replaced when the inference worker is started anew. */
  readonly observations: () => MessagePort;
  /** Called with every observation that was made, such as to show or record its pictures. */
  readonly onObservation?: (request: InferenceRequest) => void;
  /** After every step, also for taking messages. Answering false ends the service. */
  readonly onTick: (latenessMs: number) => boolean;
};

/** At most so many steps are made up for after a delay; beyond that the world's time lags behind. */
const MAX_CATCH_UP = 5;

/** Blocks the thread (see `runTicker`): everything it needs must have been loaded before. */
export function servePlant({ plant, link, asks, observations, onObservation, onTick }: ServePlantOptions): void {
  const { robot } = plant;
  const { commandPeriodMs } = robot.embodiment;
  const host = createRobotHost(link, robot, processClock);
  host.publish(robot.read());
  let owedMs = 0;
  let lastMs = processClock.nowMs();
  runTicker({
    periodMs: commandPeriodMs,
    onTick: (latenessMs) => {
      const nowMs = processClock.nowMs();
      owedMs = Math.min(owedMs + nowMs - lastMs, MAX_CATCH_UP * commandPeriodMs);
      lastMs = nowMs;
      host.deliver();
      while (owedMs >= commandPeriodMs) {
        plant.step(commandPeriodMs);
        owedMs -= commandPeriodMs;
      }
      host.publish(robot.read());
      const ask = newest(asks);
      if (ask !== null) {
        const request: InferenceRequest = { observation: plant.observe(ask), seed: ask.seed };
        observations().postMessage(request);
        onObservation?.(request);
      }
      return onTick(latenessMs);
    },
  });
}

function newest(asks: MessagePort): Ask | null {
  let ask: Ask | null = null;
  for (let got = receiveMessageOnPort(asks); got !== undefined; got = receiveMessageOnPort(asks)) {
    ask = got.message as Ask;
  }
  return ask;
}
