import { MessageChannel } from "node:worker_threads";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { Mind } from "./mind.ts";

const told: string[] = [];
const faults: string[] = [];
let replaced = 0;
beforeEach(() => {
  told.length = 0;
  faults.length = 0;
  replaced = 0;
});

const minds: Mind[] = [];
afterAll(() => Promise.all(minds.map((mind) => mind.close())));

/** A mind whose threads do as the module says, JavaScript that finds its ports in `workerData`. */
function open(source: string): Mind {
  const { port1: thoughts } = new MessageChannel();
  const policyModule = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const deaths = { waitsMs: [0, 20, 50], healthyMs: 60_000 };
  const mind = new Mind({ policy: "test", policyModule, deaths }, thoughts);
  minds.push(mind);
  mind.keepAlive({
    loop: { fault: (by, reason) => void faults.push(`${by}: ${reason}`), replaceThoughts: () => void (replaced += 1) },
    tellWorld: (message) => expect(message.type).toBe("observations"),
    onTrouble: (sentence) => void told.push(sentence),
  });
  return mind;
}

const READY = `
  import { workerData } from "node:worker_threads";
  workerData.control.postMessage({ type: "ready", info: { name: "test" } });
`;
const givenUp = (): void => expect(told.at(-1)).toMatch(/ended \d times in a row .* is not started again/);

test("a thread that dies after every start is given up after a few, and a person may try it once more", async () => {
  const mind = open(`${READY} setTimeout(() => process.exit(7), 20);`);
  expect(await mind.info()).toEqual({ name: "test" });
  await vi.waitFor(givenUp, 10_000);
  expect(faults).toHaveLength(4);
  expect(new Set(faults)).toEqual(new Set(["inference: the policy's thread ended: the worker ended with code 7"]));
  expect(replaced).toBe(3);
  expect(told.at(-1)).toMatch(/4 times in a row .*"Let it move" tries once more/);
  mind.restart();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(replaced).toBe(3);
  mind.revive();
  mind.revive();
  await vi.waitFor(() => expect(faults).toHaveLength(5), 10_000);
  await vi.waitFor(givenUp);
  expect(replaced).toBe(4);
});

test("one that cannot even load is given up too, with what it said", async () => {
  const mind = open(`
    import { workerData } from "node:worker_threads";
    workerData.control.postMessage({ type: "failed", code: "bad-checkpoint", message: "The weights are gone." });
    workerData.control.close();
  `);
  await expect(mind.info()).rejects.toThrow("The weights are gone.");
  await vi.waitFor(givenUp, 10_000);
  expect(told).toContain("The policy could not be started anew: The weights are gone.");
  expect(faults).toHaveLength(4);
});

test("one that hangs is replaced at once, and what still loads is left in peace", async () => {
  const mind = open(`${READY} setInterval(() => {}, 1000);`);
  await mind.info();
  mind.restart();
  mind.restart();
  await vi.waitFor(() => expect(told).toEqual([expect.stringMatching(/^The policy was started anew/)]), 10_000);
  expect(replaced).toBe(1);
  expect(faults).toEqual(["inference: the policy's thread ended: it did not answer"]);
});
