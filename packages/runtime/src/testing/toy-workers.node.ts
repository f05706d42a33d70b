/** World and policy of this room's live tests, each in the worker that `workerData.role` names. */
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { RobotLink } from "../live/robot-link.ts";
import { serveInference } from "../live/serve-inference.node.ts";
import { servePlant } from "../live/serve-plant.node.ts";
import { pandaLike } from "./panda-like.ts";
import { createToyPolicy } from "./toy-policy.ts";
import { ToyPlant } from "./toy-plant.ts";

/** How the policy behaves after its third thought. */
export type Misdeed = "none" | "hang" | "die" | "nan";

export type ToyWorkerData =
  | {
      readonly role: "plant";
      readonly link: RobotLink;
      readonly asks: MessagePort;
      readonly observations: MessagePort;
      readonly control: MessagePort;
    }
  | {
      readonly role: "policy";
      readonly observations: MessagePort;
      readonly thoughts: MessagePort;
      readonly misdeed: Misdeed;
    };

const GOOD_THOUGHTS = 3;

function plant({ link, asks, observations, control }: Extract<ToyWorkerData, { role: "plant" }>): void {
  servePlant({
    plant: new ToyPlant(pandaLike),
    link,
    asks,
    observations: () => observations,
    onTick: () => receiveMessageOnPort(control) === undefined,
  });
  control.close();
}

function policy({ observations, thoughts, misdeed }: Extract<ToyWorkerData, { role: "policy" }>): void {
  const toy = createToyPolicy({
    goal: [0.6, 0.2, 0.1],
    stateNames: pandaLike.stateNames,
    instead: (index) => {
      if (index < GOOD_THOUGHTS || misdeed === "none") return {};
      if (misdeed === "die") process.exit(7);
      // a hang that the thread cannot be woken from by a message
      if (misdeed === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return { values: new Float32Array(8 * 7).fill(Number.NaN) };
    },
  });
  serveInference({ policy: toy, observations, thoughts });
}

const data = workerData as ToyWorkerData;
if (data.role === "plant") plant(data);
else policy(data);
