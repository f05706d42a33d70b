import { expect, test } from "vitest";
import type { LoopEvent } from "./loop-types.ts";
import { pandaLike } from "./testing/panda-like.ts";
import { createToyPolicy, type ToyOptions } from "./testing/toy-policy.ts";
import { ToyPlant } from "./testing/toy-plant.ts";
import { type RunOptions, runVirtual } from "./virtual.ts";

const GOAL = [0.6, 0.2, 0.05] as const;

function setUp(toy: Partial<ToyOptions> = {}): RunOptions & { plant: ToyPlant } {
  const policy = createToyPolicy({ goal: GOAL, stateNames: pandaLike.stateNames, ...toy });
  return { plant: new ToyPlant(pandaLike), policy, instruction: "go", inferDelayMs: 30 };
}

test("runs an instruction to its end, the same every time", async () => {
  const once = async (): Promise<unknown> => {
    const options = setUp();
    const { outcome, simMs, inferences } = await runVirtual(options);
    return { outcome, simMs, inferences, sent: options.plant.sent };
  };
  const first = (await once()) as { outcome: unknown; simMs: number };
  expect(first.outcome).toMatchObject({ verdict: "done", believedDone: true, moved: true });
  expect(first.simMs).toBeLessThan(5000);
  expect(await once()).toEqual(first);
});

test("a thought is delivered after the delay, at the state of its observation", async () => {
  const events: LoopEvent[] = [];
  await runVirtual({ ...setUp(), inferDelayMs: 70, record: (event) => void events.push(event) });
  const asks = events.filter((event) => event.type === "ask");
  const thoughts = events.filter((event) => event.type === "thought");
  expect(thoughts.length).toBeGreaterThan(5);
  for (const [i, thought] of thoughts.entries()) {
    expect(thought.thought.askId).toBe(asks[i]!.ask.id);
    expect(thought.atMs - asks[i]!.atMs).toBe(70);
  }
});

test("the step hook sees every observation with its chunk, and can end the run", async () => {
  const seen: number[] = [];
  const { outcome, inferences } = await runVirtual({
    ...setUp(),
    onStep: ({ index, observation, chunk }) => {
      seen.push(index);
      expect(chunk?.origin.observationId).toBe(observation.id);
      return index === 4 ? "end" : undefined;
    },
  });
  expect(seen).toEqual([0, 1, 2, 3, 4]);
  expect(inferences).toBe(5);
  expect(outcome).toMatchObject({ verdict: "stopped", reason: "ended by the run" });
});

test("virtual time runs out", async () => {
  const { outcome, simMs } = await runVirtual({ ...setUp({ goal: [0.3, -0.4, 0.5] }), maxMs: 500 });
  expect(outcome.verdict).toBe("failed");
  expect(simMs).toBeLessThan(600);
});

test("a policy that throws is a hold with its sentence", async () => {
  const options = setUp({
    instead: () => {
      throw new TypeError("the weights are gone");
    },
  });
  const { outcome } = await runVirtual(options);
  expect(outcome).toMatchObject({ verdict: "held", moved: false });
  expect(outcome.reason).toContain("the weights are gone");
});

test("a policy that asks moves nothing", async () => {
  const options = setUp({ instead: () => ({ intent: { kind: "ask", question: "Which one?", candidates: [] } }) });
  const { outcome } = await runVirtual(options);
  expect(outcome).toMatchObject({ verdict: "asked", question: "Which one?", moved: false });
  expect(new Set(options.plant.sent.map(({ jointRad }) => String(jointRad))).size).toBe(1);
});
