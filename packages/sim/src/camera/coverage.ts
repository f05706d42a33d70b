import type { Simulation } from "../physics/engine.ts";

/**
 * Which pixels could show a geom, and which places on the table could lie in a geom's shadow: rays are cast only there.
 * Conservative: the corners of each geom's box, projected.
 */

/** What coverage needs of the model's seen geoms: index, box centre and half size in the geom's frame. */
export type SeenGeoms = { readonly ids: Int32Array; readonly boxes: Float64Array };

export function seenGeomsOf(simulation: Simulation): SeenGeoms {
  const { model } = simulation;
  const groups = model.geom_group as Int32Array;
  const boxes = model.geom_aabb as Float64Array;
  const ids = Int32Array.from([...groups.keys()].filter((id) => groups[id] === 1));
  const own = new Float64Array(6 * ids.length);
  ids.forEach((id, i) => own.set(boxes.subarray(6 * id, 6 * id + 6), 6 * i));
  return { ids, boxes: own };
}

/** Writes the eight corners of seen geom `index` in the base frame: float64[24]. */
function cornersOf(simulation: Simulation, seen: SeenGeoms, index: number, out: Float64Array): void {
  const { geomXpos, geomXmat } = simulation.views;
  const id = seen.ids[index] ?? 0;
  for (let corner = 0; corner < 8; corner++) {
    const sx = corner & 1 ? 1 : -1;
    const sy = corner & 2 ? 1 : -1;
    const sz = corner & 4 ? 1 : -1;
    const x = num(seen.boxes, 6 * index) + sx * num(seen.boxes, 6 * index + 3);
    const y = num(seen.boxes, 6 * index + 1) + sy * num(seen.boxes, 6 * index + 4);
    const z = num(seen.boxes, 6 * index + 2) + sz * num(seen.boxes, 6 * index + 5);
    for (let axis = 0; axis < 3; axis++) {
      const row = 9 * id + 3 * axis;
      out[3 * corner + axis] =
        num(geomXpos, 3 * id + axis) + num(geomXmat, row) * x + num(geomXmat, row + 1) * y + num(geomXmat, row + 2) * z;
    }
  }
}

const num = (values: Float64Array, index: number): number => values[index] as number;

/** Closer than this to the camera's plane, projection is not to be trusted: the geom covers the whole image. */
const NEAR_M = 0.005;

/** Marks in mask (uint8[height, width]) every pixel that may show a geom. */
export function markCovered(
  simulation: Simulation,
  seen: SeenGeoms,
  pose: Float64Array,
  tanHalfFovY: number,
  size: { width: number; height: number },
  mask: Uint8Array,
): void {
  const { width, height } = size;
  const focal = height / (2 * tanHalfFovY);
  const corners = new Float64Array(24);
  mask.fill(0);
  for (let index = 0; index < seen.ids.length; index++) {
    cornersOf(simulation, seen, index, corners);
    const rect = projectedRect(corners, pose, focal, width, height);
    if (rect === null) continue;
    for (let row = rect.top; row < rect.bottom; row++) mask.fill(1, row * width + rect.left, row * width + rect.right);
  }
}

type Rect = { left: number; right: number; top: number; bottom: number };

function projectedRect(
  corners: Float64Array,
  pose: Float64Array,
  focal: number,
  width: number,
  height: number,
): Rect | null {
  let [minX, maxX, minY, maxY] = [Infinity, -Infinity, Infinity, -Infinity];
  let behind = 0;
  for (let corner = 0; corner < 8; corner++) {
    const dx = num(corners, 3 * corner) - num(pose, 3);
    const dy = num(corners, 3 * corner + 1) - num(pose, 7);
    const dz = num(corners, 3 * corner + 2) - num(pose, 11);
    const depth = -(num(pose, 2) * dx + num(pose, 6) * dy + num(pose, 10) * dz);
    if (depth < NEAR_M) {
      behind++;
      continue;
    }
    const u = width / 2 + (focal * (num(pose, 0) * dx + num(pose, 4) * dy + num(pose, 8) * dz)) / depth;
    const v = height / 2 - (focal * (num(pose, 1) * dx + num(pose, 5) * dy + num(pose, 9) * dz)) / depth;
    minX = Math.min(minX, u);
    maxX = Math.max(maxX, u);
    minY = Math.min(minY, v);
    maxY = Math.max(maxY, v);
  }
  if (behind === 8) return null;
  if (behind > 0) return { left: 0, right: width, top: 0, bottom: height };
  const rect = {
    left: Math.max(0, Math.floor(minX)),
    right: Math.min(width, Math.ceil(maxX)),
    top: Math.max(0, Math.floor(minY)),
    bottom: Math.min(height, Math.ceil(maxY)),
  };
  return rect.left < rect.right && rect.top < rect.bottom ? rect : null;
}

/** A coarse map of the table: cells that may lie in shadow. */
export class ShadowMap {
  static readonly cellM = 0.02;
  readonly #minX: number;
  readonly #minY: number;
  readonly #columns: number;
  readonly #rows: number;
  readonly #cells: Uint8Array;

  constructor(table: { centreX: number; halfX: number; halfY: number }) {
    this.#minX = table.centreX - table.halfX;
    this.#minY = -table.halfY;
    this.#columns = Math.ceil((2 * table.halfX) / ShadowMap.cellM);
    this.#rows = Math.ceil((2 * table.halfY) / ShadowMap.cellM);
    this.#cells = new Uint8Array(this.#columns * this.#rows);
  }

  /** Marks the shadows on z = 0 of all seen geoms under a light at `light`. */
  update(simulation: Simulation, seen: SeenGeoms, light: readonly [number, number, number]): void {
    const corners = new Float64Array(24);
    this.#cells.fill(0);
    for (let index = 0; index < seen.ids.length; index++) {
      cornersOf(simulation, seen, index, corners);
      let [minX, maxX, minY, maxY] = [Infinity, -Infinity, Infinity, -Infinity];
      for (let corner = 0; corner < 8; corner++) {
        const drop = light[2] - num(corners, 3 * corner + 2);
        const reach = drop > 0.05 ? light[2] / drop : 100;
        const x = light[0] + (num(corners, 3 * corner) - light[0]) * reach;
        const y = light[1] + (num(corners, 3 * corner + 1) - light[1]) * reach;
        minX = Math.min(minX, x);
        maxX = Math.max(maxX, x);
        minY = Math.min(minY, y);
        maxY = Math.max(maxY, y);
      }
      this.#mark(minX, maxX, minY, maxY);
    }
  }

  #mark(minX: number, maxX: number, minY: number, maxY: number): void {
    const left = Math.max(0, Math.floor((minX - this.#minX) / ShadowMap.cellM));
    const right = Math.min(this.#columns, Math.floor((maxX - this.#minX) / ShadowMap.cellM) + 1);
    const first = Math.max(0, Math.floor((minY - this.#minY) / ShadowMap.cellM));
    const last = Math.min(this.#rows, Math.floor((maxY - this.#minY) / ShadowMap.cellM) + 1);
    if (left >= right) return;
    for (let row = first; row < last; row++) {
      this.#cells.fill(1, row * this.#columns + left, row * this.#columns + right);
    }
  }

  /** Whether the place (x, y) on the table may lie in shadow. */
  mayBeDark(x: number, y: number): boolean {
    const column = Math.floor((x - this.#minX) / ShadowMap.cellM);
    const row = Math.floor((y - this.#minY) / ShadowMap.cellM);
    return this.#cells[row * this.#columns + column] === 1;
  }
}
