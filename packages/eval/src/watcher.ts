/** Watches an episode from outside, ten times a simulated second: how far the tool went, what it held, the paths to show. */
import type { Candidate, Image, Intent, RunResult as VirtualResult, VirtualStep } from "@bidden/runtime";
import { judge, senseWorld, type Task, violations, type World } from "@bidden/sim";
import type { Watched } from "./episode.ts";
import type { Replay } from "./replay.ts";

const WATCH_MS = 100;
/** Size of the pictures in a report. */
const PICTURE = { width: 168, height: 120 };
/** What moved less than this in all is left out of a replay, metres. */
const STILL_M = 0.005;

export class EpisodeWatcher {
  readonly #world: World;
  readonly #task: Task | null;
  readonly #toolStart: readonly [number, number, number];
  readonly #everHeld = new Set<string>();
  readonly #tool: number[] = [];
  readonly #gripper: number[] = [];
  readonly #drawer: number[] = [];
  /** By object, in the scene's order. */
  readonly #paths: number[][];
  #nextMs = 0;
  #travelM = 0;
  #everDone = false;
  #lastIntent: Intent["kind"] | null = null;
  #candidates: readonly Candidate[] = [];
  readonly #first: Image;

  /** The world stands at the start of the episode. */
  constructor(world: World, task: Task | null) {
    this.#world = world;
    this.#task = task;
    this.#toolStart = senseWorld(world).tool;
    this.#paths = world.scene.objects.map(() => []);
    this.#first = this.#picture();
    this.#look();
  }

  /** Farthest that the tool ever was from where it began, metres. */
  get toolTravelM(): number {
    return this.#travelM;
  }

  /** After every step of the world. */
  tick(): void {
    if (this.#world.timeMs >= this.#nextMs - 1e-6) this.#look();
  }

  /** At every inference. */
  think({ chunk }: VirtualStep): void {
    if (chunk === null) return;
    const { intent } = chunk.belief;
    this.#lastIntent = intent.kind;
    if (intent.kind === "ask") this.#candidates = intent.candidates;
  }

  finish({ outcome, inferences, inferWallMs }: VirtualResult): Watched {
    return {
      toolTravelM: Math.round(this.#travelM * 1e4) / 1e4,
      everHeld: [...this.#everHeld],
      everDone: this.#task === null ? null : this.#everDone,
      violations: violations(this.#world, this.#task),
      outcome: outcome.verdict,
      lastIntent: this.#lastIntent,
      candidates: outcome.candidates ?? this.#candidates,
      inferences,
      meanInferMs: inferences === 0 ? 0 : inferWallMs / inferences,
    };
  }

  replay(): Replay {
    const moved: Record<string, readonly number[]> = {};
    this.#world.scene.objects.forEach(({ id }, i) => {
      const path = this.#paths[i] ?? [];
      if (path.some((value, at) => Math.abs(value - (path[at % 3] ?? value)) > STILL_M * 1000)) moved[id] = path;
    });
    return {
      stepS: WATCH_MS / 1000,
      tool: this.#tool,
      gripper: this.#gripper,
      drawer: this.#drawer,
      moved,
      first: this.#first,
      last: this.#picture(),
    };
  }

  #picture(): Image {
    return this.#world.render("front", PICTURE).image;
  }

  #look(): void {
    this.#nextMs = this.#world.timeMs + WATCH_MS;
    const state = senseWorld(this.#world);
    const away = state.tool.map((value, i) => value - (this.#toolStart[i] ?? value));
    this.#travelM = Math.max(this.#travelM, Math.hypot(...away));
    if (state.held !== null) this.#everHeld.add(state.held);
    if (this.#task !== null && !this.#everDone) this.#everDone = judge(this.#world, this.#task);
    this.#tool.push(...state.tool.map(millimetres));
    this.#gripper.push(millimetres(state.gripperWidthM));
    this.#drawer.push(millimetres(state.drawerM));
    state.objects.forEach(({ position }, i) => this.#paths[i]?.push(...position.map(millimetres)));
  }
}

function millimetres(metres: number): number {
  return Math.round(metres * 1000) + 0;
}
