import { beforeEach, describe, expect, test } from "vitest";
import type { ActionChunk, Belief } from "./contract/types.ts";
import { createLoop, type Loop, type LoopOptions } from "./loop.ts";
import type { Ask, LoopEvent, Thought } from "./loop-types.ts";
import { pandaLike } from "./testing/panda-like.ts";
import { ToyPlant } from "./testing/toy-plant.ts";

const TICK_MS = 10;
const OBEY: Belief = { intent: { kind: "obey" }, done: 0, pointing: [] };

/** A loop whose policy is the test itself: asks pile up, thoughts are put in by hand. */
class Rig {
  readonly plant = new ToyPlant(pandaLike);
  readonly events: LoopEvent[] = [];
  readonly asks: Ask[] = [];
  readonly loop: Loop;
  stopFlag = false;
  gripper = 1;
  readonly #thoughts: Thought[] = [];

  constructor(options: Partial<LoopOptions> = {}) {
    this.loop = createLoop({
      robot: this.plant.robot,
      clock: { nowMs: () => this.plant.timeMs },
      inference: {
        submit: (ask) => void this.asks.push(ask),
        poll: () => this.#thoughts.shift() ?? null,
      },
      record: (event) => void this.events.push(event),
      stopRequested: () => this.stopFlag,
      historyLength: 2,
      ...options,
    });
    this.run(20);
  }

  run(ms: number, each: () => void = () => {}): void {
    for (let t = 0; t < ms; t += TICK_MS) {
      each();
      this.loop.tick();
      this.plant.step(TICK_MS);
    }
  }

  /** Answers the newest ask with a chunk that moves y by `y` a step. */
  answer(belief: Partial<Belief> = {}, y = 0.01, ask = this.asks.at(-1)!): void {
    const chunk: ActionChunk = {
      values: Float32Array.from(Array.from({ length: 8 }, () => [0, y, 0, 0, 0, 0, this.gripper]).flat()),
      horizon: 8,
      space: pandaLike.actionSpace,
      startNs: ask.captureNs,
      origin: { source: "test", modelDigest: "", observationId: ask.id, seed: 0, stageMs: { infer: 3 } },
      belief: { ...OBEY, ...belief },
    };
    this.#thoughts.push({ askId: ask.id, chunk });
  }

  fail(error: string): void {
    this.#thoughts.push({ askId: this.asks.at(-1)!.id, error });
  }

  /** Lets time pass with every ask answered at once. */
  think(ms: number, belief: Partial<Belief> = {}, y = 0.01): void {
    let answered = this.asks.length;
    this.run(ms, () => {
      if (this.asks.length === answered) return;
      answered = this.asks.length;
      this.answer(belief, y);
    });
  }

  go(text = "go"): void {
    this.loop.instruct({ text, by: "tester" });
  }

  get toolY(): number {
    return this.loop.status().toolPos[1];
  }

  ended(): Extract<LoopEvent, { type: "end" }> | undefined {
    return this.events.findLast((event) => event.type === "end");
  }
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

describe("asking", () => {
  test("nobody asked: nothing is asked, nothing is sent", () => {
    rig.run(500);
    expect(rig.asks).toEqual([]);
    expect(rig.plant.sent).toEqual([]);
    expect(rig.loop.phase).toBe("idle");
  });

  test("once a control step, with the state of that moment and earlier ones", () => {
    rig.go("pick it up");
    rig.think(450);
    expect(rig.asks.map(({ captureMs }) => captureMs - rig.asks[0]!.captureMs)).toEqual([0, 100, 200, 300, 400]);
    expect(rig.asks[4]!.instruction).toBe("pick it up");
    expect(rig.asks[4]!.history).toEqual([rig.asks[2]!.state, rig.asks[3]!.state]);
    expect(rig.asks[0]!.history).toEqual([rig.asks[0]!.state, rig.asks[0]!.state]);
    expect(new Set(rig.asks.map(({ id }) => id)).size).toBe(5);
  });

  test("a slow policy is asked again at the step after its answer, not before", () => {
    rig.go();
    rig.run(150);
    expect(rig.asks).toHaveLength(1);
    rig.answer();
    rig.run(20);
    expect(rig.asks).toHaveLength(2);
  });

  test("hints go along", () => {
    rig.loop.instruct({ text: "go", by: "tester", hints: { place: [0.4, 0.1, 0] } });
    rig.run(20);
    expect(rig.asks[0]!.hints).toEqual({ place: [0.4, 0.1, 0] });
  });
});

describe("moving", () => {
  test("begins with the second obeying thought and follows the chunks", () => {
    rig.go();
    rig.think(90);
    expect(rig.loop.phase).toBe("considering");
    expect(Math.abs(rig.toolY)).toBeLessThan(1e-4);
    rig.think(1000);
    expect(rig.loop.phase).toBe("moving");
    expect(rig.toolY).toBeGreaterThan(0.06);
  });

  test("what a step really did is recorded", () => {
    rig.go();
    rig.think(1000);
    const steps = rig.events.filter((event) => event.type === "step");
    expect(steps.at(-1)!.action[1]).toBeCloseTo(0.01, 5);
    expect(steps.at(-1)!.askId).toBe(rig.asks.at(-2)!.id);
    expect(steps[0]!.action.slice(0, 6)).toEqual(new Float32Array(6));
    // nothing from before the instruction, and every step with its ask
    expect(steps.map(({ askId }) => askId)).toEqual(rig.asks.slice(0, steps.length).map(({ id }) => id));
  });

  test("the status shows where the chunk leads", () => {
    rig.go();
    rig.think(500);
    const { plan, stageMs, source, chunk } = rig.loop.status();
    expect(plan.length % 3).toBe(0);
    expect(plan.at(-2)! - plan[1]!).toBeGreaterThan(0.06);
    expect(stageMs).toMatchObject({ infer: 3 });
    expect([source, chunk]).toEqual(["test", "active"]);
  });

  test("without new thoughts the chunk runs out into a hold", () => {
    rig = new Rig({ silenceMs: 60_000 });
    rig.go();
    rig.think(300);
    rig.run(1500);
    const { verdict, chunk, mode } = rig.loop.status();
    expect([verdict.kind, verdict.reason, chunk, mode]).toEqual(["hold", "no-proposal", "empty", "nominal"]);
    const { sent } = rig.plant;
    expect(sent.at(-1)!.jointRad).toEqual(sent.at(-20)!.jointRad);
    rig.answer();
    rig.think(300);
    expect(rig.loop.status().verdict.kind).toBe("ok");
  });

  test("an unclear intent on the way pauses until it is clear again", () => {
    rig.go();
    rig.think(500);
    rig.think(400, { intent: { kind: "hold", reason: "the hand is in the way" } });
    expect(rig.loop.phase).toBe("paused");
    const still = rig.toolY;
    rig.think(200, { intent: { kind: "hold", reason: "the hand is in the way" } });
    expect(rig.toolY).toBeCloseTo(still, 4);
    rig.think(600);
    expect(rig.loop.phase).toBe("moving");
  });
});

describe("not moving", () => {
  test.each([
    [{ kind: "ask", question: "Which one?", candidates: [{ at: [0.4, 0, 0], mass: 0.5 }] }, "asked"],
    [{ kind: "refuse", reason: "There is no pink block." }, "refused"],
    [{ kind: "hold", reason: "I am not sure." }, "held"],
  ] as const)("%o ends as %s", (intent, verdict) => {
    rig.go();
    rig.think(500, { intent });
    expect(rig.loop.outcome).toMatchObject({ verdict, moved: false });
    expect(new Set(rig.plant.sent.map(({ jointRad }) => String(jointRad))).size).toBeLessThanOrEqual(1);
    expect(rig.loop.phase).toBe("idle");
    expect(rig.ended()?.outcome.question).toBe(intent.kind === "ask" ? "Which one?" : undefined);
  });
});

describe("ending", () => {
  test("done when the policy says so three times at rest", () => {
    rig.go();
    rig.think(500);
    rig.think(1000, { done: 0.9 }, 0);
    expect(rig.loop.outcome).toMatchObject({ verdict: "done", believedDone: true, moved: true });
    expect(rig.loop.gate.currentGrant).toBeNull();
  });

  test("failed when the time is over", () => {
    rig = new Rig({ maxTaskMs: 700 });
    rig.go();
    rig.think(1000);
    expect(rig.loop.outcome).toMatchObject({ verdict: "failed", reason: "not done within 0.7 s" });
  });
});

describe("faults hold, latched, with a reason", () => {
  const settled = (): void => {
    rig.run(500);
    expect(rig.loop.gate.mode).toBe("hold");
    expect(rig.loop.outcome?.verdict).toBe("held");
    rig.go("again");
    rig.think(500);
    expect(rig.loop.status().verdict.reason).toBe("mode-hold");
    rig.loop.raise("nominal", "tester");
    rig.think(500);
    expect(rig.loop.status().verdict.kind).toBe("ok");
  };

  test("silence", () => {
    rig.go();
    rig.think(400);
    rig.run(2000);
    expect(rig.loop.outcome?.reason).toContain("silent");
    settled();
  });

  test("a chunk that is not finite", () => {
    rig.go();
    rig.think(400);
    rig.think(200, {}, Number.NaN);
    expect(rig.loop.outcome?.reason).toContain("finite");
    settled();
  });

  test("a policy that throws", () => {
    rig.go();
    rig.run(50);
    rig.fail("out of memory");
    rig.run(50);
    expect(rig.loop.outcome?.reason).toContain("out of memory");
    settled();
  });
});

describe("a stop", () => {
  test.each(["act", "flag"])("by %s decelerates within one tick and latches", (how) => {
    rig.go();
    rig.think(800);
    const speed = (): number => {
      const [a, b] = rig.plant.sent.slice(-2);
      return Math.hypot(...b!.jointRad.map((x, j) => x - a!.jointRad[j]!));
    };
    const before = speed();
    if (how === "act") rig.loop.stop("tester");
    else rig.stopFlag = true;
    rig.run(TICK_MS);
    expect(speed()).toBeLessThan(before);
    rig.stopFlag = false;
    rig.run(500);
    expect(rig.loop.status()).toMatchObject({ mode: "stop", outcome: { verdict: "stopped", moved: true } });
    const y = rig.toolY;
    rig.go("again");
    rig.think(500);
    expect(rig.toolY).toBeCloseTo(y, 6);
  });

  test("a robot that says nothing any more is a stop", () => {
    rig.go();
    rig.think(400);
    for (let k = 0; k < 80; k++) {
      // time passes for the loop only
      (rig.plant as { timeMs: number }).timeMs += TICK_MS;
      rig.loop.tick();
    }
    expect(rig.loop.status()).toMatchObject({ mode: "stop", outcome: { verdict: "held" } });
  });
});

describe("corrections on the way", () => {
  test("another instruction: late thoughts about the old one are dropped, the arm waits until it is clear again", () => {
    rig.go("the red one");
    rig.think(500);
    rig.run(100);
    const old = rig.asks.at(-1)!;
    rig.go("no, the green one");
    rig.answer({}, 0.03, old);
    rig.run(30);
    expect(rig.events.findLast((event) => event.type === "thought")?.dropped).toBe("superseded");
    expect(rig.loop.phase).toBe("considering");
    rig.answer();
    rig.think(300);
    expect(rig.asks.at(-1)!.instruction).toBe("no, the green one");
    expect(rig.loop.phase).toBe("moving");
  });

  test("higher: the tool goes up while the task goes on", () => {
    rig.go();
    rig.think(400);
    const z = rig.loop.status().toolPos[2];
    rig.loop.nudge([0, 0, 0.03], "tester");
    rig.think(500, {}, 0);
    expect(rig.loop.status().toolPos[2] - z).toBeCloseTo(0.03, 2);
    expect(rig.loop.phase).toBe("moving");
  });

  test("higher, with nothing under way: a grant of its own, which ends", () => {
    const z = rig.loop.status().toolPos[2];
    rig.loop.nudge([0, 0, 0.03], "tester");
    rig.run(800);
    expect(rig.loop.status().toolPos[2] - z).toBeCloseTo(0.03, 2);
    expect(rig.loop.gate.currentGrant).toBeNull();
    expect(rig.asks).toEqual([]);
  });

  test("where the held thing was picked up is known, as long as it is held", () => {
    rig.plant.blockWidthM = 0.04;
    rig.go();
    const at = [0.5, 0.1, 0.02] as const;
    rig.think(400, { pointing: [{ channel: "act", at, nowhere: 0, heat: {} }] });
    expect(rig.loop.status()).toMatchObject({ holding: false, pickedAt: null });
    rig.gripper = 0;
    rig.think(600, { pointing: [{ channel: "act", at, nowhere: 0, heat: {} }] });
    expect(rig.loop.status()).toMatchObject({ holding: true, pickedAt: at, gripper: 0 });
    rig.gripper = 1;
    rig.think(300);
    expect(rig.loop.status()).toMatchObject({ holding: false, pickedAt: null });
  });
});
