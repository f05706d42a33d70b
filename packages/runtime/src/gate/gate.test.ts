import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Grant, Mode, RobotState } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { pandaLike } from "../testing/panda-like.ts";
import type { GateInput } from "./checks.ts";
import { Gate } from "./gate.ts";
import { MODES, type ModeChange } from "./modes.ts";

const TICK_MS = 10;
const { joints, envelope, homeRad } = pandaLike;
const GRANT: Grant = { id: "g1", by: "tester", instruction: "go", untilMs: null };

/** A gate with an arm that is exactly where it was told to be. */
class Bench {
  readonly changes: ModeChange[] = [];
  readonly gate = new Gate(pandaLike, { onMode: (change) => this.changes.push(change) });
  readonly state = {
    stampMs: 0,
    jointRad: Float64Array.from(homeRad),
    jointRadS: new Float64Array(7),
    gripperWidthM: 0.08,
  };
  nowMs = 0;

  /** Sends a proposal `ahead` of the last command; null for none. */
  tick(ahead: readonly number[] | null, over: Partial<GateInput> = {}): number[] | null {
    this.nowMs += TICK_MS;
    this.state.stampMs = this.nowMs;
    const from = this.gate.commandedRad;
    const command = this.gate.tick({
      nowMs: this.nowMs,
      dtMs: TICK_MS,
      jointRad: ahead === null ? null : Float64Array.from(ahead, (x, j) => from[j]! + x),
      gripper: 1,
      captureMs: this.nowMs,
      state: this.state,
      ...over,
    });
    if (command === null) return null;
    this.state.jointRad.set(command.jointRad);
    return [...command.jointRad];
  }
}

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
  bench.tick(null);
  bench.gate.grant(GRANT);
});

const STILL = [0, 0, 0, 0, 0, 0, 0];
const TURN = [0.008, 0, 0, 0, 0, 0, 0];

/** Ticks until the command rests, and how far joint 1 went on the way. */
function untilRest(): { ticks: number; travelRad: number } {
  const from = bench.gate.commandedRad[0]!;
  for (let ticks = 1; ticks < 200; ticks++) {
    bench.tick(TURN);
    if (bench.gate.atRest) return { ticks, travelRad: bench.gate.commandedRad[0]! - from };
  }
  return { ticks: Number.POSITIVE_INFINITY, travelRad: Number.POSITIVE_INFINITY };
}

function speedUp(): void {
  for (let k = 0; k < 40; k++) bench.tick(TURN);
  expect(bench.gate.verdict).toMatchObject({ kind: "ok" });
  expect(bench.gate.atRest).toBe(false);
}

describe("no motion without", () => {
  test("a grant: nothing is sent at all", () => {
    bench.gate.revoke();
    expect(bench.tick(TURN)).toBeNull();
    expect(bench.gate.verdict).toMatchObject({ kind: "hold", reason: "no-grant" });
  });

  test("a grant that is still valid", () => {
    bench.gate.grant({ ...GRANT, untilMs: bench.nowMs });
    bench.tick(TURN);
    expect(bench.gate.verdict.reason).toBe("grant-expired");
  });

  test.each([
    ["no-proposal", { jointRad: null }],
    ["nonfinite-proposal", { jointRad: Float64Array.of(0, 0, 0, Number.NaN, 0, 0, 0) }],
    ["nonfinite-proposal", { gripper: Number.NaN }],
    ["nonfinite-proposal", { jointRad: Float64Array.of(Number.POSITIVE_INFINITY, 0, 0, 0, 0, 0, 0) }],
    ["chunk-stale", { captureMs: -5000 }],
    ["chunk-stale", { captureMs: Number.NaN }],
    ["chunk-stale", { captureMs: 50_000 }],
    ["state-stale", { nowMs: 5000, captureMs: 5000 }],
  ] as const)("%s", (reason, over) => {
    const before = [...bench.gate.commandedRad];
    const command = bench.tick(TURN, over);
    expect(bench.gate.verdict).toMatchObject({ kind: "hold", reason, share: 0 });
    expect(command).toEqual(before);
  });

  test("a state that is a number", () => {
    bench.state.jointRad[2] = Number.NaN;
    bench.tick(TURN);
    expect(bench.gate.verdict.reason).toBe("nonfinite-state");
  });
});

describe("a stop", () => {
  test("begins with the next tick, brakes along the limits and ends in a hold", () => {
    speedUp();
    const speed = 0.008 / 0.01;
    bench.gate.lower("stop", "tester", "stop");
    const braking = joints[0]!.maxRadS2 * envelope.accelerationShare;
    const { ticks, travelRad } = untilRest();
    expect(ticks).toBeLessThanOrEqual(Math.ceil(speed / braking / 0.01) + 1);
    expect(travelRad).toBeLessThanOrEqual((speed * speed) / (2 * braking) + 1e-6);
    const resting = [...bench.gate.commandedRad];
    for (let k = 0; k < 10; k++) expect(bench.tick(TURN)).toEqual(resting);
    expect(bench.gate.verdict).toMatchObject({ kind: "stop", reason: "mode-stop" });
  });

  test("is driven to its end when the grant is revoked in full motion, then nothing more is sent", () => {
    speedUp();
    bench.gate.revoke();
    expect(bench.tick(TURN)).not.toBeNull();
    untilRest();
    expect(bench.tick(TURN)).toBeNull();
  });

  test("keeps the gripper as it was", () => {
    bench.tick(STILL, { gripper: 0.3 });
    bench.gate.lower("stop", "tester", "stop");
    bench.tick(STILL, { gripper: 1 });
    expect(bench.gate.gripper).toBe(0.3);
  });
});

describe("modes", () => {
  test("slow is slower", () => {
    bench.gate.lower("slow", "monitor", "crowded");
    let last = bench.gate.commandedRad[0]!;
    for (let k = 0; k < 100; k++) {
      bench.tick([0.05, 0, 0, 0, 0, 0, 0]);
      expect(bench.gate.commandedRad[0]! - last).toBeLessThanOrEqual(
        joints[0]!.maxRadS * envelope.velocityShare * 0.003 + 1e-9,
      );
      last = bench.gate.commandedRad[0]!;
    }
  });

  test("fall by anything, rise only by a person", () => {
    bench.gate.lower("hold", "watchdog", "policy-silent");
    expect(bench.gate.lower("slow", "model", "please")).toBe(false);
    expect(bench.gate.mode).toBe("hold");
    expect(() => bench.gate.raise("nominal", " ")).toThrow(/person/);
    bench.gate.raise("stop", "tester");
    expect(bench.gate.mode).toBe("hold");
    bench.gate.raise("nominal", "tester");
    expect(bench.gate.mode).toBe("nominal");
    expect(bench.changes.map(({ from, to }) => `${from}>${to}`)).toEqual(["nominal>hold", "hold>nominal"]);
  });
});

describe("limits", () => {
  test("speed keeps its direction: one factor for all joints", () => {
    const ahead = [0.3, -0.15, 0, 0, 0, 0.06, 0];
    for (let k = 0; k < 60; k++) {
      const before = [...bench.gate.commandedRad];
      bench.tick(ahead);
      if (bench.gate.verdict.share === 0) continue;
      const moved = before.map((x, j) => bench.gate.commandedRad[j]! - x);
      expect(moved[1]! / moved[0]!).toBeCloseTo(-0.5, 6);
      expect(moved[5]! / moved[0]!).toBeCloseTo(0.2, 6);
    }
    expect(bench.gate.counts.clamped).toBeGreaterThan(0);
  });

  test("a blocked arm may only let go", () => {
    const ahead = [0.004, 0, 0, 0, 0, 0, 0];
    const behind = [-0.004, 0, 0, 0, 0, 0, 0];
    const blocked = Float64Array.from(homeRad);
    const stuck: RobotState = { ...bench.state, stampMs: 0, jointRad: blocked };
    let held = 0;
    for (let k = 0; k < 200 && held < 5; k++) {
      bench.tick(ahead, { state: { ...stuck, stampMs: bench.nowMs + TICK_MS } });
      if (bench.gate.verdict.reason === "tracking-error") held += 1;
    }
    expect(held).toBe(5);
    bench.tick(behind, { state: { ...stuck, stampMs: bench.nowMs + TICK_MS } });
    expect(bench.gate.verdict.kind).toBe("ok");
  });

  test("an arm that somebody else moved while nothing was asked is taken up where it is", () => {
    bench.gate.revoke();
    bench.state.jointRad[0] = 0.5;
    bench.tick(null);
    bench.gate.grant(GRANT);
    expect(bench.tick(STILL)?.[0]).toBeCloseTo(0.5, 9);
  });

  test("from outside the workspace the tool may come back in, not go farther out", () => {
    bench.gate.revoke();
    const outside = [...homeRad];
    outside[0] = 1.4;
    bench.state.jointRad.set(outside);
    bench.tick(null);
    bench.gate.grant(GRANT);
    bench.tick(TURN);
    expect(bench.gate.verdict).toMatchObject({ kind: "hold", reason: "workspace" });
    bench.tick([-0.008, 0, 0, 0, 0, 0, 0]);
    expect(bench.gate.verdict.kind).toBe("ok");
  });
});

/** What one tick of the property test does. */
const ODD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, -1e308, 5e-324, 1e6];
const fast = fc.double({ min: -0.03, max: 0.03, noNaN: true });
const wild = fc.oneof(fast, fc.double({ min: -3, max: 3, noNaN: true }), fc.constantFrom(...ODD));
const seven = (item: fc.Arbitrary<number>): fc.Arbitrary<number[]> => fc.array(item, { minLength: 7, maxLength: 7 });
const stretch = fc.record({
  ahead: fc.oneof(
    { weight: 8, arbitrary: seven(fast) },
    // joints alone, as hard as they can, until something stops them
    {
      weight: 4,
      arbitrary: fc.tuple(fc.nat(6), fc.constantFrom(-1, 1)).map(([at, x]) => STILL.map((_z, j) => (j === at ? x : 0))),
    },
    { weight: 2, arbitrary: seven(wild) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  gripper: fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -2, max: 2, noNaN: true }) },
    { weight: 1, arbitrary: fc.constantFrom(...ODD) },
  ),
  ticks: fc.integer({ min: 1, max: 120 }),
  event: fc.oneof(
    { weight: 8, arbitrary: fc.constant("none") },
    { weight: 2, arbitrary: fc.constantFrom("raise", "grant") },
    { weight: 1, arbitrary: fc.constantFrom("revoke", "slow", "hold", "stop") },
  ),
  ageMs: fc.oneof(
    { weight: 8, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(900, 5000, Number.NaN, -1e9) },
  ),
});

/** Follows commands tick by tick and names the first limit that one of them breaks. */
class Inspector {
  readonly #chain = new Chain(pandaLike);
  #last = Float64Array.from(homeRad);
  #velocity = new Float64Array(7);
  #tool = new Float64Array(3);

  constructor() {
    this.#chain.forward(homeRad);
    this.#tool.set(this.#chain.toolPos);
  }

  /** @param braking nothing may get faster in this tick */
  broken(command: number[] | null, braking: boolean): string | null {
    const now = command === null ? this.#last : Float64Array.from(command);
    const velocity = now.map((x, j) => (x - this.#last[j]!) / 0.01);
    const fault = this.#jointFault(now, velocity, braking) ?? this.#toolFault(now);
    this.#last = now;
    this.#velocity = velocity;
    this.#tool.set(this.#chain.toolPos);
    return fault;
  }

  #jointFault(now: Float64Array, velocity: Float64Array, braking: boolean): string | null {
    for (let j = 0; j < 7; j++) {
      const joint = joints[j]!;
      const speed = Math.abs(velocity[j]!);
      const change = Math.abs(velocity[j]! - this.#velocity[j]!) / 0.01;
      if (!(now[j]! >= joint.minRad - 1e-8 && now[j]! <= joint.maxRad + 1e-8)) return `position ${j}`;
      if (!(speed <= joint.maxRadS * envelope.velocityShare + 1e-6)) return `velocity ${j}`;
      if (!(change <= joint.maxRadS2 * envelope.accelerationShare + 1e-4)) return `acceleration ${j}`;
      if (braking && speed > Math.abs(this.#velocity[j]!) + 1e-6) return `faster ${j}`;
    }
    return null;
  }

  #toolFault(now: Float64Array): string | null {
    this.#chain.forward(now);
    const at = this.#chain.toolPos;
    for (let i = 0; i < 3; i++) {
      if (!(at[i]! >= envelope.workspaceMin[i]! - 1e-7 && at[i]! <= envelope.workspaceMax[i]! + 1e-7))
        return `box ${i}`;
    }
    const travel = Math.hypot(...[0, 1, 2].map((i) => at[i]! - this.#tool[i]!));
    return travel <= envelope.maxToolMS * 0.01 + 1e-7 ? null : "tool speed";
  }
}

function act(gate: Gate, event: string): void {
  if (event === "revoke") gate.revoke();
  else if (event === "grant") gate.grant(GRANT);
  else if (event === "raise") gate.raise("nominal", "tester");
  else if (event === "slow" || event === "hold" || event === "stop") gate.lower(event, "monitor", "test");
}

test("whatever comes: finite, inside every limit, mode never rises by itself, a stop follows within one tick", () => {
  const counts = { ok: 0, clamped: 0, held: 0 };
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 5, maxLength: 25 }), (stretches) => {
      const run = new Bench();
      const inspector = new Inspector();
      let fault: string | null = null;
      run.tick(null);
      run.gate.grant(GRANT);
      for (const { ahead, gripper, ticks, event, ageMs } of stretches) {
        const modeBefore: Mode = run.gate.mode;
        act(run.gate, event);
        const braking = event === "revoke" || event === "hold" || event === "stop" || ahead === null;
        for (let k = 0; k < ticks; k++) {
          const command = run.tick(ahead, { gripper, captureMs: run.nowMs - ageMs });
          fault ??= inspector.broken(command, braking);
        }
        expect(fault).toBeNull();
        expect(run.gate.gripper >= 0 && run.gate.gripper <= 1).toBe(true);
        const rose = MODES.indexOf(run.gate.mode) < MODES.indexOf(modeBefore);
        expect(rose && event !== "raise").toBe(false);
      }
      for (const key of ["ok", "clamped", "held"] as const) counts[key] += run.gate.counts[key];
    }),
    { numRuns: 50 },
  );
  // the test would be empty if nothing had moved
  expect(counts.ok).toBeGreaterThan(1000);
  expect(counts.clamped).toBeGreaterThan(500);
  expect(counts.held).toBeGreaterThan(1000);
});
