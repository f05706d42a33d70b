import { MessageChannel, MessagePort, type Worker } from "node:worker_threads";
import { afterEach, describe, expect, test } from "vitest";
import type { LoopEvent, LoopStatus } from "../loop-types.ts";
import { pandaLike } from "../testing/panda-like.ts";
import type { Misdeed, ToyWorkerData } from "../testing/toy-workers.node.ts";
import { type LiveLoop, openLiveLoop, watch } from "./live-loop.node.ts";
import { createRobotLink } from "./robot-link.ts";
import { spawnWorker } from "./spawn.node.ts";

const workers = new URL("../testing/toy-workers.node.ts", import.meta.url);

/** A loop, a toy world and a toy policy, each in its thread. */
class Rig {
  readonly loop: LiveLoop;
  readonly events: LoopEvent[] = [];
  readonly plant: Worker;
  readonly policy: Worker;
  readonly #gone: Promise<void>[] = [];

  constructor(misdeed: Misdeed, silenceMs = 1500) {
    const link = createRobotLink(pandaLike.joints.length);
    const asks = new MessageChannel();
    const observations = new MessageChannel();
    const thoughts = new MessageChannel();
    const control = new MessageChannel();
    this.plant = this.#spawn({
      role: "plant",
      link,
      asks: asks.port2,
      observations: observations.port1,
      control: control.port2,
    });
    this.policy = this.#spawn({ role: "policy", observations: observations.port2, thoughts: thoughts.port1, misdeed });
    this.loop = openLiveLoop({
      embodiment: pandaLike,
      link,
      asks: asks.port1,
      thoughts: thoughts.port2,
      options: { historyLength: 2, silenceMs },
      statusPeriodMs: 20,
      onEvent: (event) => this.events.push(event),
    });
    this.#gone.push(watch(this.policy, (reason) => this.onPolicyEnd(reason)));
  }

  /** A console does this: says to the loop that its policy is gone. */
  onPolicyEnd = (reason: string): void => this.loop.fault("inference worker", reason);

  #spawn(data: ToyWorkerData): Worker {
    const ports = Object.values(data).filter((value): value is MessagePort => value instanceof MessagePort);
    return spawnWorker(workers, { workerData: data, transferList: ports });
  }

  async until(condition: (status: LoopStatus) => boolean): Promise<LoopStatus> {
    for (;;) {
      const { status } = this.loop;
      if (status !== null && condition(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async close(): Promise<void> {
    await this.loop.close();
    await Promise.all([this.plant.terminate(), this.policy.terminate()]);
    await Promise.all(this.#gone);
  }
}

describe("a live loop in four threads", () => {
  let rig: Rig | null = null;
  afterEach(async () => {
    await rig?.close();
    rig = null;
  });

  const open = async (misdeed: Misdeed, silenceMs?: number): Promise<Rig> => {
    rig = new Rig(misdeed, silenceMs);
    // the workers load their modules; only then is the robot's state fresh
    await rig.until((status) => status.toolPos[0] > 0.3);
    return rig;
  };

  test("does what it is asked to and says so", async () => {
    const live = await open("none");
    live.loop.instruct({ text: "go", by: "tester" });
    const status = await live.until(({ outcome }) => outcome !== null);
    expect(status.outcome).toMatchObject({ verdict: "done", believedDone: true, moved: true });
    expect(status.toolPos[1]).toBeCloseTo(0.2, 1);
    const types = new Set(live.events.map(({ type }) => type));
    expect([...types]).toEqual(expect.arrayContaining(["instruct", "ask", "thought", "step", "verdict", "end"]));
  });

  test("stops while the policy hangs, and moves again only after a person raised the mode", async () => {
    const live = await open("hang", 60_000);
    live.loop.instruct({ text: "go", by: "tester" });
    await live.until(({ phase }) => phase === "moving");
    live.loop.stop("tester");
    const stopped = await live.until(({ mode }) => mode === "stop");
    expect(stopped.outcome?.verdict).toBe("stopped");
    live.loop.instruct({ text: "again", by: "tester" });
    const held = await live.until(({ instruction }) => instruction === "again");
    expect(held.verdict).toMatchObject({ kind: "stop", reason: "mode-stop" });
    live.loop.raise("nominal", "tester");
    await live.until(({ mode }) => mode === "nominal");
  });

  test("holds when the policy falls silent", async () => {
    const live = await open("hang", 300);
    live.loop.instruct({ text: "go", by: "tester" });
    const status = await live.until(({ outcome }) => outcome !== null);
    expect(status).toMatchObject({ mode: "hold", outcome: { verdict: "held", moved: true } });
    expect(status.outcome?.reason).toContain("silent");
  });

  test("holds when the policy's chunk is not finite", async () => {
    const live = await open("nan");
    live.loop.instruct({ text: "go", by: "tester" });
    const status = await live.until(({ outcome }) => outcome !== null);
    expect(status).toMatchObject({ mode: "hold", outcome: { verdict: "held" } });
    expect(status.outcome?.reason).toContain("finite");
  });

  test("holds when the inference worker dies", async () => {
    const live = await open("die");
    live.loop.instruct({ text: "go", by: "tester" });
    const status = await live.until(({ outcome }) => outcome !== null);
    expect(status).toMatchObject({ mode: "hold", outcome: { verdict: "held" } });
    expect(status.outcome?.reason).toContain("code 7");
  });

  test("stops when the world's thread dies", async () => {
    const live = await open("none");
    live.loop.instruct({ text: "go", by: "tester" });
    await live.until(({ phase }) => phase === "moving");
    // the policy's thread ends with the port from the world; here the loop must notice the world by itself
    live.onPolicyEnd = () => {};
    await live.plant.terminate();
    const status = await live.until(({ outcome }) => outcome !== null);
    expect(status).toMatchObject({ mode: "stop", outcome: { verdict: "held" } });
    expect(status.outcome?.reason).toContain("robot");
  });
});
