/**
 * Whether a published policy fits a robot: cameras, order of the state, meaning and units of the actions, rate. What the
 * checkpoint does not say is never guessed: it stops with the field's name, until a person has said it in `embodiment.json`.
 */
import { type ActionSpace, BiddenError, type Embodiment } from "@bidden/runtime";
import type { CameraSlot, FamilyInfo } from "../checkpoint/family.ts";
import type { Fields } from "../checkpoint/json.ts";
import {
  ACTION_KINDS,
  type ActionMap,
  type Picked,
  pickedCount,
  readAction,
  ROTATIONS,
  type SaidAction,
  spaceOf,
} from "./action-map.ts";

/** What a person says about a checkpoint and a robot: `embodiment.json`, beside the weights or named on the command line. */
export type EmbodimentMap = {
  /** The robot's camera for each of the checkpoint's; null leaves one out. */
  readonly cameras: Readonly<Record<string, string | null>>;
  /** The robot's state name for each number of the checkpoint's state, in its order. */
  readonly state: readonly string[] | null;
  /** What the checkpoint's actions are, and how they come to metres, radians and a gripper of 0..1, 1 = open. */
  readonly action: SaidAction | null;
  /** Duration of one action of the checkpoint, ms. */
  readonly stepMs: number | null;
};

export type Match = {
  /** The robot's camera for each of the checkpoint's that is used. */
  readonly cameras: ReadonlyMap<string, string>;
  /** Index into the robot's state for each number of the checkpoint's. */
  readonly state: readonly number[];
  readonly action: ActionMap;
  readonly space: ActionSpace;
  /** Index into the robot's state for each joint's angle. */
  readonly joints: readonly number[];
};

export type Robot = Pick<Embodiment, "name" | "cameras" | "stateNames" | "actionSpace" | "commandPeriodMs"> & {
  readonly joints: readonly { readonly name: string }[];
};

/** An action that lasts longer than this is a mistake of units, ms. */
const LONGEST_STEP_MS = 2000;

/** Names that bidden's own recordings give the seven. */
const OWN_ACTIONS = ["dxM", "dyM", "dzM", "rxRad", "ryRad", "rzRad", "gripper"];

export function readEmbodimentMap(fields: Fields): EmbodimentMap {
  const known = ["cameras", "state", "action", "stepMs"];
  const strange = fields.keys().find((key) => !known.includes(key));
  if (strange !== undefined) throw fields.bad(strange, `no such field; there are ${known.join(", ")}`);
  const cameras = fields.object("cameras", true);
  const named = cameras
    .keys()
    .map((key): [string, string | null] => [key, cameras.has(key) ? cameras.text(key) : null]);
  return {
    cameras: Object.fromEntries(named),
    state: fields.has("state") ? fields.texts("state") : null,
    action: fields.has("action") ? readAction(fields) : null,
    stepMs: fields.has("stepMs") ? fields.number("stepMs") : null,
  };
}

export const NO_MAP: EmbodimentMap = { cameras: {}, state: null, action: null, stepMs: null };

/** @throws `embodiment-mismatch` that names every field which is open, and how to settle it. */
export function matchEmbodiment(info: FamilyInfo, robot: Robot, map: EmbodimentMap = NO_MAP): Match {
  const open: string[] = [];
  const cameras = matchCameras(info, robot, map, open);
  const state = matchState(info, robot, map, open);
  const joints = robot.joints.map((_, j) => robot.stateNames.indexOf(`joint${j + 1}Rad`));
  const action = matchAction(info, robot, map.action, open);
  const stepMs = matchStep(info, robot, map, open);
  if (open.length === 0 && action !== null && stepMs !== null) {
    return { cameras, state, action, space: spaceOf(action, robot.joints.length, stepMs), joints };
  }
  throw new BiddenError(
    "embodiment-mismatch",
    `The ${info.family} checkpoint does not fit the robot "${robot.name}" yet: ${open.join("; ")}. ` +
      'Say it in embodiment.json beside the weights (or --map <file>): { "cameras": { "<the checkpoint\'s>": "<the robot\'s or null>" }, ' +
      '"state": ["<the robot\'s name>", ...], "action": { "kind": "joint-position", "order": [...], "scale": [...] }, "stepMs": 100 }.',
    { robot: robot.name, fields: open.map((text) => text.slice(0, text.indexOf(":"))) },
  );
}

/** How long an action lasts, ms: any time in which the robot takes at least one command. */
function matchStep(info: FamilyInfo, robot: Robot, map: EmbodimentMap, open: string[]): number | null {
  const stepMs = map.stepMs ?? (info.rateHz === null ? null : 1000 / info.rateHz);
  const { commandPeriodMs } = robot;
  if (stepMs === null) {
    open.push(
      "stepMs: the checkpoint does not say how long an action lasts (1000 / the frame rate of what it learnt from)",
    );
  } else if (!(stepMs >= 0.99 * commandPeriodMs && stepMs <= LONGEST_STEP_MS)) {
    open.push(
      `stepMs: expected ${commandPeriodMs} (the robot takes a command so often) to ${LONGEST_STEP_MS} ms an action; came ${stepMs}`,
    );
  }
  return stepMs;
}

function matchCameras(info: FamilyInfo, robot: Robot, map: EmbodimentMap, open: string[]): Map<string, string> {
  const matched = new Map<string, string>();
  const stranger = Object.keys(map.cameras).find((name) => !info.cameras.some((camera) => camera.name === name));
  if (stranger !== undefined) open.push(`cameras.${stranger}: the checkpoint has no such camera`);
  for (const slot of info.cameras) {
    const said = map.cameras[slot.name];
    const own = said === undefined ? sameName(slot, robot) : said;
    if (own === null && said === null) {
      if (!slot.optional) open.push(`cameras.${slot.name}: the policy does not run without it`);
    } else if (own === null || own === undefined) {
      if (!/empty_camera/.test(slot.name)) {
        open.push(`cameras.${slot.name}: the robot has ${robot.cameras.join(", ")}`);
      }
    } else if (!robot.cameras.includes(own)) {
      open.push(`cameras.${slot.name}: the robot has no camera "${own}", but ${robot.cameras.join(", ")}`);
    } else matched.set(slot.name, own);
  }
  if (matched.size === 0 && info.cameras.length > 0 && open.length === 0) open.push("cameras: none is left");
  return matched;
}

/** The robot's camera of the same name, without the path before it. */
function sameName({ name }: CameraSlot, robot: Robot): string | undefined {
  const last = name.split(/[./]/).at(-1);
  return robot.cameras.find((camera) => camera === name || camera === last);
}

function matchState(info: FamilyInfo, robot: Robot, map: EmbodimentMap, open: string[]): readonly number[] {
  const { dim, names } = info.state;
  if (dim === 0) return [];
  const wanted = map.state ?? names;
  if (wanted.length !== dim) {
    const came = map.state === null ? "the checkpoint does not name them" : `${map.state.length} are named`;
    open.push(`state: the checkpoint reads ${dim} numbers, and ${came}; the robot has ${robot.stateNames.join(", ")}`);
    return [];
  }
  const missing = wanted.filter((name) => !robot.stateNames.includes(name));
  if (missing.length > 0) {
    open.push(`state: the robot has no ${missing.join(", ")}, but ${robot.stateNames.join(", ")}`);
    return [];
  }
  return wanted.map((name) => robot.stateNames.indexOf(name));
}

function matchAction(info: FamilyInfo, robot: Robot, said: SaidAction | null, open: string[]): ActionMap | null {
  const { dim, names } = info.action;
  const own = said ?? saidByNames(names, robot);
  if (own === null) {
    const listed = names.length > 0 ? ` (${names.join(", ")})` : "";
    open.push(
      `action: the checkpoint gives ${dim} numbers${listed} whose meaning and units are not said; kinds are ${ACTION_KINDS.join(", ")}`,
    );
    return null;
  }
  const before = open.length;
  const { kind, rotation, from } = own;
  if (kind === "ee-pose-8" && rotation === null) {
    open.push(`action.rotation: how the pose's rotation is written, one of ${Object.keys(ROTATIONS).join(", ")}`);
  }
  if (kind === "joint-delta" && from === null) {
    open.push('action.from: what a change starts from, "previous" (the action before) or "observed" (the observation)');
  }
  if (
    kind === "joint-delta" &&
    from === "observed" &&
    robot.joints.some((_, j) => !robot.stateNames.includes(`joint${j + 1}Rad`))
  ) {
    open.push("action.from: the robot's state does not name its joints, from which the changes would start");
  }
  if (open.length > before) return null;
  const picked = pickedOf(own, pickedCount(kind, robot.joints.length, rotation), info, robot, open);
  if (picked === null) return null;
  switch (kind) {
    case "ee-delta-7":
    case "joint-position":
      return { kind, ...picked };
    case "joint-delta":
      return { kind, from: from ?? "previous", ...picked };
    case "ee-pose-8":
      return {
        kind,
        rotation: rotation ?? "rotation-vector",
        baseTurn: own.baseTurn,
        toolTurn: own.toolTurn,
        ...picked,
      };
    default:
      return kind satisfies never;
  }
}

/** What names alone say: bidden's own seven, or the robot's joints and a gripper. */
function saidByNames(names: readonly string[], robot: Robot): SaidAction | null {
  const joints = robot.joints.map((_, j) => `joint${j + 1}Rad`);
  const isOwn = names.join() === OWN_ACTIONS.join();
  const isJoints = ["gripper", "gripperCommand"].some((gripper) => names.join() === [...joints, gripper].join());
  if (!isOwn && !isJoints) return null;
  const kind = isOwn ? "ee-delta-7" : "joint-position";
  const turns = { baseTurn: [1, 0, 0, 0], toolTurn: [1, 0, 0, 0] };
  return { kind, order: null, scale: null, offset: null, rotation: null, from: null, ...turns };
}

function pickedOf(said: SaidAction, count: number, info: FamilyInfo, robot: Robot, open: string[]): Picked | null {
  const { dim, names } = info.action;
  const before = open.length;
  const all = Array.from({ length: count }, (_, i) => i);
  const order = said.order ?? all;
  const wanted = `${said.kind} on "${robot.name}" has ${count} numbers (the gripper last)`;
  if (said.order === null && dim !== count) {
    const listed = names.length > 0 ? ` (${names.join(", ")})` : "";
    open.push(`action.order: ${wanted}, the checkpoint gives ${dim}${listed}: say which is which, null for none`);
  } else if (order.length !== count) {
    open.push(`action.order: ${wanted}; came ${order.length}`);
  }
  const beyond = order.find((place) => place !== null && place >= dim);
  if (said.order !== null && beyond !== undefined) {
    open.push(`action.order: the checkpoint gives ${dim} numbers, and number ${beyond} is asked for`);
  }
  for (const [name, values] of [["scale", said.scale] as const, ["offset", said.offset] as const]) {
    if (values !== null && values.length !== count) {
      open.push(`action.${name}: ${wanted}; came ${values.length}`);
    }
  }
  if (open.length > before) return null;
  return { order, scale: said.scale ?? all.map(() => 1), offset: said.offset ?? all.map(() => 0) };
}
