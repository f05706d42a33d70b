import { MessageChannel, Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import type { ActionChunk, Observation, Policy } from "../contract/types.ts";
import type { Thought } from "../loop-types.ts";
import { pandaLike } from "../testing/panda-like.ts";
import { createToyPolicy } from "../testing/toy-policy.ts";
import { endWorker } from "./live-loop.node.ts";
import { type InferenceRequest, serveInference } from "./serve-inference.node.ts";

const request = (id: string): InferenceRequest => ({
  seed: 1,
  observation: {
    id,
    captureNs: 0n,
    cameras: {},
    state: new Float32Array(pandaLike.stateNames.length),
    history: [],
    instruction: "go",
  },
});

/** Serves a policy on this thread; `next` waits for one thought. */
function serve(infer: Policy["infer"]) {
  const observations = new MessageChannel();
  const thoughts = new MessageChannel();
  const toy = createToyPolicy({ goal: [0.5, 0, 0.1], stateNames: pandaLike.stateNames });
  serveInference({ policy: { ...toy, infer }, observations: observations.port2, thoughts: thoughts.port1 });
  const next = (): Promise<Thought> => new Promise((resolve) => thoughts.port2.once("message", resolve));
  const close = (): void => {
    observations.port1.close();
    thoughts.port2.close();
  };
  return { toy, ask: (id: string) => observations.port1.postMessage(request(id)), next, close };
}

test("while it thinks only the newest observation waits", async () => {
  const seen: string[] = [];
  const doors: (() => void)[] = [];
  const toy = createToyPolicy({ goal: [0.5, 0, 0.1], stateNames: pandaLike.stateNames });
  const { ask, next, close } = serve(async (observation: Observation, how): Promise<ActionChunk> => {
    seen.push(observation.id);
    await new Promise<void>((resolve) => doors.push(resolve));
    return toy.infer(observation, how);
  });
  for (const id of ["a", "b", "c", "d"]) ask(id);
  // all four have arrived when a message sent after them would have
  await new Promise((resolve) => setTimeout(resolve, 50));
  doors.shift()?.();
  expect((await next()).askId).toBe("a");
  await new Promise((resolve) => setTimeout(resolve, 20));
  doors.shift()?.();
  expect((await next()).askId).toBe("d");
  expect(seen).toEqual(["a", "d"]);
  close();
});

test("a policy that throws answers with its sentence and goes on", async () => {
  let calls = 0;
  const { toy, ask, next, close } = serve((observation, how) => {
    calls += 1;
    return calls === 1 ? Promise.reject(new TypeError("no memory")) : toy.infer(observation, how);
  });
  ask("a");
  expect(await next()).toEqual({ askId: "a", error: "no memory" });
  ask("b");
  expect(await next()).toMatchObject({ askId: "b", chunk: { horizon: 8 } });
  close();
});

test("a worker that has nothing left ends by itself, one that hangs is ended", async () => {
  const code = (worker: Worker): Promise<number> => new Promise((resolve) => worker.once("exit", resolve));
  const quiet = new Worker("setTimeout(() => {}, 100)", { eval: true });
  const quietEnd = code(quiet);
  await endWorker(quiet, 30_000);
  expect(await quietEnd).toBe(0);
  const hanging = new Worker("require('node:worker_threads').parentPort.postMessage('up'); for (;;);", { eval: true });
  const hangingEnd = code(hanging);
  await new Promise((resolve) => hanging.once("message", resolve));
  await endWorker(hanging, 100);
  expect(await hangingEnd).toBe(1);
  await endWorker(hanging, 100);
});
