/** What a checkpoint's actions mean on a robot, as a person says it in `embodiment.json`. */
import type { ActionSpace } from "@bidden/runtime";
import { Fields, isJsonObject, type JsonObject } from "../checkpoint/json.ts";

/** How a rotation is written, and in how many numbers. */
export const ROTATIONS = {
  "rotation-vector": 3,
  "euler-xyz": 3,
  "quaternion-wxyz": 4,
  "quaternion-xyzw": 4,
  "rotation-6d": 6,
} as const;

export type RotationForm = keyof typeof ROTATIONS;

/** Which number of the checkpoint's action each one of the robot's is, and how it comes to the robot's units. */
export type Picked = {
  /** null: none; the offset alone counts. */
  readonly order: readonly (number | null)[];
  /** value * scale + offset. */
  readonly scale: readonly number[];
  readonly offset: readonly number[];
};

export type ActionMap = Picked &
  (
    | { readonly kind: "ee-delta-7" }
    | {
        /** Position (3), rotation (as `rotation` says), gripper. */
        readonly kind: "ee-pose-8";
        readonly rotation: RotationForm;
        /** Quaternions (w, x, y, z): the robot's base from the checkpoint's, and the checkpoint's tool from the robot's. */
        readonly baseTurn: readonly number[];
        readonly toolTurn: readonly number[];
      }
    /** The joints in the robot's order, gripper. */
    | { readonly kind: "joint-position" }
    | {
        readonly kind: "joint-delta";
        /** What a change starts from: the action before, or for all actions of a chunk the observation. */
        readonly from: "previous" | "observed";
      }
  );

export type ActionKind = ActionMap["kind"];

export const ACTION_KINDS: readonly ActionKind[] = ["ee-delta-7", "ee-pose-8", "joint-position", "joint-delta"];

/** What a person says, before the robot is known: what is left out is null. */
export type SaidAction = {
  readonly kind: ActionKind;
  readonly order: readonly (number | null)[] | null;
  readonly scale: readonly number[] | null;
  readonly offset: readonly number[] | null;
  readonly rotation: RotationForm | null;
  readonly baseTurn: readonly number[];
  readonly toolTurn: readonly number[];
  readonly from: "previous" | "observed" | null;
};

const NO_TURN = [1, 0, 0, 0];
const FIELDS = ["kind", "order", "scale", "offset", "rotation", "baseTurn", "toolTurn", "from"];

/** Numbers of the checkpoint that a kind reads, the gripper included. */
export function pickedCount(kind: ActionKind, joints: number, rotation: RotationForm | null): number {
  switch (kind) {
    case "ee-delta-7":
      return 7;
    case "ee-pose-8":
      return 4 + ROTATIONS[rotation ?? "rotation-vector"];
    case "joint-position":
    case "joint-delta":
      return joints + 1;
    default:
      return kind satisfies never;
  }
}

/** The field "action": an object, or a kind alone. */
export function readAction(fields: Fields): SaidAction {
  const raw = fields.raw("action");
  const object: JsonObject = isJsonObject(raw) ? raw : { kind: raw };
  const action = new Fields(object, fields.file, "action");
  const strange = action.keys().find((key) => !FIELDS.includes(key));
  if (strange !== undefined) throw action.bad(strange, `no such field; there are ${FIELDS.join(", ")}`);
  return {
    kind: oneOf(action, "kind", ACTION_KINDS),
    order: action.has("order") ? readOrder(action) : null,
    scale: action.has("scale") ? action.numbers("scale") : null,
    offset: action.has("offset") ? action.numbers("offset") : null,
    rotation: action.has("rotation") ? oneOf(action, "rotation", Object.keys(ROTATIONS) as RotationForm[]) : null,
    baseTurn: readTurn(action, "baseTurn"),
    toolTurn: readTurn(action, "toolTurn"),
    from: action.has("from") ? oneOf(action, "from", ["previous", "observed"] as const) : null,
  };
}

function oneOf<T extends string>(fields: Fields, key: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === fields.raw(key));
  if (found !== undefined) return found;
  throw fields.bad(key, `one of ${allowed.map((name) => `"${name}"`).join(", ")}`);
}

function readOrder(action: Fields): readonly (number | null)[] {
  const order: unknown = action.raw("order");
  const isPlace = (value: unknown): value is number | null =>
    value === null || (Number.isInteger(value) && (value as number) >= 0);
  if (Array.isArray(order) && order.every(isPlace)) return order;
  throw action.bad("order", "a list of whole numbers from 0, or null where the checkpoint has none");
}

function readTurn(action: Fields, key: string): readonly number[] {
  const turn = action.numbers(key, NO_TURN);
  const length = Math.hypot(...turn);
  if (turn.length === 4 && Math.abs(length - 1) < 1e-3) return turn.map((value) => value / length);
  throw action.bad(key, "a unit quaternion (w, x, y, z)");
}

/** The space in which the robot gets them. */
export function spaceOf(map: ActionMap, joints: number, stepMs: number): ActionSpace {
  switch (map.kind) {
    case "ee-delta-7":
      return { kind: map.kind, dim: 7, stepMs };
    case "ee-pose-8":
      return { kind: map.kind, dim: 8, stepMs };
    case "joint-position":
      return { kind: map.kind, dim: joints + 1, stepMs };
    case "joint-delta":
      // Changes from what was observed are set-points as soon as the observation is known.
      return { kind: map.from === "observed" ? "joint-position" : map.kind, dim: joints + 1, stepMs };
    default:
      return map satisfies never;
  }
}
