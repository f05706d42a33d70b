/**
 * A tick leaves next to nothing for the garbage collector, which would come in the middle of a motion. What thinking
 * costs (an ask and its answer, ten times a second) is not counted here.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Embodiment } from "./contract/types.ts";
import { createLoop, type Loop } from "./loop.ts";
import type { Ask } from "./loop-types.ts";
import { pandaLike } from "./testing/panda-like.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const TICKS = 1000;
const ROUNDS = 12;

/** One answer drives the arm to and fro for as long as the test takes. */
const patient: Embodiment = {
  ...pandaLike,
  envelope: { ...pandaLike.envelope, maxChunkAgeMs: 1e9 },
};

function swinging(): { readonly loop: Loop; readonly tick: () => void } {
  let nowMs = 0;
  const state = {
    stampMs: 0,
    jointRad: Float64Array.from(patient.homeRad),
    jointRadS: new Float64Array(7),
    gripperWidthM: 0.08,
  };
  const asks: Ask[] = [];
  let answered = 0;
  const horizon = 4000;
  const values = Float32Array.from({ length: 7 * horizon }, (_x, i) => {
    const step = Math.floor(i / 7);
    return i % 7 === 1 ? (step % 20 < 10 ? 0.02 : -0.02) : 0;
  });
  const loop = createLoop({
    robot: { embodiment: patient, read: () => state, send: (command) => state.jointRad.set(command.jointRad) },
    clock: { nowMs: () => nowMs },
    silenceMs: 1e9,
    inference: {
      submit: (ask) => void asks.push(ask),
      poll: () => {
        const ask = answered < 2 ? asks.pop() : undefined;
        if (ask === undefined) return null;
        answered += 1;
        const origin = { source: "test", modelDigest: "", observationId: ask.id, seed: 0, stageMs: {} };
        const belief = { intent: { kind: "obey" }, done: 0, pointing: [] } as const;
        const space = patient.actionSpace;
        return { askId: ask.id, chunk: { values, horizon, space, startNs: ask.captureNs, origin, belief } };
      },
    },
  });
  const tick = (): void => {
    loop.tick(0.25);
    nowMs += 10;
    state.stampMs = nowMs;
  };
  return { loop, tick };
}

/** Bytes a tick, of the leanest of several rounds: the others are the compiler's and the collector's own. */
function leanest(tick: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let k = 0; k < TICKS; k++) tick();
    const bytes = (process.memoryUsage().heapUsed - before) / TICKS;
    if (bytes >= 0) least = Math.min(least, bytes);
  }
  return least;
}

test("at rest a thousand ticks allocate nearly nothing", () => {
  const { loop, tick } = swinging();
  expect(leanest(tick)).toBeLessThan(40);
  expect(loop.gate.counts.ok).toBe(0);
});

test("in motion little: a state and a record each control step", () => {
  const { loop, tick } = swinging();
  loop.instruct({ text: "swing", by: "person" });
  expect(leanest(tick)).toBeLessThan(240);
  expect(loop.gate.counts.ok).toBeGreaterThan(TICKS * (ROUNDS - 1));
  expect(loop.status().toolPos[1]).not.toBe(0);
});
