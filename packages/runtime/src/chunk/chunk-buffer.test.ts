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
