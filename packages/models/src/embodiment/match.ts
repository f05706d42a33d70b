/**
 * Whether a published policy fits a robot: cameras, order of the state, meaning and units of the actions, rate. What the
 * checkpoint does not say is never guessed: it stops with the field's name, until a person has said it in `embodiment.json`.
 */
import { type ActionSpace, BiddenError, type Embodiment } from "@bidden/runtime";
import type { CameraSlot, FamilyInfo } from "../checkpoint/family.ts";
import { Fields, isJsonObject } from "../checkpoint/json.ts";

/** What a person says about a checkpoint and a robot: `embodiment.json`, beside the weights or named on the command line. */
export type EmbodimentMap = {
  /** The robot's camera for each of the checkpoint's; null leaves one out. */
  readonly cameras: Readonly<Record<string, string | null>>;
  /** The robot's state name for each number of the checkpoint's state, in its order. */
  readonly state: readonly string[] | null;
  /** How the checkpoint's actions become dx, dy, dz (m), rx, ry, rz (rad), gripper (0..1, 1 = open), relative, each step. */
  readonly action: ActionMap | null;
  /** Duration of one action of the checkpoint, ms. */
  readonly stepMs: number | null;
};

export type ActionMap = {
  readonly kind: "ee-delta-7";
  /** For each of the seven, which number of the checkpoint's action; by default 0 to 6. */
  readonly order: readonly number[];
  /** value * scale + offset, for each of the seven. */
  readonly scale: readonly number[];
  readonly offset: readonly number[];
};

export type Match = {
  /** The robot's camera for each of the checkpoint's that is used. */
  readonly cameras: ReadonlyMap<string, string>;
  /** Index into the robot's state for each number of the checkpoint's. */
  readonly state: readonly number[];
  readonly action: ActionMap;
  readonly space: ActionSpace;
};

export type Robot = Pick<Embodiment, "name" | "cameras" | "stateNames" | "actionSpace">;

/** Names that bidden's own recordings give the seven. */
const OWN_ACTIONS = ["dxM", "dyM", "dzM", "rxRad", "ryRad", "rzRad", "gripper"];
const SEVEN = [0, 1, 2, 3, 4, 5, 6];

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

function readAction(fields: Fields): ActionMap {
  const action = isJsonObject(fields.raw("action"))
    ? fields.object("action")
    : new Fields({ kind: fields.raw("action") }, fields.file, "action");
  if (action.text("kind") !== "ee-delta-7") throw action.bad("kind", '"ee-delta-7"');
  const seven = (key: string, fallback: readonly number[]): readonly number[] => {
    const values = action.numbers(key, fallback);
    if (values.length !== 7) throw action.bad(key, "seven numbers");
    return values;
  };
  return {
    kind: "ee-delta-7",
    order: seven("order", SEVEN),
    scale: seven(
      "scale",
      SEVEN.map(() => 1),
    ),
    offset: seven(
      "offset",
      SEVEN.map(() => 0),
    ),
  };
}

export const NO_MAP: EmbodimentMap = { cameras: {}, state: null, action: null, stepMs: null };

/** @throws `embodiment-mismatch` that names every field which is open, and how to settle it. */
export function matchEmbodiment(info: FamilyInfo, robot: Robot, map: EmbodimentMap = NO_MAP): Match {
  const open: string[] = [];
  const cameras = matchCameras(info, robot, map, open);
  const state = matchState(info, robot, map, open);
  const action = matchAction(info, map, open);
  const stepMs = map.stepMs ?? (info.rateHz === null ? null : 1000 / info.rateHz);
  if (stepMs === null)
    open.push(
      `stepMs: the checkpoint does not say how long an action lasts (the robot's: ${robot.actionSpace.stepMs} ms)`,
    );
  else if (Math.abs(stepMs - robot.actionSpace.stepMs) > 0.01 * robot.actionSpace.stepMs) {
    open.push(
      `stepMs: an action of the checkpoint lasts ${stepMs} ms, one of the robot ${robot.actionSpace.stepMs} ms`,
    );
  }
  if (open.length === 0 && action !== null) return { cameras, state, action, space: robot.actionSpace };
  throw new BiddenError(
    "embodiment-mismatch",
    `The ${info.family} checkpoint does not fit the robot "${robot.name}" yet: ${open.join("; ")}. ` +
      'Say it in embodiment.json beside the weights (or --map <file>): { "cameras": { "<the checkpoint\'s>": "<the robot\'s or null>" }, ' +
      '"state": ["<the robot\'s name>", ...], "action": { "kind": "ee-delta-7", "scale": [...] }, "stepMs": 100 }.',
    { robot: robot.name, fields: open.map((text) => text.slice(0, text.indexOf(":"))) },
  );
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

function matchAction(info: FamilyInfo, map: EmbodimentMap, open: string[]): ActionMap | null {
  const { dim, names } = info.action;
  if (map.action === null) {
    const own = names.length === 7 && names.every((name, i) => name === OWN_ACTIONS[i]);
    if (own) return { kind: "ee-delta-7", order: SEVEN, scale: SEVEN.map(() => 1), offset: SEVEN.map(() => 0) };
    open.push(
      `action: the checkpoint gives ${dim} numbers${names.length > 0 ? ` (${names.join(", ")})` : ""} whose meaning and units are not said`,
    );
    return null;
  }
  const beyond = map.action.order.find((index) => !Number.isInteger(index) || index < 0 || index >= dim);
  if (beyond === undefined) return map.action;
  open.push(`action: the checkpoint gives ${dim} numbers, and number ${beyond} is asked for`);
  return null;
}
