/** The inference thread's whole job: observations in, thoughts out. Imported by a worker that has loaded a policy. */
import type { MessagePort } from "node:worker_threads";
import { messageOf } from "../contract/errors.ts";
import type { Observation, Policy } from "../contract/types.ts";
import type { Thought } from "../loop-types.ts";
import { PATIENT_NICENESS, preferThread } from "./priority.node.ts";

/** What the observer sends: the observation and the seed of the ask. */
export type InferenceRequest = { readonly observation: Observation; readonly seed: number };

export type ServeInferenceOptions = {
  readonly policy: Policy;
  /** `InferenceRequest` comes in here ... */
  readonly observations: MessagePort;
  /** ... and a `Thought` leaves here. */
  readonly thoughts: MessagePort;
  readonly head?: string;
};

/** Serves until the ports close. Only the newest observation is thought about: an old one is worth nothing. */
export function serveInference({ policy, observations, thoughts, head }: ServeInferenceOptions): void {
  preferThread(PATIENT_NICENESS);
  let next: InferenceRequest | null = null;
  let busy = false;

  const think = async (request: InferenceRequest): Promise<Thought> => {
    const askId = request.observation.id;
    try {
      const chunk = await policy.infer(request.observation, {
        seed: request.seed,
        ...(head === undefined ? {} : { head }),
      });
      return { askId, chunk };
    } catch (thrown) {
      return { askId, error: messageOf(thrown) };
    }
  };

  const work = async (): Promise<void> => {
    busy = true;
    while (next !== null) {
      const request: InferenceRequest = next;
      next = null;
      thoughts.postMessage(await think(request));
    }
    busy = false;
  };

  observations.on("message", (request: InferenceRequest) => {
    next = request;
    if (!busy) void work();
  });
}
