import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ActionChunk } from "../contract/types.ts";
import { ChunkBuffer } from "./chunk-buffer.ts";

/** A chunk whose rows all move x by `x` a step. */
function chunk(startMs: number, x: number | readonly number[], gripper = 1): ActionChunk {
  const rows = typeof x === "number" ? [x, x, x, x] : x;
  return {
    values: Float32Array.from(rows.flatMap((value) => [value, 0, 0, 0, 0, 0, gripper])),
    horizon: rows.length,
    space: { kind: "ee-delta-7", dim: 7, stepMs: 100 },
    startNs: BigInt(startMs) * 1_000_000n,
    origin: { source: "test", modelDigest: "", observationId: `${startMs}`, seed: 0, stageMs: {} },
    belief: { intent: { kind: "obey" }, done: 0, pointing: [] },
  };
}

const at = (buffer: ChunkBuffer, nowMs: number): { phase: string; x: number; gripper: number } => {
  const out = new Float64Array(7);
  const phase = buffer.due(nowMs, out);
  return { phase, x: out[0]!, gripper: out[6]! };
};

describe("chunk buffer", () => {
  test("which row is due follows the time since the observation", () => {
    const buffer = new ChunkBuffer({ blendMs: 0 });
    expect(buffer.offer(chunk(1000, [1, 2, 3]), 1040)).toBeNull();
    expect(at(buffer, 1040).x).toBe(1);
    expect(at(buffer, 1100).x).toBe(2);
    expect(at(buffer, 1290).x).toBe(3);
  });

  test("tenths of a step add up to the step", () => {
    const buffer = new ChunkBuffer({ blendMs: 0 });
    buffer.offer(chunk(0, [0.5, 0.25]), 0);
    let sum = 0;
    for (let ms = 0; ms < 200; ms += 10) sum += at(buffer, ms).x * 0.1;
    expect(sum).toBeCloseTo(0.75, 9);
  });

  test("after the end it fades to rest, then there is nothing", () => {
    const buffer = new ChunkBuffer({ blendMs: 0, rampMs: 100 });
    buffer.offer(chunk(0, [1, 1]), 0);
    expect(at(buffer, 190)).toMatchObject({ phase: "active", x: 1 });
    expect(at(buffer, 250).phase).toBe("ramp");
    expect(at(buffer, 250).x).toBeCloseTo(0.5);
    expect(at(buffer, 300).phase).toBe("empty");
    expect(buffer.captureMs).toBeNull();
  });

  test("a new chunk fades in from what was done last", () => {
    const buffer = new ChunkBuffer({ blendMs: 40 });
    buffer.offer(chunk(0, 1), 0);
    at(buffer, 0);
    expect(at(buffer, 90).x).toBe(1);
    buffer.offer(chunk(100, -1), 130);
    expect(at(buffer, 130).x).toBe(1);
    expect(at(buffer, 150).x).toBeCloseTo(0);
    expect(at(buffer, 170).x).toBe(-1);
  });

  test("the gripper switches at once and stays in 0..1", () => {
    const buffer = new ChunkBuffer();
    buffer.offer(chunk(0, 0, 1.4), 0);
    expect(at(buffer, 0).gripper).toBe(1);
    buffer.offer(chunk(100, 0, -0.2), 100);
    expect(at(buffer, 100).gripper).toBe(0);
  });

  test("refuses what is stale, out of order, not finite or of another shape, and keeps what it has", () => {
    const buffer = new ChunkBuffer({ maxAgeMs: 500, blendMs: 0 });
    expect(buffer.offer(chunk(1000, 1), 1000)).toBeNull();
    expect(buffer.offer(chunk(900, 2), 1010)).toBe("out-of-order");
    expect(buffer.offer(chunk(0, 2), 1010)).toBe("stale");
    expect(buffer.offer(chunk(1010, Number.NaN), 1010)).toBe("nonfinite");
    expect(buffer.offer({ ...chunk(1010, 1), horizon: 5 }, 1010)).toBe("bad-shape");
    expect(buffer.offer({ ...chunk(1010, 1), horizon: 0, values: new Float32Array(0) }, 1010)).toBe("bad-shape");
    expect(at(buffer, 1010).x).toBe(1);
  });

  test("however chunks arrive, what is due never jumps by more than a tick's share of the blend", () => {
    const offers = fc.array(
      fc.record({
        gapMs: fc.integer({ min: 1, max: 30 }),
        delayMs: fc.integer({ min: 0, max: 20 }),
        x: fc.double({ min: -1, max: 1, noNaN: true }),
      }),
      { minLength: 5, maxLength: 20 },
    );
    fc.assert(
      fc.property(offers, (list) => {
        const buffer = new ChunkBuffer({ blendMs: 40, rampMs: 100, maxAgeMs: 5000 });
        let nowMs = 0;
        let last = 0;
        for (const { gapMs, delayMs, x } of list) {
          buffer.offer(chunk(Math.max(0, nowMs - 10 * delayMs), x), nowMs);
          for (let k = 0; k < gapMs; k++) {
            const { phase, x } = at(buffer, nowMs);
            const now = phase === "empty" ? 0 : x;
            // at most 2 wide (from -1 to 1), a quarter of it per 10 ms tick
            expect(Math.abs(now - last)).toBeLessThanOrEqual(0.5 + 1e-6);
            last = now;
            nowMs += 10;
          }
        }
      }),
    );
  });
});

describe("set-points", () => {
  /** One joint and the gripper. */
  const joint = (startMs: number, rows: readonly number[]): ActionChunk => ({
    ...chunk(startMs, 0),
    values: Float32Array.from(rows.flatMap((value) => [value, 0.5])),
    horizon: rows.length,
    space: { kind: "joint-position", dim: 2, stepMs: 100 },
  });
  const poseChunk = (startMs: number, rows: readonly (readonly number[])[]): ActionChunk => ({
    ...chunk(startMs, 0),
    values: Float32Array.from(rows.flat()),
    horizon: rows.length,
    space: { kind: "ee-pose-8", dim: 8, stepMs: 100 },
  });
  const due = (buffer: ChunkBuffer, nowMs: number): { phase: string; out: number[] } => {
    const out = new Float64Array(8);
    return { phase: buffer.due(nowMs, out), out: [...out] };
  };

  test("are due when their step begins, go straight in between, and stay at the end", () => {
    const buffer = new ChunkBuffer({ blendMs: 0, joints: 1 });
    expect(buffer.offer(joint(1000, [1, 2, 4]), 1000)).toBeNull();
    const at100 = [1000, 1050, 1100, 1175, 1200, 1350].map((ms) => due(buffer, ms).out[0]);
    expect(at100).toEqual([1, 1.5, 2, 3.5, 4, 4]);
    expect(due(buffer, 1350)).toMatchObject({ phase: "ramp" });
    expect(due(buffer, 1400).phase).toBe("empty");
  });

  test("the first chunk is not blended with a place that nobody named; the next one is", () => {
    const buffer = new ChunkBuffer({ blendMs: 40, joints: 1 });
    buffer.offer(joint(0, [3, 3]), 0);
    expect(due(buffer, 0).out.slice(0, 2)).toEqual([3, 0.5]);
    buffer.offer(joint(50, [5, 5]), 60);
    expect([60, 80, 100].map((ms) => due(buffer, ms).out[0])).toEqual([3, 4, 5]);
    buffer.clear();
    buffer.offer(joint(200, [1, 1]), 200);
    expect(due(buffer, 200).out[0]).toBe(1);
  });

  test("a quaternion goes the shorter way and stays one", () => {
    const buffer = new ChunkBuffer({ blendMs: 0 });
    const half = Math.SQRT1_2;
    // the second is a quarter turn about x with its sign turned: the same rotation
    buffer.offer(
      poseChunk(0, [
        [0.4, 0, 0.1, 1, 0, 0, 0, 1],
        [0.5, 0, 0.1, -half, -half, 0, 0, 1],
      ]),
      0,
    );
    const { out } = due(buffer, 50);
    expect(out[0]).toBeCloseTo(0.45, 6);
    expect(out.slice(3, 7)).toEqual([
      expect.closeTo(Math.cos(Math.PI / 8), 6),
      expect.closeTo(Math.sin(Math.PI / 8), 6),
      expect.closeTo(0, 9),
      expect.closeTo(0, 9),
    ]);
  });

  test("a chunk for another number of joints, or in joint space without any, is not taken", () => {
    expect(new ChunkBuffer({ joints: 7 }).offer(joint(0, [1]), 0)).toBe("bad-shape");
    expect(new ChunkBuffer().offer(joint(0, [1]), 0)).toBe("bad-shape");
    expect(new ChunkBuffer({ joints: 1 }).offer(poseChunk(0, [[0, 0, 0, 1, 0, 0, 0]]), 0)).toBe("bad-shape");
  });
});
