/**
 * A live session: the threads of `parts.ts`, and above them what people see and say. Runs on the main thread and does
 * nothing that takes long. Motion is asked for here and decided elsewhere: the loop's gate has the last word.
 */
import type { CameraInfo, Driver, Frame, LogEntry, SceneMessage, TraceSample } from "@bidden/console";
import {
  type Belief,
  BiddenError,
  cleanInstruction,
  type LoopEvent,
  type LoopStatus,
  nounPhrases,
  type PlaceHints,
  understandUtterance,
  type Utterance,
} from "@bidden/runtime";
import type { LiveSession, SessionListener, SessionStatus } from "../console/session.ts";
import { Conversation } from "./conversation.ts";
import { endingOf, isSilence, statusOf } from "./endings.ts";
import { openParts, type Parts } from "./parts.ts";
import { Pictures } from "./pictures.ts";
import { sentence } from "./words.ts";
import type { FromWorld } from "./wires.ts";

export type SessionOptions = {
  /** "tabletop", "expert", or the folder of a checkpoint. */
  readonly policy: string;
  /** The inference thread's module, where it is not this command's own. */
  readonly policyModule?: URL;
  readonly seed: number;
  /** Folder of the dataset to which every episode is added; null: nothing is recorded. */
  readonly record: string | null;
  /** Stands in the box at first, before the scene's own sentences to try. */
  readonly instruction: string | null;
};

/** How long a moving arm may take to come to rest before the table is set anew, ms. */
const SETTLE_MS = 1500;
const REST_RAD_S = 0.02;
/** The page's path is drawn anew this often, ms. */
const PATH_PERIOD_MS = 100;

export async function openSession(options: SessionOptions): Promise<LiveSession> {
  const session = new Session();
  await session.open(options);
  return session;
}

class Session implements LiveSession {
  readonly #pictures = new Pictures((frame) => this.#listener?.onFrame(frame));
  readonly #talk = new Conversation((entry) => this.#listener?.onLog(entry));
  #parts: Parts | null = null;
  #listener: SessionListener | null = null;
  #scene: SceneMessage | null = null;
  #status: LoopStatus | null = null;
  #driver: Driver = { kind: "expert", name: "scripted expert", digest: "" };
  #jointRadS = 0;
  #pathMs = 0;
  /** The last instruction in this scene: what "no, the green one" corrects. */
  #last: { readonly text: string; readonly asks: number | null } | null = null;
  /** Why the arm is latched, in words. */
  #latchedBecause = "";
  /** Which place the open question is about. */
  #askedAbout: keyof PlaceHints = "act";
  #changing = false;
  #wish: string | null = null;

  async open({ instruction, ...options }: SessionOptions): Promise<void> {
    this.#wish = instruction;
    this.#parts = await openParts({
      ...options,
      onWorld: (message) => this.#hearWorld(message),
      onStatus: (status) => this.#hearStatus(status),
      onEvent: (event) => this.#hearEvent(event),
      onTrouble: (text) => void this.#talk.add("house", "hold", text),
    });
    const info = this.#parts.policy;
    if (info !== null) this.#driver = { kind: "policy", name: info.name, digest: info.modelDigest };
    else
      this.#talk.add(
        "house",
        "plain",
        "The scripted expert drives: a script that sees the full state of the simulator, not a policy.",
      );
  }

  get driver(): Driver {
    return this.#driver;
  }

  get cameras(): readonly CameraInfo[] {
    return Object.entries(this.#opened.cameras).map(([name, size]) => ({ name, ...size }));
  }

  get #opened(): Parts {
    if (this.#parts === null) throw new BiddenError("internal", "internal: the session is not open yet");
    return this.#parts;
  }

  scene(): SceneMessage {
    if (this.#scene === null) throw new BiddenError("internal", "internal: the world has not shown its scene yet");
    return this.#scene;
  }

  status(): SessionStatus {
    return statusOf(this.#status, this.#latchedBecause, this.#recording());
  }

  #recording(): SessionStatus["recording"] {
    const recording = this.#parts?.recording ?? null;
    return recording === null || recording.broken
      ? null
      : { folder: recording.folder, episode: recording.episodes + 1 };
  }

  log(): readonly LogEntry[] {
    return this.#talk.entries;
  }

  latestFrames(): readonly Frame[] {
    return this.#pictures.latest();
  }

  listen(listener: SessionListener): void {
    this.#listener = listener;
  }

  watched(on: boolean): void {
    this.#opened.tellWorld({ type: "watched", on });
  }

  instruct(text: string, by: string): void {
    const clean = cleanInstruction(text);
    const { phase, mode } = this.status();
    const moving = phase === "moving";
    const utterance = understandUtterance(clean, { currentInstruction: this.#last?.text ?? null, moving });
    this.#talk.add("you", "plain", clean);
    if (utterance.kind === "stop") return this.stop(by);
    if (mode === "hold" || mode === "stop") {
      this.#talk.add("arm", "hold", 'I am held. Press "Let it move", then say it again.');
      return undefined;
    }
    return this.#obey(utterance, clean, by);
  }

  choose(entry: number, candidate: number, by: string): void {
    const asked = this.#talk.find(entry);
    const chosen = asked?.candidates[candidate];
    if (chosen === undefined || this.#last?.asks !== entry) {
      throw new BiddenError("not-found", "That question is no longer open: say again what the arm should do.", {
        entry,
        candidate,
      });
    }
    this.#talk.add("you", "answer", sentence(chosen.label));
    this.#begin(this.#last.text, by, { [this.#askedAbout]: chosen.at });
  }

  stop(by: string): void {
    this.#latchedBecause = "Stopped by a person.";
    this.#opened.loop.stop(by);
  }

  hold(reason: string): void {
    const { phase } = this.status();
    if (phase !== "moving" && phase !== "thinking") return;
    this.#opened.loop.fault("console", reason);
  }

  release(by: string): void {
    if (this.#status?.mode === "nominal") return;
    this.#opened.revivePolicy();
    this.#opened.loop.raise("nominal", by);
    this.#talk.add("house", "plain", "Released: the arm may move again.");
  }

  shuffle(seed: number | null, by: string): void {
    if (this.#changing) return;
    this.#changing = true;
    const next = seed ?? this.scene().seed + 1;
    this.#opened.loop.cancel(`a new scene, asked for by ${by}`);
    void this.#settled().then(() => this.#opened.tellWorld({ type: "reset", seed: next }));
  }

  async close(): Promise<void> {
    await this.#parts?.close();
  }

  #obey(utterance: Utterance, clean: string, by: string): void {
    switch (utterance.kind) {
      case "new":
      case "replace":
        return this.#begin(utterance.instruction, by, undefined, utterance.kind === "replace" ? clean : null);
      case "nudge":
        this.#opened.loop.nudge(utterance.directionM, by);
        return;
      case "undo":
        return this.#putBack(by);
      case "question":
        if (this.status().phase === "moving") this.#talk.add("arm", "plain", "Ask me again when I have finished.");
        else this.#begin(clean, by);
        return;
      case "confirm":
        return this.#confirm(utterance.yes, by);
      case "stop":
      case "empty":
        return;
      default:
        utterance satisfies never;
    }
  }

  /** @param corrected what the person said, where the instruction is a correction of the one before */
  #begin(instruction: string, by: string, hints?: PlaceHints, corrected: string | null = null): void {
    if (corrected !== null && corrected !== instruction)
      this.#talk.add("house", "plain", `Understood as: ${instruction}`);
    this.#last = { text: instruction, asks: null };
    this.#pictures.forgetPointing();
    this.#opened.tellWorld({ type: "asked", text: instruction });
    this.#opened.recording?.begin(instruction, this.scene().seed);
    this.#opened.loop.instruct({ text: instruction, by, ...(hints === undefined ? {} : { hints }) });
  }

  #putBack(by: string): void {
    const place = this.#status?.pickedAt ?? null;
    if (place === null || this.#last === null) {
      this.#talk.add("arm", "refuse", "I have moved nothing that I could put back.");
      return;
    }
    if (this.#driver.kind === "expert") {
      this.#talk.add("arm", "refuse", "The scripted expert cannot put things back.");
      return;
    }
    const { act, place: target } = nounPhrases(this.#last.text);
    const text = target !== undefined || act === undefined ? this.#last.text : `put the ${act} back`;
    this.#begin(text, by, { place });
  }

  #confirm(yes: boolean, by: string): void {
    const asked = this.#last?.asks ?? null;
    const entry = asked === null ? null : this.#talk.find(asked);
    if (yes && entry?.candidates.length === 1) return this.choose(entry.id, 0, by);
    this.#talk.add("arm", "plain", yes ? "Tell me which one." : "Tell me what to do instead.");
    return undefined;
  }

  #hearWorld(message: FromWorld): void {
    switch (message.type) {
      case "scene":
        this.#scene = this.#wish === null ? message : { ...message, tries: [this.#wish, ...message.tries] };
        this.#wish = null;
        this.#last = null;
        this.#pictures.clear();
        this.#listener?.onScene(this.#scene);
        if (this.#changing) this.#talk.add("house", "plain", `A new table: scene ${message.seed}.`);
        this.#changing = false;
        return;
      case "poses":
        this.#jointRadS = message.jointRadS;
        return this.#pictures.show("poses", { kind: "poses", poses: message.poses });
      case "views":
        return this.#pictures.see(message.cameras);
      case "judged":
        return this.#judged(message.done);
      default:
        message satisfies never;
    }
  }

  #hearStatus(status: LoopStatus): void {
    this.#status = status;
    const { toolPos, gripper, belief, lateness, nowMs } = status;
    const done = belief?.done ?? 0;
    const sample: TraceSample = [nowMs, ...toolPos, this.#jointRadS, gripper, done, lateness.lastMs];
    this.#listener?.onTrace([sample]);
    if (nowMs - this.#pathMs < PATH_PERIOD_MS) return;
    this.#pathMs = nowMs;
    const points = status.phase === "moving" ? status.plan : new Float32Array();
    this.#pictures.show("path", { kind: "path", points });
  }

  #hearEvent(event: LoopEvent): void {
    this.#parts?.recording?.hear(event);
    if (event.type === "mode" && event.change.to !== "nominal") {
      if (event.change.to === "hold") this.#latchedBecause = sentence(event.change.reason);
      if (event.change.to === "stop" && this.#latchedBecause === "")
        this.#latchedBecause = `Stopped by ${event.change.by}.`;
    }
    if (event.type === "mode" && event.change.to === "nominal") this.#latchedBecause = "";
    if (event.type === "thought" && event.thought.chunk !== undefined) this.#think(event.thought.chunk.belief);
    if (event.type !== "end") return;
    const { tone, text, candidates } = endingOf(event.outcome, this.#status?.belief ?? null, (at) =>
      this.#pictures.inFront(at),
    );
    const entry = this.#talk.add("arm", tone, text, candidates);
    if (this.#last !== null && event.outcome.verdict === "asked") this.#last = { ...this.#last, asks: entry.id };
    if (event.outcome.verdict === "done") this.#opened.tellWorld({ type: "judge", id: entry.id });
    if (isSilence(event.outcome)) this.#opened.restartPolicy();
  }

  #think({ intent, pointing }: Belief): void {
    this.#pictures.point(pointing);
    if (intent.kind === "ask") this.#askedAbout = intent.about ?? "act";
  }

  #judged(done: boolean | null): void {
    if (done === null) return;
    this.#talk.add("house", "plain", done ? "The simulator's judge agrees." : "The simulator's judge does not agree.");
  }

  /** Resolves when the arm stands still, or has had time enough. */
  #settled(): Promise<void> {
    const began = performance.now();
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const still = this.#status?.phase === "idle" && this.#jointRadS < REST_RAD_S && performance.now() - began > 150;
        if (!still && performance.now() - began < SETTLE_MS) return;
        clearInterval(timer);
        resolve();
      }, 50);
    });
  }
}
