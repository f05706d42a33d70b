/**
 * The loop on a virtual clock: simulator, policy and loop in one thread, repeatable to the bit and as fast as they compute.
 * A thought is computed at its observation and delivered `inferDelayMs` of virtual time later, as it would be live.
 */
import type { Clock } from "./contract/clock.ts";
import { messageOf } from "./contract/errors.ts";
import type { ActionChunk, Observation, PlaceHints, Policy, Robot } from "./contract/types.ts";
import { type Loop, type LoopOptions, createLoop } from "./loop.ts";
import type { Ask, Outcome, Thought } from "./loop-types.ts";

/** A world that steps when told to: a simulator. Its robot stamps its states with `timeMs`. */
export interface Plant {
  readonly robot: Robot;
  readonly timeMs: number;
  step(ms: number): void;
  /** Adds what the cameras see now to the ask. */
  observe(ask: Ask): Observation;
}

/** Seen once an inference, at the moment of the observation: the plant stands exactly where the observation was made. */
export type VirtualStep = {
  readonly index: number;
  readonly ask: Ask;
  readonly observation: Observation;
  /** null when the policy failed. */
  readonly chunk: ActionChunk | null;
  readonly loop: Loop;
};

export type VirtualOptions = Omit<LoopOptions, "robot" | "clock" | "inference"> & {
  readonly plant: Plant;
  readonly policy: Policy;
  /** Virtual time from observation to delivery, ms. The measured figure belongs here. */
  readonly inferDelayMs?: number;
  /** Which action head, where the policy has several. */
  readonly head?: string;
  /** Answering "end" cancels the instruction. */
  readonly onStep?: (step: VirtualStep) => void | "end" | Promise<void | "end">;
  /** After every command period, with the plant stepped. */
  readonly onTick?: (loop: Loop) => void;
};

export type RunOptions = VirtualOptions & {
  readonly instruction: string;
  readonly by?: string;
  readonly hints?: PlaceHints;
  /** Virtual time that the instruction may take, ms. */
  readonly maxMs?: number;
  /** Virtual time that goes on after the end, so that the arm comes to rest and things settle, ms. */
  readonly settleMs?: number;
};

export type RunResult = {
  readonly outcome: Outcome;
  /** Virtual time from the instruction to its end, ms. */
  readonly simMs: number;
  /** How many inferences were made, and their wall time, ms. */
  readonly inferences: number;
  readonly inferWallMs: number;
};

/** A loop bound to a plant and a policy; `advance` is one command period. */
export class VirtualRun {
  readonly loop: Loop;
  readonly #options: VirtualOptions;
  readonly #plant: Plant;
  #ask: Ask | null = null;
  #ready: { readonly atMs: number; readonly thought: Thought }[] = [];
  #inferences = 0;
  #inferWallMs = 0;

  constructor(options: VirtualOptions) {
    const { plant, policy } = options;
    const clock: Clock = { nowMs: () => plant.timeMs };
    this.#options = options;
    this.#plant = plant;
    this.loop = createLoop({
      historyLength: policy.info.historyLength,
      ...options,
      robot: plant.robot,
      clock,
      inference: {
        submit: (ask) => {
          this.#ask = ask;
        },
        poll: () => this.#poll(),
      },
    });
  }

  get inferences(): number {
    return this.#inferences;
  }

  get inferWallMs(): number {
    return this.#inferWallMs;
  }

  /** One tick of the loop, the thinking that it asked for, one command period of the plant. */
  async advance(): Promise<void> {
    this.loop.tick();
    if (this.#ask !== null) await this.#think(this.#ask);
    this.#ask = null;
    this.#plant.step(this.#plant.robot.embodiment.commandPeriodMs);
    this.#options.onTick?.(this.loop);
  }

  #poll(): Thought | null {
    const next = this.#ready[0];
    if (next === undefined || this.#plant.timeMs < next.atMs - 1e-6) return null;
    return this.#ready.shift()!.thought;
  }

  async #think(ask: Ask): Promise<void> {
    const { policy, head, inferDelayMs = 0, onStep } = this.#options;
    const observation = this.#plant.observe(ask);
    const startMs = performance.now();
    let thought: Thought;
    try {
      const chunk = await policy.infer(observation, { seed: ask.seed, ...(head === undefined ? {} : { head }) });
      thought = { askId: ask.id, chunk };
    } catch (thrown) {
      thought = { askId: ask.id, error: messageOf(thrown) };
    }
    this.#inferWallMs += performance.now() - startMs;
    this.#ready.push({ atMs: ask.captureMs + inferDelayMs, thought });
    const step = { index: this.#inferences, ask, observation, chunk: thought.chunk ?? null, loop: this.loop };
    this.#inferences += 1;
    if ((await onStep?.(step)) === "end") this.loop.cancel("ended by the run");
  }
}

/** Runs one instruction to its end. */
export async function runVirtual(options: RunOptions): Promise<RunResult> {
  const { plant, instruction, by = "headless", hints, maxMs = 30_000, settleMs = 500 } = options;
  const run = new VirtualRun({ maxTaskMs: maxMs, ...options });
  const startMs = plant.timeMs;
  run.loop.instruct({ text: instruction, by, ...(hints === undefined ? {} : { hints }) });
  while (run.loop.outcome === null) await run.advance();
  const simMs = plant.timeMs - startMs;
  for (let ms = 0; ms < settleMs; ms += plant.robot.embodiment.commandPeriodMs) await run.advance();
  return { outcome: run.loop.outcome, simMs, inferences: run.inferences, inferWallMs: run.inferWallMs };
}
