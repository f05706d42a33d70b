import type { SceneObject } from "../types.ts";
import { COLOUR_RGB } from "./colours.ts";
import { DRAWER, DRAWER_HANDLE_X_M } from "./shapes.ts";

const TOUCH = 'contype="2" conaffinity="6" group="1"';

/**
 * The drawer as MJCF: body `<id>` slides along +x out of the body `cabinet`, joint `<id>` = opening in metres. Its start is
 * the handle's place at reset, so the cabinet stands `DRAWER_HANDLE_X_M` plus the opening behind it.
 */
export function drawerMjcf(object: SceneObject, openM: number): string {
  const [halfX, halfY, halfZ] = DRAWER.cabinetHalf;
  const cabinetX = object.start[0] - openM - DRAWER_HANDLE_X_M;
  const rgba = `rgba="${COLOUR_RGB[object.colour].join(" ")} 1"`;
  const box = (pos: readonly number[], half: readonly number[]): string =>
    `<geom type="box" pos="${pos.join(" ")}" size="${half.join(" ")}" mass="0.05" ${rgba} ${TOUCH}/>`;
  const front = halfX + DRAWER.frontHalfX;
  const stem = front + DRAWER.frontHalfX + DRAWER.stemLengthM / 2;
  const bar = stem + DRAWER.stemLengthM / 2 + DRAWER.barHalfX;
  const handle = DRAWER.handleZ - halfZ;
  const wall = halfY - 0.006;
  return `<body name="cabinet" pos="${cabinetX} ${object.start[1]} ${halfZ}">
<geom type="box" size="${halfX} ${halfY} ${halfZ}" rgba="0.36 0.27 0.2 1" ${TOUCH}/>
<body name="${object.id}">
<joint name="${object.id}" type="slide" axis="1 0 0" range="0 ${DRAWER.rangeM}" damping="6" frictionloss="0.8"/>
${box([front, 0, 0], [DRAWER.frontHalfX, halfY, halfZ - 0.002])}
${box([0, wall, 0], [halfX - 0.001, 0.003, halfZ - 0.01])}
${box([0, -wall, 0], [halfX - 0.001, 0.003, halfZ - 0.01])}
${box([-halfX + 0.004, 0, 0], [0.003, wall, halfZ - 0.01])}
${box([0, 0, -halfZ + 0.009], [halfX - 0.001, wall, 0.002])}
${box([stem, 0, handle], [DRAWER.stemLengthM / 2, DRAWER.stemHalfY, DRAWER.handleHalfZ])}
${box([bar, 0, handle], [DRAWER.barHalfX, DRAWER.barHalfY, DRAWER.handleHalfZ])}
</body>
</body>`;
}
