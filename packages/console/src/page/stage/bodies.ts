/** Arm, table and things as three.js meshes, one group a body; poses come in as numbers and go straight to the groups. */
import {
  Color,
  Group,
  type Material,
  Mesh,
  MeshLambertMaterial,
  MeshPhysicalMaterial,
  MeshStandardMaterial,
} from "three";
import type { GeomInfo, ObjectInfo } from "../../protocol/messages.ts";
import { findRings, geometryOf, ringGeometry } from "./shapes.ts";

/** How shiny each kind of thing is: [roughness, clear coat]. */
const FINISH: Readonly<Record<string, readonly [number, number]>> = {
  block: [0.62, 0],
  ball: [0.3, 0.5],
  can: [0.36, 0.3],
  bowl: [0.34, 0.6],
  plate: [0.34, 0.6],
  square: [0.95, 0],
  drawer: [0.7, 0],
};

export type Bodies = {
  readonly group: Group;
  /** float32[bodies, 7]: position and quaternion (w, x, y, z). */
  setPoses(poses: Float32Array): void;
  dispose(): void;
};

/** @param plain cheaper materials, where the processor draws */
export function createBodies(
  geoms: readonly GeomInfo[],
  count: number,
  objects: readonly ObjectInfo[],
  plain: boolean,
): Bodies {
  const group = new Group();
  const groups = Array.from({ length: count }, () => new Group());
  group.add(...groups);
  const kinds = new Map(objects.map((object) => [object.id, object.kind]));
  const visible = geoms.filter((geom) => geom.shape !== "plane" && geom.rgba[3] > 0.02);
  const { rings, others } = findRings(visible);
  for (const ring of rings) {
    const first = ring[0];
    if (first === undefined) continue;
    groups[first.body]?.add(
      castingMesh(new Mesh(ringGeometry(ring), materialOf(first, kinds.get(first.object ?? ""), plain))),
    );
  }
  for (const geom of others) {
    const mesh = castingMesh(new Mesh(geometryOf(geom), materialOf(geom, kinds.get(geom.object ?? ""), plain)));
    const [w, x, y, z] = geom.quat;
    mesh.position.set(...geom.pos);
    mesh.quaternion.set(x, y, z, w);
    groups[geom.body]?.add(mesh);
  }
  return {
    group,
    setPoses: (poses) => {
      for (let body = 0; body < count; body++) place(groups[body], poses, 7 * body);
    },
    dispose: () => group.traverse(disposeMesh),
  };
}

function place(group: Group | undefined, poses: Float32Array, at: number): void {
  const [x = 0, y = 0, z = 0, qw = 1, qx = 0, qy = 0, qz = 0] = poses.subarray(at, at + 7);
  group?.position.set(x, y, z);
  group?.quaternion.set(qx, qy, qz, qw);
}

function materialOf(geom: GeomInfo, kind: string | undefined, plain: boolean): Material {
  const material = plain ? new MeshLambertMaterial(colourOf(geom)) : finishOf(geom, kind);
  // Paint lies in the table's plane: nudge it towards the eye instead of letting the two flicker.
  if (kind === "square")
    Object.assign(material, { polygonOffset: true, polygonOffsetFactor: -2, polygonOffsetUnits: -2 });
  return material;
}

function finishOf(geom: GeomInfo, kind: string | undefined): Material {
  const [roughness, clearcoat] = FINISH[kind ?? ""] ?? [0.42, 0];
  const shared = { ...colourOf(geom), roughness, metalness: 0 };
  return clearcoat > 0
    ? new MeshPhysicalMaterial({ ...shared, clearcoat, clearcoatRoughness: 0.25 })
    : new MeshStandardMaterial(shared);
}

function colourOf({ rgba: [r, g, b, alpha] }: GeomInfo) {
  return { color: new Color().setRGB(r, g, b, "srgb"), transparent: alpha < 1, opacity: alpha };
}

function castingMesh(mesh: Mesh): Mesh {
  mesh.castShadow = true;
  mesh.receiveShadow = true;
  return mesh;
}

function disposeMesh(node: unknown): void {
  if (!(node instanceof Mesh)) return;
  const mesh = node as Mesh<Mesh["geometry"], Material>;
  mesh.geometry.dispose();
  mesh.material.dispose();
}
