import { BiddenError } from "@bidden/runtime";
import type { ArmModel } from "../arm/arm.ts";
import { DRAWER, DRAWER_HANDLE_X_M } from "../scene/shapes.ts";
import type { ObjectState, Scene, SceneObject, Vec3 } from "../types.ts";
import type { Simulation } from "./engine.ts";

/** Where a one-dimensional joint lives in qpos and qvel, and its actuator (or -1). */
export type JointPlace = { readonly qpos: number; readonly dof: number; readonly actuator: number };

/** A seen shape for a 3-D view; sizes as MuJoCo has them (half sizes; capsule and cylinder: radius, half length). */
export type GeomDescription = {
  readonly shape: "plane" | "sphere" | "capsule" | "cylinder" | "box";
  readonly size: readonly [number, number, number];
  readonly rgba: readonly [number, number, number, number];
  readonly body: number;
  /** Pose in the body's frame, quaternion (w, x, y, z). */
  readonly pos: readonly [number, number, number];
  readonly quat: readonly [number, number, number, number];
};

/** Names of one episode's things, found once: which body, joint and geom is what. */
export type Layout = {
  readonly joints: readonly JointPlace[];
  readonly fingers: readonly JointPlace[];
  readonly gripperActuator: number;
  readonly drawer: JointPlace | null;
  /** uint8[ngeom]: 1 + index in scene.objects, or 0. */
  readonly segmentOf: Uint8Array;
  objectState(simulation: Simulation, object: SceneObject, index: number): ObjectState;
  handPose(simulation: Simulation): Float64Array;
  touchingPairs(simulation: Simulation): Set<string>;
  push(simulation: Simulation, id: string, velocity: Vec3): void;
  /** m/s; 0 for what cannot move. */
  speedOf(simulation: Simulation, object: SceneObject): number;
};

export function createLayout(simulation: Simulation, arm: ArmModel, scene: Scene): Layout {
  const hand = required(simulation, "mjOBJ_BODY", arm.names.hand);
  const bodies = scene.objects.map((object) => required(simulation, "mjOBJ_BODY", object.id));
  const drawer = scene.objects.find((object) => object.kind === "drawer");
  const names = geomNames(simulation, arm, scene, bodies);
  return {
    joints: arm.names.joints.map((name) => jointPlace(simulation, name)),
    fingers: arm.names.fingers.map((name) => jointPlace(simulation, name)),
    gripperActuator: required(simulation, "mjOBJ_ACTUATOR", arm.names.gripperActuator),
    drawer: drawer === undefined ? null : jointPlace(simulation, drawer.id),
    segmentOf: segments(simulation, bodies),
    objectState: (now, object, index) => stateOf(now, object, bodies[index] ?? 0),
    handPose: (now) => poseOf(now, hand),
    touchingPairs: (now) => touchingPairs(now, names),
    push: (now, id, velocity) => push(now, scene, id, velocity),
    speedOf,
  };
}

function required(simulation: Simulation, type: Parameters<Simulation["idOf"]>[0], name: string): number {
  const id = simulation.idOf(type, name);
  if (id < 0) {
    throw new BiddenError("bad-model-file", `The model must have a ${type.slice(6).toLowerCase()} named "${name}".`, {
      name,
    });
  }
  return id;
}

function jointPlace(simulation: Simulation, name: string): JointPlace {
  const joint = required(simulation, "mjOBJ_JOINT", name);
  return {
    qpos: (simulation.model.jnt_qposadr as Int32Array)[joint] as number,
    dof: (simulation.model.jnt_dofadr as Int32Array)[joint] as number,
    actuator: simulation.idOf("mjOBJ_ACTUATOR", name),
  };
}

function segments(simulation: Simulation, bodies: readonly number[]): Uint8Array {
  const bodyOfGeom = simulation.model.geom_bodyid as Int32Array;
  return Uint8Array.from(bodyOfGeom, (body) => bodies.indexOf(body) + 1);
}

function stateOf(simulation: Simulation, object: SceneObject, body: number): ObjectState {
  const { xpos, xquat } = simulation.views;
  const x = xpos[3 * body] as number;
  const y = xpos[3 * body + 1] as number;
  const z = xpos[3 * body + 2] as number;
  const q = xquat.subarray(4 * body, 4 * body + 4);
  const position: Vec3 = object.kind === "drawer" ? [x + DRAWER_HANDLE_X_M, y, DRAWER.handleZ] : [x, y, z];
  return {
    id: object.id,
    position,
    quaternion: [q[0] as number, q[1] as number, q[2] as number, q[3] as number],
  };
}

/** Row-major 3x4 of a body. */
function poseOf(simulation: Simulation, body: number): Float64Array {
  const { xpos, xmat } = simulation.views;
  const pose = new Float64Array(12);
  for (let row = 0; row < 3; row++) {
    pose.set(xmat.subarray(9 * body + 3 * row, 9 * body + 3 * row + 3), 4 * row);
    pose[4 * row + 3] = xpos[3 * body + row] as number;
  }
  return pose;
}

/** By geom: the names under which `touching` knows it. */
function geomNames(simulation: Simulation, arm: ArmModel, scene: Scene, bodies: readonly number[]): string[][] {
  const [left, right] = arm.names.fingerBodies.map((name) => required(simulation, "mjOBJ_BODY", name));
  const hand = required(simulation, "mjOBJ_BODY", arm.names.hand);
  const table = required(simulation, "mjOBJ_GEOM", "table");
  return Array.from(simulation.model.geom_bodyid as Int32Array, (body, geom) => {
    if (geom === table) return ["table"];
    if (body === left) return ["gripper", "finger-left"];
    if (body === right) return ["gripper", "finger-right"];
    if (body === hand) return ["gripper"];
    const object = scene.objects[bodies.indexOf(body)];
    return object === undefined ? [] : [object.id];
  });
}

function touchingPairs(simulation: Simulation, names: readonly string[][]): Set<string> {
  const pairs = new Set<string>();
  for (const { geom1, geom2 } of simulation.contacts()) {
    for (const a of names[geom1] ?? []) {
      for (const b of names[geom2] ?? []) pairs.add(`${a} ${b}`).add(`${b} ${a}`);
    }
  }
  return pairs;
}

function push(simulation: Simulation, scene: Scene, id: string, velocity: Vec3): void {
  const object = scene.objects.find((candidate) => candidate.id === id);
  if (object === undefined || object.kind === "square") {
    throw new BiddenError("not-found", `Only a movable thing of the scene can be pushed, not "${id}".`, { id });
  }
  const { dof } = jointPlace(simulation, id);
  simulation.views.qvel.set(object.kind === "drawer" ? [velocity[0]] : velocity, dof);
}

function speedOf(simulation: Simulation, object: SceneObject): number {
  if (object.kind === "square") return 0;
  const { dof } = jointPlace(simulation, object.id);
  const [x = 0, y = 0, z = 0] = simulation.views.qvel.subarray(dof, dof + 3);
  return object.kind === "drawer" ? Math.abs(x) : Math.sqrt(x * x + y * y + z * z);
}

/** Every shape that is seen, the table first. */
export function describeGeoms(simulation: Simulation): GeomDescription[] {
  const { engine, model } = simulation;
  const shapes = new Map<number, GeomDescription["shape"]>([
    [engine.mjtGeom.mjGEOM_PLANE.value, "plane"],
    [engine.mjtGeom.mjGEOM_SPHERE.value, "sphere"],
    [engine.mjtGeom.mjGEOM_CAPSULE.value, "capsule"],
    [engine.mjtGeom.mjGEOM_CYLINDER.value, "cylinder"],
    [engine.mjtGeom.mjGEOM_BOX.value, "box"],
  ]);
  const groups = model.geom_group as Int32Array;
  const types = model.geom_type as Int32Array;
  const bodies = model.geom_bodyid as Int32Array;
  const [sizes, rgbas] = [model.geom_size as Float64Array, model.geom_rgba as Float32Array];
  const [positions, quats] = [model.geom_pos as Float64Array, model.geom_quat as Float64Array];
  const found: GeomDescription[] = [];
  groups.forEach((group, id) => {
    const shape = shapes.get(types[id] as number);
    if ((group !== 1 && group !== 2) || shape === undefined) return;
    found.push({
      shape,
      size: three(sizes, id),
      rgba: four(rgbas, id),
      body: bodies[id] as number,
      pos: three(positions, id),
      quat: four(quats, id),
    });
  });
  return found;
}

const three = (values: Float64Array, id: number): [number, number, number] =>
  [...values.subarray(3 * id, 3 * id + 3)] as [number, number, number];

const four = (values: Float64Array | Float32Array, id: number): [number, number, number, number] =>
  [...values.subarray(4 * id, 4 * id + 4)] as [number, number, number, number];
