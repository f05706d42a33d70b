/** MuJoCo's primitives as three.js geometry (MuJoCo's cylinders and capsules stand along z, three's along y). */
import {
  BoxGeometry,
  BufferGeometry,
  CapsuleGeometry,
  CylinderGeometry,
  LatheGeometry,
  SphereGeometry,
  Vector2,
  Vector3,
  Quaternion,
} from "three";
import { RoundedBoxGeometry } from "three/examples/jsm/geometries/RoundedBoxGeometry.js";
import type { GeomInfo } from "../../protocol/messages.ts";

/** Geometry in the geom's own frame, metres. */
export function geometryOf(geom: GeomInfo): BufferGeometry {
  const [a, b, c] = geom.size;
  switch (geom.shape) {
    case "plane":
      return new BoxGeometry(2 * a, 2 * b, 0.0001);
    case "box":
      return boxOf(a, b, c);
    case "sphere":
      return new SphereGeometry(a, 48, 32);
    case "ellipsoid":
      return new SphereGeometry(1, 48, 32).scale(a, b, c);
    case "cylinder":
      return barrelOf(a, b);
    case "capsule":
      return new CapsuleGeometry(a, 2 * b, 16, 40).rotateX(Math.PI / 2);
    default:
      return geom.shape satisfies never;
  }
}

/** A box with its edges broken as on a real thing; sheets thinner than 2 mm stay sharp. */
function boxOf(a: number, b: number, c: number): BufferGeometry {
  const thinnest = Math.min(a, b, c);
  if (thinnest < 0.001) return new BoxGeometry(2 * a, 2 * b, 2 * c);
  return new RoundedBoxGeometry(2 * a, 2 * b, 2 * c, 4, Math.min(0.004, thinnest * 0.35));
}

/** A cylinder with rounded rims, as a surface of revolution around z. */
function barrelOf(radius: number, half: number): BufferGeometry {
  const bevel = Math.min(0.0035, half * 0.4, radius * 0.4);
  if (half < 0.002) return new CylinderGeometry(radius, radius, 2 * half, 64).rotateX(Math.PI / 2);
  const rim = [0, 0.25, 0.5, 0.75, 1].map((t) => (t * Math.PI) / 2);
  const top = rim.map((t) => new Vector2(radius - bevel + bevel * Math.cos(t), half - bevel + bevel * Math.sin(t)));
  const bottom = rim.map((t) => new Vector2(radius - bevel + bevel * Math.sin(t), -half + bevel - bevel * Math.cos(t)));
  const profile = [new Vector2(0, -half), ...bottom, ...top, new Vector2(0, half)];
  return new LatheGeometry(profile, 64).rotateX(Math.PI / 2);
}

/** Fewest equal boxes around an axis that count as a ring. */
const MIN_RING = 8;

/**
 * Splits a body's geoms into rings (equal boxes turned about the body's z axis: the wall of a bowl, the rim of a plate)
 * and the others. Physics needs convex boxes; the eye is shown the round thing that they stand for.
 */
export function findRings(geoms: readonly GeomInfo[]): { readonly rings: GeomInfo[][]; readonly others: GeomInfo[] } {
  const groups = new Map<string, GeomInfo[]>();
  const others: GeomInfo[] = [];
  for (const geom of geoms) {
    if (geom.shape !== "box") {
      others.push(geom);
      continue;
    }
    const reach = Math.hypot(geom.pos[0], geom.pos[1]);
    const key = [geom.body, ...geom.size, geom.pos[2], reach].map((x) => x.toFixed(4)).join(" ");
    groups.set(key, [...(groups.get(key) ?? []), geom]);
  }
  const all = [...groups.values()];
  return {
    rings: all.filter((group) => group.length >= MIN_RING),
    others: [...others, ...all.filter((group) => group.length < MIN_RING).flat()],
  };
}

/** The surface of revolution of a ring's first box: its cross-section in the plane through the axis, swept around. */
export function ringGeometry(ring: readonly GeomInfo[]): BufferGeometry {
  const box = ring[0];
  if (box === undefined) return new BufferGeometry();
  const [w, x, y, z] = box.quat;
  const turn = new Quaternion(x, y, z, w);
  const outward = Math.hypot(box.pos[0], box.pos[1]);
  const away = new Vector3(box.pos[0] / outward, box.pos[1] / outward, 0);
  const corner = (sx: number, sz: number): Vector2 => {
    const offset = new Vector3(sx * box.size[0], 0, sz * box.size[2]).applyQuaternion(turn);
    return new Vector2(outward + offset.dot(away), box.pos[2] + offset.z);
  };
  const [a, b, c, d] = [corner(1, -1), corner(1, 1), corner(-1, 1), corner(-1, -1)];
  const lip = b
    .clone()
    .add(c)
    .multiplyScalar(0.5)
    .add(
      b
        .clone()
        .sub(a)
        .setLength(box.size[0] * 0.7),
    );
  return new LatheGeometry([a, b, lip, c, d, a], 72).rotateX(Math.PI / 2);
}
