/**
 * What one tick of the loop costs: time and allocated bytes, in motion (state, chunk, servo, gate with its stop check) and
 * at rest, and of the parts alone.
 *
 *   node --expose-gc --import tsx bench/tick.ts
 */
import { Chain, createLoop, createPoseServo, type Loop, type RobotState } from "@bidden/runtime";
import { pandaEmbodiment } from "@bidden/sim";

const TICKS = 20_000;
/** Ticks between two looks at the heap. */
const ROUND = 1000;
const gc = (globalThis as { gc?: () => void }).gc ?? ((): void => {});

function measure(name: string, run: (tick: number) => void): void {
  for (let k = 0; k < 2000; k++) run(k);
  const start = performance.now();
  for (let k = 0; k < TICKS; k++) run(k);
  const microseconds = ((performance.now() - start) / TICKS) * 1000;
  const bytes = leanest(run);
  console.log(name.padEnd(36), microseconds.toFixed(2).padStart(8), "us", bytes.toFixed(0).padStart(7), "bytes");
}

/** Bytes a tick, of the leanest of several short rounds: in a long one the collector would hide some. */
function leanest(run: (tick: number) => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 8; round++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let k = 0; k < ROUND; k++) run(k);
    const bytes = (process.memoryUsage().heapUsed - before) / ROUND;
    if (bytes >= 0) least = Math.min(least, bytes);
  }
  return least;
}

/** A loop whose robot is exactly where it was told to be and whose policy swings to and fro for ever. */
function swinging(): { loop: Loop; pass: () => void } {
  let nowMs = 0;
  const state = {
    stampMs: 0,
    jointRad: Float64Array.from(pandaEmbodiment.homeRad),
    jointRadS: new Float64Array(7),
    gripperWidthM: 0.08,
  };
  const waiting: Parameters<Parameters<typeof createLoop>[0]["inference"]["submit"]>[0][] = [];
  let thoughts = 0;
  const values = Float32Array.from({ length: 56 }, (_x, i) => (i % 7 === 1 ? 0.02 : 0));
  const loop = createLoop({
    robot: {
      embodiment: pandaEmbodiment,
      read: (): RobotState => state,
      send: (command) => state.jointRad.set(command.jointRad),
    },
    clock: { nowMs: () => nowMs },
    inference: {
      submit: (ask) => void waiting.push(ask),
      poll: () => {
        const ask = waiting.pop();
        if (ask === undefined) return null;
        // half a swing out, then whole swings
        if (++thoughts % 16 === 8) for (let i = 1; i < 56; i += 7) values[i] = -values[i]!;
        return {
          askId: ask.id,
          chunk: {
            values,
            horizon: 8,
            space: pandaEmbodiment.actionSpace,
            startNs: ask.captureNs,
            origin: { source: "bench", modelDigest: "", observationId: ask.id, seed: 0, stageMs: {} },
            belief: { intent: { kind: "obey" }, done: 0, pointing: [] },
          },
        };
      },
    },
  });
  const pass = (): void => {
    loop.tick();
    nowMs += pandaEmbodiment.commandPeriodMs;
    state.stampMs = nowMs;
  };
  return { loop, pass };
}

const resting = swinging();
measure("loop tick, at rest", resting.pass);
const moving = swinging();
moving.loop.instruct({ text: "swing", by: "bench" });
measure("loop tick, in motion, asks included", moving.pass);
const { counts } = moving.loop.status();
console.log(`  of ${counts.ticks} ticks ${counts.ok} moved, ${counts.clamped} bent`);
const chain = new Chain(pandaEmbodiment);
measure("forward kinematics", () => chain.forward(pandaEmbodiment.homeRad));
const servo = createPoseServo(pandaEmbodiment);
const out = new Float64Array(7);
measure("pose servo", () => servo.tick(10, out));
