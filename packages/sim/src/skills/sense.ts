/** Reads the full state out of a world. */

import { StateAssembler } from "@bidden/runtime";
import type { Vec3 } from "../types.ts";
import type { World } from "../world.ts";
import type { FullState } from "./state.ts";

const assemblers = new WeakMap<World, StateAssembler>();

/** The world's state assembler: kinematics are built once a world. */
function assemblerOf(world: World): StateAssembler {
  const known = assemblers.get(world);
  if (known !== undefined) return known;
  const made = new StateAssembler(world.robot.embodiment);
  assemblers.set(world, made);
  return made;
}

/** float32[n] `Observation.state` in the embodiment's order. @param gripperCommand 0..1, last commanded */
export function stateVector(world: World, gripperCommand: number): Float32Array {
  const assembler = assemblerOf(world);
  assembler.read(world.robot.read(), gripperCommand);
  return assembler.vector();
}

/** Everything that experts and judges look at, now. */
export function senseWorld(world: World): FullState {
  const robot = world.robot.read();
  const assembler = assemblerOf(world);
  assembler.read(robot, 1);
  const { stateNames } = world.robot.embodiment;
  const vector = assembler.vector();
  const at = (name: string): number => vector[stateNames.indexOf(name)] ?? 0;
  const tool: Vec3 = [at("toolXM"), at("toolYM"), at("toolZM")];
  return {
    scene: world.scene,
    objects: world.objects(),
    speeds: world.scene.objects.map((object) => world.speedOf(object.id)),
    drawerM: world.drawerM,
    tool,
    toolRotation: [at("toolRxRad"), at("toolRyRad"), at("toolRzRad")],
    toolSpeedMS: assembler.toolSpeedMS,
    gripperWidthM: robot.gripperWidthM,
    held: world.held(),
    gripped: (id) => world.touching(id, "gripper"),
    touching: (a, b) => world.touching(a, b),
  };
}
