/**
 * The loop, one tick from top to bottom: observe -> infer -> chunk -> gate -> send -> record.
 *
 * A state machine without timers: somebody calls `tick` every command period. Inference happens elsewhere; nothing here
 * waits and nothing throws. Nothing moves without a grant, and only what the gate lets through.
 */
import { ChunkBuffer, type ChunkBufferOptions } from "./chunk/chunk-buffer.ts";
import type { Clock } from "./contract/clock.ts";
import type { ActionSpace, Belief, Command, Mode, Robot, RobotState } from "./contract/types.ts";
import type { GateInput } from "./gate/checks.ts";
import { Gate, type GateOptions } from "./gate/gate.ts";
import type { GateReason } from "./gate/reasons.ts";
import { Drive } from "./kinematics/drive.ts";
import type { Ask, InferencePort, Instruct, LoopEvent, LoopPhase, LoopStatus, Outcome, Thought } from "./loop-types.ts";
import { DECIDE_DEFAULTS, decide, type Decision, type DecideOptions, UNDECIDED } from "./monitor/decide.ts";
import { Lateness } from "./monitor/lateness.ts";
import { PickMemory } from "./monitor/pick-memory.ts";
import { StateAssembler, StateHistory } from "./observe/state.ts";
import { planOf } from "./observe/plan.ts";
import { StepDeed } from "./observe/step-deed.ts";

export type LoopOptions = {
  readonly robot: Robot;
  readonly clock: Clock;
  readonly inference: InferencePort;
  readonly record?: (event: LoopEvent) => void;
  /** Read every tick: true is a stop, however busy everything else is. */
  readonly stopRequested?: () => boolean;
  /** Earlier states in every ask (`PolicyInfo.historyLength`). */
  readonly historyLength?: number;
  /** Prefix of ids, unique to the run. */
  readonly runId?: string;
  readonly seed?: number;
  readonly decide?: Partial<DecideOptions>;
  readonly chunk?: Partial<ChunkBufferOptions>;
  readonly gate?: Pick<GateOptions, "checks">;
  /** An ask that stays unanswered this long is a fault, ms. */
  readonly silenceMs?: number;
  /** A robot that says nothing for this long is gone: stop, ms. */
  readonly deadRobotMs?: number;
  /** An instruction that takes longer than this has failed, ms; null: never. */
  readonly maxTaskMs?: number | null;
};

/** Below this speed, m/s, the tool counts as resting where "done" is asked. */
const REST_M_S = 0.03;
const NUDGE_M_S = 0.1;

export function createLoop(options: LoopOptions): Loop {
  return new Loop(options);
}

export class Loop {
  readonly gate: Gate;
  readonly #options: LoopOptions & Required<Pick<LoopOptions, "deadRobotMs" | "silenceMs" | "runId" | "seed">>;
  readonly #decideOptions: DecideOptions;
  readonly #drive: Drive;
  readonly #deed: StepDeed;
  readonly #chunks: ChunkBuffer;
  readonly #assembler: StateAssembler;
  readonly #history: StateHistory;
  readonly #picks = new PickMemory();
  readonly #lateness: Lateness;
  readonly #due: Float64Array;
  /** 0..1, due now. */
  #gripper = 1;
  readonly #proposal: Float64Array;
  readonly #measured: { jointRad: Float64Array; toolPos: Float64Array };
  readonly #input: { -readonly [K in keyof GateInput]: GateInput[K] };

  #instruct: (Instruct & { readonly sinceMs: number }) | null = null;
  #decision: Decision = UNDECIDED;
  #moved = false;
  #belief: Belief | null = null;
  /** Where it points with `act`. */
  #actAt: readonly [number, number, number] | null = null;
  #outcome: Outcome | null = null;
  #nudge: { readonly perMs: Float64Array; leftMs: number; alone: boolean } | null = null;

  #asked = 0;
  #waiting: { readonly id: string; readonly sinceMs: number } | null = null;
  #nextStepMs = Number.NEGATIVE_INFINITY;
  #step: { startMs: number; askId: string | null; state: Float32Array } | null = null;
  #stageMs: Record<string, number> = {};
  #tickMs = 0;
  #lastReason: GateReason | null = null;

  constructor(options: LoopOptions) {
    const { robot } = options;
    const { embodiment } = robot;
    this.#options = { silenceMs: 1500, deadRobotMs: 500, runId: "run", seed: 0, ...options };
    this.#decideOptions = { ...DECIDE_DEFAULTS, ...options.decide };
    this.gate = new Gate(embodiment, {
      ...options.gate,
      onMode: (change) => this.#record({ type: "mode", atMs: options.clock.nowMs(), change }),
    });
    this.#drive = new Drive(embodiment);
    this.#deed = new StepDeed(embodiment);
    const joints = embodiment.joints.length;
    this.#due = new Float64Array(Math.max(8, joints + 1));
    this.#chunks = new ChunkBuffer({ maxAgeMs: embodiment.envelope.maxChunkAgeMs, joints, ...options.chunk });
    this.#assembler = new StateAssembler(embodiment);
    this.#history = new StateHistory(options.historyLength ?? 0);
    this.#lateness = new Lateness(embodiment.commandPeriodMs);
    this.#proposal = new Float64Array(joints);
    const state = robot.read();
    this.#measured = { jointRad: state.jointRad, toolPos: this.#assembler.toolPos };
    this.#drive.start(state.jointRad);
    this.#input = { nowMs: 0, dtMs: embodiment.commandPeriodMs, jointRad: null, gripper: 1, captureMs: null, state };
  }

  /** @param latenessMs how much later than planned this tick comes, for the statistics. */
  tick(latenessMs = 0): void {
    const nowMs = this.#options.clock.nowMs();
    this.#lateness.add(latenessMs);
    if (this.#options.stopRequested?.() === true && this.gate.mode !== "stop") this.stop("stop flag");

    // observe
    const state = this.#options.robot.read();
    this.#assembler.read(state, this.gate.gripper);
    this.#picks.see(this.gate.gripper, state.gripperWidthM, this.#assembler.toolPos, this.#actAt);
    if (nowMs >= this.#nextStepMs - 1e-6) this.#beginStep(nowMs, state);

    // infer: elsewhere; here only what has come back
    for (let thought = this.#options.inference.poll(); thought !== null; thought = this.#options.inference.poll()) {
      this.#take(thought, nowMs);
    }
    this.#watch(nowMs, state);
    if (this.#instruct !== null && this.#waiting === null && this.#step?.askId === null) this.#ask(nowMs);

    // chunk: what is due now
    const due = this.#chooseAction(nowMs, state);

    // gate, send
    const command = this.#pass(nowMs, state, due);
    if (command !== null) this.#options.robot.send(command);
    this.#tickMs = this.#options.clock.nowMs() - nowMs;
  }

  /** A person asks for something: the grant under which the arm may move. Replaces what was asked for before. */
  instruct(instruct: Instruct): void {
    const atMs = this.#options.clock.nowMs();
    const grant = {
      id: `${this.#options.runId}-grant-${atMs}`,
      by: instruct.by,
      instruction: instruct.text,
      untilMs: null,
    };
    this.#instruct = { ...instruct, sinceMs: atMs };
    this.#decision = UNDECIDED;
    this.#moved = false;
    this.#outcome = null;
    this.#belief = null;
    this.#actAt = null;
    this.#waiting = null;
    this.#nudge = null;
    this.#nextStepMs = Number.NEGATIVE_INFINITY;
    this.#step = null;
    this.#history.clear();
    this.#chunks.clear();
    this.gate.grant(grant);
    this.#record({
      type: "instruct",
      atMs,
      grant,
      ...(instruct.hints === undefined ? {} : { hints: instruct.hints }),
    });
  }

  /** Ends the instruction: the arm comes to rest, the mode stays. */
  cancel(reason: string): void {
    this.#end({ verdict: "stopped", reason });
  }

  /** Stop, latched: nothing moves until a person raises the mode. */
  stop(by: string): void {
    this.gate.lower("stop", by, "stop");
    this.#end({ verdict: "stopped", reason: `stopped by ${by}` });
  }

  /** A fault that somebody else found, such as a worker that died: hold, latched. */
  fault(by: string, reason: string): void {
    this.gate.lower("hold", by, reason);
    this.#end({ verdict: "held", reason });
  }

  /** @param by the person whose act this is. */
  raise(mode: Mode, by: string): void {
    this.gate.raise(mode, by);
  }

  /** Moves the tool by `deltaM`, base frame, over the policy's head; then the policy goes on. */
  nudge(deltaM: readonly [number, number, number], by: string): void {
    const atMs = this.#options.clock.nowMs();
    const durationMs = (Math.hypot(...deltaM) / NUDGE_M_S) * 1000;
    if (!(durationMs > 0 && Number.isFinite(durationMs))) return;
    const alone = this.#instruct === null;
    if (alone) {
      const untilMs = atMs + durationMs + 500;
      this.gate.grant({ id: `${this.#options.runId}-nudge-${atMs}`, by, instruction: "nudge", untilMs });
      this.#nextStepMs = Number.NEGATIVE_INFINITY;
    }
    this.#nudge = { perMs: Float64Array.from(deltaM, (m) => m / durationMs), leftMs: durationMs, alone };
    this.#record({ type: "nudge", atMs, deltaM, by });
  }

  /** The outcome of the last instruction; null while one is under way or before the first. */
  get outcome(): Outcome | null {
    return this.#outcome;
  }

  get phase(): LoopPhase {
    if (this.#instruct === null) return "idle";
    if (this.#decision.phase === "pause") return "paused";
    return this.#decision.phase === "move" ? "moving" : "considering";
  }

  status(): LoopStatus {
    const toolPos = this.#assembler.toolPos;
    const { counts } = this.gate;
    return {
      nowMs: this.#options.clock.nowMs(),
      phase: this.phase,
      mode: this.gate.mode,
      verdict: { ...this.gate.verdict },
      grant: this.gate.currentGrant,
      instruction: this.#instruct?.text ?? null,
      outcome: this.#outcome,
      belief: this.#belief,
      source: this.#chunks.chunk?.origin.source ?? null,
      chunk: this.#chunks.phase,
      plan: this.#plan(),
      toolPos: [toolPos[0]!, toolPos[1]!, toolPos[2]!],
      gripper: this.gate.gripper,
      holding: this.#picks.holding,
      pickedAt: this.#picks.pickedAt,
      stageMs: { ...this.#stageMs, tick: this.#tickMs },
      counts: { ...counts },
      clampRate: counts.ok === 0 ? 0 : counts.clamped / counts.ok,
      lateness: this.#lateness.summary(),
    };
  }

  /** A control step begins: the last one is recorded, its state becomes history. */
  #beginStep(nowMs: number, state: RobotState): void {
    if (this.#step !== null && this.gate.currentGrant !== null) {
      this.#record({
        type: "step",
        atMs: nowMs,
        startMs: this.#step.startMs,
        askId: this.#step.askId,
        state: this.#step.state,
        action: this.#deed.vector(this.gate.commandedRad),
        jointRad: Float64Array.from(state.jointRad),
        verdict: { ...this.gate.verdict },
        mode: this.gate.mode,
      });
      this.#history.push(this.#step.state);
    }
    this.#deed.begin(this.gate.commandedRad, this.gate.gripper);
    // nothing is asked and nothing recorded while nobody has asked for anything
    const granted = this.gate.currentGrant !== null;
    this.#step = granted ? { startMs: nowMs, askId: null, state: this.#assembler.vector() } : null;
    const { stepMs } = this.#options.robot.embodiment.actionSpace;
    // the grid is kept, unless it was lost (first step, or a long pause)
    this.#nextStepMs = nowMs - this.#nextStepMs < stepMs ? this.#nextStepMs + stepMs : nowMs + stepMs;
  }

  #ask(nowMs: number): void {
    const { instruct, step } = { instruct: this.#instruct!, step: this.#step! };
    this.#asked += 1;
    const id = `${this.#options.runId}-${this.#asked}`;
    // a late ask (the one before took longer than a step) looks at the present, not at the start of the step
    const state = step.startMs === nowMs ? step.state : this.#assembler.vector();
    const ask: Ask = {
      id,
      captureNs: BigInt(Math.round(nowMs * 1e6)),
      captureMs: nowMs,
      state,
      history: this.#history.before(state),
      instruction: instruct.text,
      seed: (this.#options.seed + this.#asked) >>> 0,
      ...(instruct.hints === undefined ? {} : { hints: instruct.hints }),
    };
    step.askId = id;
    this.#waiting = { id, sinceMs: nowMs };
    this.#record({ type: "ask", atMs: nowMs, ask });
    this.#options.inference.submit(ask);
  }

  /** Takes in a thought: belief, decision, chunk. */
  #take(thought: Thought, nowMs: number): void {
    if (this.#instruct === null || this.#waiting?.id !== thought.askId) {
      this.#record({ type: "thought", atMs: nowMs, thought, dropped: "superseded" });
      return;
    }
    this.#stageMs = { ...thought.chunk?.origin.stageMs, answer: nowMs - this.#waiting.sinceMs };
    this.#waiting = null;
    if (thought.error !== undefined) {
      this.#record({ type: "thought", atMs: nowMs, thought, dropped: null });
      this.fault("inference", `the policy failed: ${thought.error}`);
      return;
    }
    const { chunk } = thought;
    const obeys = chunk.belief.intent.kind === "obey";
    const refusal = obeys ? this.#chunks.offer(chunk, nowMs) : "unclear";
    this.#record({ type: "thought", atMs: nowMs, thought, dropped: refusal });
    if (refusal === "nonfinite" || refusal === "bad-shape") {
      this.fault(
        "chunk",
        `the policy's chunk is ${refusal}: expected ${chunk.horizon} finite rows of ${chunk.space.dim}`,
      );
      return;
    }
    this.#belief = chunk.belief;
    this.#actAt = chunk.belief.pointing.find(({ channel }) => channel === "act")?.at ?? null;
    this.#decide(chunk.belief, nowMs);
  }

  #decide(belief: Belief, nowMs: number): void {
    const slow = this.#assembler.toolSpeedMS < REST_M_S;
    this.#decision = decide(this.#decision, belief, slow, this.#decideOptions);
    if (this.#decision.phase === "pause") this.#chunks.clear();
    const { end } = this.#decision;
    if (end === null) return;
    const question =
      end.verdict === "asked" ? { question: end.intent.question, candidates: end.intent.candidates } : {};
    this.#end({ verdict: end.verdict, reason: end.reason, ...question }, nowMs);
  }

  /** What only time can tell: silence, and a task that takes too long. */
  #watch(nowMs: number, state: RobotState): void {
    const { deadRobotMs } = this.#options;
    if (this.#instruct !== null && nowMs - state.stampMs > deadRobotMs) {
      this.gate.lower("stop", "watchdog", "robot silent");
      this.#end({ verdict: "held", reason: `the robot has been silent for more than ${deadRobotMs} ms` }, nowMs);
    }
    if (this.#waiting !== null && nowMs - this.#waiting.sinceMs > this.#options.silenceMs) {
      this.fault("watchdog", `the policy has been silent for more than ${this.#options.silenceMs} ms`);
    }
    const { maxTaskMs } = this.#options;
    if (this.#instruct !== null && maxTaskMs != null && nowMs - this.#instruct.sinceMs > maxTaskMs) {
      this.#end({ verdict: "failed", reason: `not done within ${maxTaskMs / 1000} s` }, nowMs);
    }
  }

  /** Fills the servo's proposal and the capture time behind it, null for a nudge. Answers whether anything is due. */
  #chooseAction(nowMs: number, state: RobotState): boolean {
    const { commandPeriodMs } = this.#options.robot.embodiment;
    this.#input.captureMs = null;
    this.#gripper = this.gate.gripper;
    const space = this.#nudge === null ? this.#chunkDue(nowMs) : this.#nudgeDue(commandPeriodMs);
    if (space === null) return false;
    this.#measured.jointRad = state.jointRad;
    this.#drive.propose(space, this.#due, this.#measured, commandPeriodMs, this.#proposal);
    this.#deed.add(space.kind, this.#due, commandPeriodMs / space.stepMs, this.#gripper);
    return true;
  }

  /** Fills `#due` with the chunk's action; answers what it means, null where nothing is due. */
  #chunkDue(nowMs: number): ActionSpace | null {
    if (this.#decision.phase !== "move" || this.#chunks.due(nowMs, this.#due) === "empty") return null;
    const { space } = this.#chunks.chunk!;
    this.#gripper = this.#due[space.dim - 1]!;
    this.#input.captureMs = this.#chunks.captureMs;
    this.#moved = true;
    return space;
  }

  #nudgeDue(periodMs: number): ActionSpace {
    const { actionSpace } = this.#options.robot.embodiment;
    const nudge = this.#nudge!;
    this.#due.fill(0);
    for (let i = 0; i < 3; i++) this.#due[i] = nudge.perMs[i]! * actionSpace.stepMs;
    nudge.leftMs -= periodMs;
    if (nudge.leftMs <= 0) this.#endNudge();
    return actionSpace;
  }

  #endNudge(): void {
    if (this.#nudge?.alone === true) this.gate.revoke();
    this.#nudge = null;
  }

  #pass(nowMs: number, state: RobotState, due: boolean): Command | null {
    const input = this.#input;
    input.nowMs = nowMs;
    input.state = state;
    input.jointRad = due ? this.#proposal : null;
    input.gripper = this.#gripper;
    const command = this.gate.tick(input);
    const { kind, reason } = this.gate.verdict;
    if (kind === "ok") this.#drive.adopt(this.gate.commandedRad, input.dtMs);
    else this.#drive.start(this.gate.commandedRad);
    if (reason !== this.#lastReason) {
      this.#lastReason = reason;
      this.#record({ type: "verdict", atMs: nowMs, verdict: { ...this.gate.verdict } });
    }
    return command;
  }

  #end(end: Omit<Outcome, "believedDone" | "moved">, atMs = this.#options.clock.nowMs()): void {
    this.#nudge = null;
    this.gate.revoke();
    this.#chunks.clear();
    this.#waiting = null;
    const instruct = this.#instruct;
    if (instruct === null) return;
    const believedDone = (this.#belief?.done ?? 0) > this.#decideOptions.doneAbove;
    this.#instruct = null;
    this.#outcome = { ...end, believedDone, moved: this.#moved };
    this.#record({ type: "end", atMs, instruction: instruct.text, outcome: this.#outcome });
  }

  #plan(): Float32Array {
    const chunk = this.#chunks.chunk;
    const { targetPos } = this.#drive;
    if (chunk === null || this.#decision.phase !== "move") return Float32Array.from(targetPos);
    const { embodiment } = this.#options.robot;
    const steps = (this.#options.clock.nowMs() - (this.#chunks.captureMs ?? 0)) / chunk.space.stepMs;
    return planOf(chunk, steps, { embodiment, targetPos, commandedRad: this.gate.commandedRad });
  }

  #record(event: LoopEvent): void {
    this.#options.record?.(event);
  }
}
