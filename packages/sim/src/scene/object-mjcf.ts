import type { SceneObject } from "../types.ts";
import { COLOUR_RGB } from "./colours.ts";
import {
  BOWL_HEIGHT_M,
  BOWL_RADIUS_M,
  CAN_ASPECT,
  HALF_WIDTH_M,
  PLATE_HEIGHT_M,
  PLATE_RADIUS_M,
  SQUARE_HALF_M,
} from "./shapes.ts";

/**
 * Objects as MJCF. Contact bits: 1 table, 2 objects, 4 gripper. Shapes that touch in a single point under MuJoCo's convex
 * solver (cylinder on box) are given boxes for all contacts but the table's, because a box on a box rests on four points.
 */

const TOUCH_ALL = 'contype="2" conaffinity="7"';
const TOUCH_NOT_TABLE = 'contype="2" conaffinity="6"';
const TOUCH_TABLE = 'contype="0" conaffinity="1"';
const TOUCH_NOTHING = 'contype="0" conaffinity="0"';
const SEEN = 'group="1"';
const UNSEEN = 'group="3"';

/** Segments of a ring: turned copies of one shape around z. */
const RING = 12;
const STEP_RAD = (2 * Math.PI) / RING;
/** Tangent of half a step (15 degrees), from a square root alone: the same bits in every engine. */
const TAN_HALF_STEP = 2 - Math.sqrt(3);

const rgbaOf = (object: SceneObject): string => `${COLOUR_RGB[object.colour].join(" ")} 1`;

/** Air and felt, N m s/rad: without it a can that was touched rocks on its rim for ever. */
const DAMPING = 0.0001;

function bodyOf(object: SceneObject, children: readonly string[]): string {
  return `<body name="${object.id}" pos="${object.start.join(" ")}" euler="${object.yaw} 0 0">
<joint type="free" name="${object.id}" damping="${DAMPING}"/>
${children.join("\n")}
</body>`;
}

function ringOf(geom: string): string[] {
  return Array.from({ length: RING }, (_, i) => `<frame euler="${i * STEP_RAD} 0 0">${geom}</frame>`);
}

function block(object: SceneObject): string {
  const half = HALF_WIDTH_M[object.size];
  const mass = object.size === "small" ? 0.06 : 0.12;
  return bodyOf(object, [
    `<geom type="box" size="${half} ${half} ${half}" mass="${mass}" rgba="${rgbaOf(object)}" ${TOUCH_ALL} ${SEEN}/>`,
  ]);
}

/** Rolling friction (third number, metres) brings a ball to rest within a few centimetres. */
function ball(object: SceneObject): string {
  const mass = object.size === "small" ? 0.05 : 0.1;
  return bodyOf(object, [
    `<geom type="sphere" size="${HALF_WIDTH_M[object.size]}" mass="${mass}" rgba="${rgbaOf(object)}" condim="6" friction="0.8 0.01 0.002" ${TOUCH_ALL} ${SEEN}/>`,
  ]);
}

/** Looks like and stands on the table like a cylinder; to all else it is an octagonal prism of two boxes. */
function can(object: SceneObject): string {
  const radius = HALF_WIDTH_M[object.size];
  const halfHeight = radius * CAN_ASPECT;
  const mass = object.size === "small" ? 0.07 : 0.14;
  const side = radius * (Math.SQRT2 - 1);
  const prism = `size="${radius} ${side} ${halfHeight}" mass="0" ${TOUCH_NOT_TABLE} ${UNSEEN}`;
  const lid = `type="cylinder" size="${radius * 0.8} 0.0006" mass="0" rgba="0.75 0.76 0.78 1" ${TOUCH_NOTHING} ${SEEN}`;
  return bodyOf(object, [
    `<geom type="cylinder" size="${radius} ${halfHeight}" mass="${mass}" rgba="${rgbaOf(object)}" ${TOUCH_TABLE} ${SEEN}/>`,
    `<geom type="box" ${prism}/>`,
    `<geom type="box" euler="${Math.PI / 2} 0 0" ${prism}/>`,
    `<geom pos="0 0 ${halfHeight}" ${lid}/>`,
  ]);
}

function bowl(object: SceneObject): string {
  const radius = BOWL_RADIUS_M[object.size];
  const mass = object.size === "small" ? 0.25 : 0.35;
  const bottom = -BOWL_HEIGHT_M / 2;
  const foot = 0.66 * radius;
  const lean = radius - foot - 0.004;
  const rise = BOWL_HEIGHT_M - 0.003;
  const slant = Math.sqrt(lean * lean + rise * rise);
  const halfTangent = radius * TAN_HALF_STEP;
  const wall = `<geom type="box" pos="${foot + lean / 2} 0 0.0015" zaxis="${lean} 0 ${rise}" size="0.002 ${halfTangent} ${slant / 2}" mass="0" rgba="${rgbaOf(object)}" ${TOUCH_NOT_TABLE} ${SEEN}/>`;
  const floorHalf = foot * 0.7;
  return bodyOf(object, [
    `<geom type="cylinder" pos="0 0 ${bottom + 0.003}" size="${foot + 0.002} 0.003" mass="${mass}" rgba="${rgbaOf(object)}" ${TOUCH_TABLE} ${SEEN}/>`,
    `<geom type="box" pos="0 0 ${bottom + 0.003}" size="${floorHalf} ${floorHalf} 0.003" mass="0" ${TOUCH_NOT_TABLE} ${UNSEEN}/>`,
    ...ringOf(wall),
  ]);
}

function plate(object: SceneObject): string {
  const radius = PLATE_RADIUS_M[object.size];
  const mass = object.size === "small" ? 0.2 : 0.3;
  const bottom = -PLATE_HEIGHT_M / 2;
  const inner = 0.66 * radius;
  const rim = `<geom type="box" pos="${0.92 * radius} 0 ${bottom + 0.0095}" size="${0.05 * radius} ${radius * TAN_HALF_STEP} 0.0025" mass="0" rgba="${rgbaOf(object)}" ${TOUCH_NOT_TABLE} ${SEEN}/>`;
  return bodyOf(object, [
    `<geom type="cylinder" pos="0 0 ${bottom + 0.0025}" size="${0.7 * radius} 0.0025" mass="${mass}" rgba="${rgbaOf(object)}" ${TOUCH_TABLE} ${SEEN}/>`,
    `<geom type="cylinder" pos="0 0 ${bottom + 0.006}" size="${0.95 * radius} 0.002" mass="0" rgba="${rgbaOf(object)}" ${TOUCH_NOTHING} ${SEEN}/>`,
    `<geom type="box" pos="0 0 ${bottom + 0.005}" size="${inner} ${inner} 0.003" mass="0" ${TOUCH_NOT_TABLE} ${UNSEEN}/>`,
    ...ringOf(rim),
  ]);
}

/** Paint, 0.4 mm thick for the eye alone. */
function square(object: SceneObject): string {
  const half = SQUARE_HALF_M[object.size];
  return `<body name="${object.id}" pos="${object.start.join(" ")}" euler="${object.yaw} 0 0">
<geom type="box" size="${half} ${half} 0.0004" rgba="${rgbaOf(object)}" ${TOUCH_NOTHING} ${SEEN}/>
</body>`;
}

/** One object of any kind but the drawer as the child of <worldbody>. */
export function objectMjcf(object: SceneObject): string {
  switch (object.kind) {
    case "block":
      return block(object);
    case "ball":
      return ball(object);
    case "can":
      return can(object);
    case "bowl":
      return bowl(object);
    case "plate":
      return plate(object);
    case "square":
      return square(object);
    case "drawer":
      return "";
    default:
      return object.kind satisfies never;
  }
}
