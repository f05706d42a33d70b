/**
 * One demonstration: the expert drives the world at 10 Hz on the same way as a policy would, with disturbances in what is
 * executed. What is recorded as right is always what the expert would do in the state that was really reached.
 */

import type { CameraView, Rng } from "@bidden/runtime";
import { tasksOf } from "../language/tasks.ts";
import type { Kind, ObjectState, Task, Vec3 } from "../types.ts";
import type { World } from "../world.ts";
import { type Disturbance, Disturber, drawDisturbance } from "./disturb.ts";
import { ActionDriver } from "./drive.ts";
import { isFinished } from "./expert/expert.ts";
import { expertAction } from "./expert/law.ts";
import { steer } from "./expert/motion.ts";
import { isDone } from "./judge.ts";
import { type Roles, rolesOf } from "./roles.ts";
import { senseWorld, stateVector } from "./sense.ts";
import { type FullState, thingOf } from "./state.ts";

export type SegmentedView = CameraView & { readonly segmentation?: Uint8Array };

/** One control step (100 ms): what there was to see, what would be right, what was done. */
export type DemonstrationStep = {
  /** From 0 within the episode. */
  readonly index: number;
  readonly timeMs: number;
  /** By camera name, with segmentation (0 = nothing, 1 + index in scene.objects); empty without rendering. */
  readonly cameras: Readonly<Record<string, SegmentedView>>;
  /** float32[n] as `Observation.state`. */
  readonly state: Float32Array;
  /** float32[7], the label: what the expert does in this state. */
  readonly expert: Float32Array;
  /** float32[7], what was executed after this observation. */
  readonly executed: Float32Array;
  /** Whether a shove, fumble or nudge (not mere noise) changed this step. */
  readonly disturbed: boolean;
  /** By the judge. */
  readonly done: boolean;
  /** Done, retreated and still. */
  readonly finished: boolean;
  readonly objects: readonly ObjectState[];
  readonly roles: Roles;
  /** Centres now of what is acted on and of the place, base frame, metres. */
  readonly actAt: Vec3;
  readonly placeAt: Vec3 | null;
};

export type DemonstrationOutcome = {
  readonly done: boolean;
  readonly steps: number;
  readonly disturbance: Disturbance;
};

export type DemonstrationOptions = {
  /** Which cameras to render; none is the fast mode. */
  readonly cameras?: Readonly<Record<string, { width: number; height: number }>>;
  /** Left out: drawn from `rng`, 70 % of the episodes with some. */
  readonly disturbance?: Disturbance;
  /** An episode that is not finished by then ends as it is. */
  readonly maxSteps?: number;
  /** Frames recorded after the expert has finished, standing still. */
  readonly stillSteps?: number;
};

/** Disturbances cease after this many steps, so that every episode can end. */
const DISTURBED_STEPS = 70;

/** Runs one episode from the world's present state (reset it before). Returns how it ended. */
export function* demonstrate(
  world: World,
  task: Task,
  rng: Rng,
  { cameras = {}, disturbance, maxSteps = 160, stillSteps = 8 }: DemonstrationOptions = {},
): Generator<DemonstrationStep, DemonstrationOutcome> {
  const plan = disturbance ?? drawDisturbance(rng);
  const disturber = new Disturber(plan, rng);
  const driver = new ActionDriver(world);
  if (plan.preludeSteps > 0) doSomethingElse(world, driver, task, plan.preludeSteps, rng);
  if (plan.startTool !== null) moveTo(world, driver, plan.startTool, rng.uniform() < 0.25 ? rng.uniform() : 1);
  const progress = new Progress();
  let finishedSteps = 0;
  for (let index = 0; index < maxSteps; index++) {
    const label = labelState(world, task);
    finishedSteps = label.finished ? finishedSteps + 1 : 0;
    const quiet = index >= DISTURBED_STEPS || label.done;
    const nudged = !quiet && nudge(world, disturber, label.roles.act, rng);
    const { executed, disturbed } = quiet
      ? { executed: label.expert.slice(), disturbed: false }
      : disturber.apply(label.expert);
    yield {
      index,
      timeMs: world.timeMs,
      cameras: renderAll(world, cameras),
      state: stateVector(world, driver.gripper),
      ...label,
      executed,
      disturbed: disturbed || nudged,
    };
    if (finishedSteps >= stillSteps) return { done: true, steps: index + 1, disturbance: plan };
    if (progress.isHopeless(world, label)) return { done: false, steps: index + 1, disturbance: plan };
    driver.execute(executed);
  }
  return { done: isDone(senseWorld(world), task), steps: maxSteps, disturbance: plan };
}

/** What belongs to a state as its label, without stepping: for demonstrations and for correcting a policy (DAgger). */
export type StateLabel = Pick<
  DemonstrationStep,
  "expert" | "done" | "finished" | "objects" | "roles" | "actAt" | "placeAt"
>;

export function labelState(world: World, task: Task): StateLabel {
  const state = senseWorld(world);
  const roles = rolesOf(task);
  return {
    expert: expertAction(state, task),
    done: isDone(state, task),
    finished: isFinished(state, task),
    objects: state.objects,
    roles,
    actAt: thingOf(state, roles.act).position,
    placeAt: roles.place === null ? null : thingOf(state, roles.place).position,
  };
}

function renderAll(world: World, cameras: NonNullable<DemonstrationOptions["cameras"]>): Record<string, SegmentedView> {
  const views: Record<string, SegmentedView> = {};
  for (const [name, size] of Object.entries(cameras)) {
    views[name] = world.render(name, size, { segmentation: true, shadows: true });
  }
  return views;
}

/** How hard a nudge is by kind: a block slides to a stop soon, a can would fall over, a ball rolls far. */
const NUDGE: Readonly<Partial<Record<Kind, number>>> = { block: 2, can: 0.9, ball: 0.7 };

/** Pushes the thing that is acted on, or any other, unless it is in the hand. Answers whether it did. */
function nudge(world: World, disturber: Disturber, act: string, rng: Rng): boolean {
  const velocity = disturber.nudge();
  if (velocity === null) return false;
  const loose = world.scene.objects.filter(({ kind }) => NUDGE[kind] !== undefined);
  const id = rng.uniform() < 0.7 ? act : (rng.pick(loose)?.id ?? act);
  const object = loose.find((candidate) => candidate.id === id);
  if (object === undefined || world.held() === id) return false;
  const strength = NUDGE[object.kind] ?? 1;
  world.pushObject(id, [velocity[0] * strength, velocity[1] * strength, 0]);
  return true;
}

/** A few steps of another task, as if a person had changed their mind. */
function doSomethingElse(world: World, driver: ActionDriver, task: Task, steps: number, rng: Rng): void {
  const others = tasksOf(world.scene).filter((other) => other.object !== task.object || other.skill !== task.skill);
  const other = others.length === 0 ? task : rng.pick(others);
  for (let step = 0; step < steps; step++) driver.execute(expertAction(senseWorld(world), other));
}

/** Within these bounds the arm reaches everything, metres. */
const REACH_MIN: readonly [number, number] = [0.27, -0.35];
const REACH_MAX: readonly [number, number] = [0.73, 0.35];
/** A tool that wants to move and has not come this far in so many steps is stuck. */
const STUCK_M = 0.004;
const STUCK_STEPS = 20;

/** Notices that an episode cannot be saved: something rolled out of reach, or the fingers are wedged. */
class Progress {
  #from: Vec3 = [0, 0, 0];
  #steps = 0;

  isHopeless(world: World, { actAt, placeAt, finished }: StateLabel): boolean {
    if (isOutOfReach(actAt) || (placeAt !== null && isOutOfReach(placeAt))) return true;
    const { tool } = senseWorld(world);
    const moved = Math.hypot(tool[0] - this.#from[0], tool[1] - this.#from[1], tool[2] - this.#from[2]) > STUCK_M;
    this.#steps = moved || finished ? 0 : this.#steps + 1;
    if (moved) this.#from = tool;
    return this.#steps >= STUCK_STEPS;
  }
}

function isOutOfReach([x, y]: Vec3): boolean {
  return x < REACH_MIN[0] || x > REACH_MAX[0] || y < REACH_MIN[1] || y > REACH_MAX[1];
}

/** Brings the tool to a place before the recording begins; over things it stays above them. */
function moveTo(world: World, driver: ActionDriver, place: Vec3, gripper: number): void {
  for (let step = 0; step < 40; step++) {
    const state = senseWorld(world);
    const z = Math.max(place[2], clearanceM(state, place));
    const dx = place[0] - state.tool[0];
    const dy = place[1] - state.tool[1];
    const away = Math.hypot(dx, dy);
    if (away < 0.01 && Math.abs(z - state.tool[2]) < 0.01) return;
    driver.execute(steer(state, { dx, dy, z: away > 0.02 ? Math.max(z, 0.14) : z, gripper }));
  }
}

/** Lowest height of the tool over a place at which the fingers touch nothing, metres. */
function clearanceM(state: FullState, place: Vec3): number {
  const near = state.objects.some(({ position }) => Math.hypot(position[0] - place[0], position[1] - place[1]) < 0.13);
  return near ? 0.12 : 0;
}
