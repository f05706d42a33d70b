/**
 * The threads of a live session and how they are joined: world, inference (or the expert inside the world's thread), loop.
 * What becomes of a dead or hanging inference thread stands in `mind.ts`.
 */
import { MessageChannel, type MessagePort, type Worker } from "node:worker_threads";
import { type CameraSizes, TABLETOP_CAMERAS } from "@bidden/eval";
import type { LoopEvent, LoopStatus, PolicyInfo } from "@bidden/runtime";
import {
  createRobotLink,
  type LiveLoop,
  openLiveLoop,
  type RobotLink,
  spawnWorker,
  watchWorker,
} from "@bidden/runtime/node";
import { pandaEmbodiment } from "@bidden/sim";
import { Mind } from "./mind.ts";
import { type LiveRecording, openLiveRecording } from "./recording.ts";
import type { FromWorld, ToWorld } from "./wires.ts";
import { firstWord } from "./worker-death.ts";
import type { WorldWorkerData } from "./world-worker.ts";

export type PartsOptions = {
  /** "tabletop", "expert", or the folder of a checkpoint. */
  readonly policy: string;
  /** The inference thread's module, where it is not this command's own. */
  readonly policyModule?: URL;
  readonly seed: number;
  /** Folder of the dataset to which episodes are added; null: nothing is recorded. */
  readonly record: string | null;
  readonly onWorld: (message: FromWorld) => void;
  readonly onStatus: (status: LoopStatus) => void;
  readonly onEvent: (event: LoopEvent) => void;
  /** Something broke; a sentence for the conversation. */
  readonly onTrouble: (sentence: string) => void;
};

export type Parts = {
  readonly loop: LiveLoop;
  /** null: the scripted expert drives. */
  readonly policy: PolicyInfo | null;
  readonly cameras: CameraSizes;
  readonly recording: LiveRecording | null;
  readonly tellWorld: (message: ToWorld, transfer?: readonly MessagePort[]) => void;
  /** Ends a hanging inference thread; another one takes its place. */
  readonly restartPolicy: () => void;
  /** A person lets the arm move again: an inference thread that was given up is tried once more. */
  readonly revivePolicy: () => void;
  readonly close: () => Promise<void>;
};

/** An instruction that takes longer has failed, ms. */
const MAX_TASK_MS = 60_000;

export async function openParts(options: PartsOptions): Promise<Parts> {
  const asks = new MessageChannel();
  const thoughts = new MessageChannel();
  const link = createRobotLink(pandaEmbodiment.joints.length);
  const expert = options.policy === "expert";
  const tape = options.record === null ? null : new MessageChannel();
  const mind = expert ? null : new Mind(options, thoughts.port1);
  const world = spawnWorld({
    link,
    asks: asks.port2,
    observations: mind?.observations ?? null,
    thoughts: expert ? thoughts.port1 : null,
    recorder: tape?.port1 ?? null,
    seed: options.seed,
  });
  world.control.on("message", options.onWorld);
  const abandon = async (thrown: unknown): Promise<never> => {
    await Promise.all([world.worker.terminate(), mind?.close()]);
    throw thrown;
  };
  const [policy] = await Promise.all([
    mind?.info() ?? null,
    firstWord<FromWorld, "scene">(world.control, world.worker, "scene", "simulator"),
  ]).catch(abandon);
  // the expert needs no pictures, the page does
  const cameras = policy?.cameras ?? TABLETOP_CAMERAS;
  const recording = await openTape(options, cameras, policy, tape?.port2 ?? null).catch(abandon);
  const tellWorld: Parts["tellWorld"] = (message, transfer = []) => world.control.postMessage(message, transfer);
  const ports = { asks: asks.port1, thoughts: thoughts.port2 };
  const loop = openLoop(options, link, ports, policy?.historyLength ?? 0);
  mind?.keepAlive({ loop, tellWorld, onTrouble: options.onTrouble });
  const closeWorld = guardWorld(world.worker, loop, options.onTrouble);
  tellWorld({ type: "begin", cameras });
  return {
    loop,
    policy,
    cameras,
    recording,
    tellWorld,
    restartPolicy: () => mind?.restart(),
    revivePolicy: () => mind?.revive(),
    close: async () => {
      await loop.close();
      await recording?.close();
      await Promise.all([closeWorld(() => tellWorld({ type: "close" })), mind?.close()]);
      world.control.close();
    },
  };
}

/** What is recorded of the scripted expert says so. */
const EXPERT: PolicyInfo = {
  name: "expert",
  modelDigest: "",
  space: pandaEmbodiment.actionSpace,
  horizon: 8,
  cameras: {},
  stateNames: pandaEmbodiment.stateNames,
  historyLength: 0,
  heads: [],
};

function openTape(
  { record, onTrouble }: PartsOptions,
  cameras: CameraSizes,
  policy: PolicyInfo | null,
  observations: MessagePort | null,
): Promise<LiveRecording | null> {
  if (record === null || observations === null) return Promise.resolve(null);
  return openLiveRecording({ folder: record, cameras, policy: policy ?? EXPERT, observations, onTrouble });
}

function openLoop(
  { seed, onStatus, onEvent, onTrouble }: PartsOptions,
  link: RobotLink,
  ports: { readonly asks: MessagePort; readonly thoughts: MessagePort },
  historyLength: number,
): LiveLoop {
  return openLiveLoop({
    embodiment: pandaEmbodiment,
    link,
    ...ports,
    options: { historyLength, runId: `live-${Date.now()}`, seed, maxTaskMs: MAX_TASK_MS },
    onStatus,
    onEvent,
    onDeath: (reason) =>
      onTrouble(`The control loop ended (${reason}): nothing moves any more. Start the command again.`),
  });
}

/** A world that ends by itself is a stop and a sentence. Answers how to end it in peace. */
function guardWorld(
  worker: Worker,
  loop: LiveLoop,
  onTrouble: PartsOptions["onTrouble"],
): (end: () => void) => Promise<void> {
  let closing = false;
  const gone = watchWorker(worker, (reason) => {
    if (closing) return;
    loop.stop("the simulator's end");
    onTrouble(`The simulator ended (${reason}): nothing moves any more. Start the command again.`);
  });
  return (end) => {
    closing = true;
    end();
    return gone;
  };
}

function spawnWorld(data: Omit<WorldWorkerData, "control">): { worker: Worker; control: MessagePort } {
  const { port1: control, port2 } = new MessageChannel();
  const ports = [data.asks, data.observations, data.thoughts, data.recorder, port2].filter((port) => port !== null);
  const worker = spawnWorker(new URL("./world-worker.ts", import.meta.url), {
    name: "bidden-world",
    workerData: { ...data, control: port2 } satisfies WorldWorkerData,
    transferList: ports,
  });
  return { worker, control };
}
