/** The recorder's thread: writes episodes as they are lived. Pictures are compressed here, never on the main thread. */
import { type MessagePort, workerData } from "node:worker_threads";
import type { CameraSizes } from "@bidden/eval";
import { openRunRecording, type RunRecording } from "@bidden/eval/node";
import type { Observation, PolicyInfo } from "@bidden/runtime";
import { pandaEmbodiment } from "@bidden/sim";
import type { FromRecorder, ToRecorder } from "./recording.ts";
import { asFailed } from "./worker-death.ts";

export type RecordWorkerData = {
  readonly folder: string;
  readonly cameras: CameraSizes;
  readonly policy: PolicyInfo;
  readonly control: MessagePort;
  /** `Observation`s come in here, from the world's thread. */
  readonly observations: MessagePort;
};

/** Observations that wait for their step: steps are told of in batches, a little later. */
const KEPT = 16;

const { folder, cameras, policy, control, observations } = workerData as RecordWorkerData;
const seen = new Map<string, Observation>();

function see(observation: Observation): void {
  seen.set(observation.id, observation);
  const [oldest] = seen.keys();
  if (seen.size > KEPT && oldest !== undefined) seen.delete(oldest);
}

async function obey(recording: RunRecording, message: ToRecorder): Promise<FromRecorder | null> {
  switch (message.type) {
    case "begin":
      seen.clear();
      recording.begin(message.instruction, message.seed, policy);
      return null;
    case "step": {
      // A step in which nothing was asked (the thought before came late) shows what was seen last.
      const observation = seen.get(message.event.askId ?? "") ?? [...seen.values()].at(-1);
      if (observation !== undefined) recording.see(observation);
      recording.hear(message.event);
      return null;
    }
    case "end":
      return { type: "ended", kept: await recording.end() };
    case "close":
      await recording.close();
      control.close();
      observations.close();
      return null;
    default:
      return message satisfies never;
  }
}

try {
  const recording = await openRunRecording(folder, { embodiment: pandaEmbodiment, cameras });
  control.postMessage({ type: "ready", path: recording.path } satisfies FromRecorder);
  observations.on("message", see);
  let turn = Promise.resolve();
  control.on("message", (message: ToRecorder) => {
    turn = turn
      .then(() => obey(recording, message))
      .then((answer) => void (answer === null || control.postMessage(answer)))
      .catch((thrown: unknown) => control.postMessage(asFailed(thrown)));
  });
} catch (thrown) {
  control.postMessage(asFailed(thrown));
  control.close();
}
