import type { ArmModel } from "../arm/arm.ts";
import type { Scene } from "../types.ts";
import { drawerMjcf } from "./drawer-mjcf.ts";
import { objectMjcf } from "./object-mjcf.ts";

/** Physics step. Two make one period of joint commands. */
export const TIME_STEP_MS = 5;

/** Visible table top: its middle and half size along x and y (for contacts it is endless). */
export const TABLE = { centreX: 0.45, halfX: 0.55, halfY: 0.75 } as const;

/** The whole world as MJCF text. Groups: 1 seen, 2 table, 3 for contacts alone. */
export function sceneMjcf(arm: ArmModel, scene: Scene): string {
  const drawer = scene.objects.find((object) => object.kind === "drawer");
  return `<mujoco model="tabletop">
<compiler angle="radian" autolimits="true" eulerseq="zyx" inertiafromgeom="auto" boundmass="0.001" boundinertia="0.000001"/>
<option timestep="${TIME_STEP_MS / 1000}" integrator="implicitfast" cone="pyramidal" impratio="30" iterations="30" ls_iterations="20" tolerance="1e-9"><flag autoreset="disable"/></option>
<size memory="4M"/>
<worldbody>
<geom name="table" type="plane" pos="${TABLE.centreX} 0 0" size="${TABLE.halfX} ${TABLE.halfY} 0.01" friction="0.8 0.005 0.0001" contype="1" conaffinity="0" group="2"/>
${arm.mjcf.body}
${scene.objects.map(objectMjcf).join("\n")}
${drawer === undefined ? "" : drawerMjcf(drawer, scene.drawerStartM)}
</worldbody>
${drawer === undefined ? "" : `<contact><exclude body1="cabinet" body2="${drawer.id}"/></contact>`}
<tendon>${arm.mjcf.tendon}</tendon>
<equality>${arm.mjcf.equality}</equality>
<actuator>
${arm.mjcf.actuator}
</actuator>
</mujoco>`;
}
