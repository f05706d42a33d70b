/** What is drawn over the world: the planned path of the tool, and where the policy points. */
import {
  BufferGeometry,
  CatmullRomCurve3,
  Color,
  Group,
  Mesh,
  MeshBasicMaterial,
  RingGeometry,
  SphereGeometry,
  TubeGeometry,
  Vector3,
} from "three";
import type { Point3 } from "../../protocol/messages.ts";

export type Marks = {
  readonly group: Group;
  /** float32[n, 3], m. */
  setPath(points: Float32Array): void;
  setPointing(pointing: { readonly act: Point3 | null; readonly place: Point3 | null }): void;
  setColours(colours: { readonly act: string; readonly place: string; readonly path: string }): void;
  dispose(): void;
};

export function createMarks(): Marks {
  const group = new Group();
  const act = createReticle();
  const place = createReticle();
  const path = createPath();
  group.add(act.group, place.group, path.group);
  return {
    group,
    setPath: path.set,
    setPointing: (pointing) => {
      act.set(pointing.act);
      place.set(pointing.place);
    },
    setColours: (colours) => {
      act.material.color = new Color(colours.act);
      place.material.color = new Color(colours.place);
      path.material.color = new Color(colours.path);
    },
    dispose: () => {
      for (const part of [act, place, path]) part.dispose();
    },
  };
}

/** A ring on the table under the place, and a thin line from it up to the place. */
function createReticle() {
  const group = new Group();
  const material = new MeshBasicMaterial({ transparent: true, opacity: 0.92, depthTest: false, toneMapped: false });
  const ring = new Mesh(new RingGeometry(0.034, 0.039, 56), material);
  const dot = new Mesh(new SphereGeometry(0.0045, 16, 12), material);
  ring.renderOrder = 5;
  dot.renderOrder = 5;
  ring.position.z = 0.002;
  group.add(ring, dot);
  group.visible = false;
  return {
    group,
    material,
    set: (at: Point3 | null): void => {
      group.visible = at !== null;
      if (at === null) return;
      group.position.set(at[0], at[1], 0);
      dot.position.z = Math.max(0.002, at[2]);
    },
    dispose: (): void => {
      ring.geometry.dispose();
      dot.geometry.dispose();
      material.dispose();
    },
  };
}

/** A tube along the planned tool positions, with a bead at its end. */
function createPath() {
  const group = new Group();
  const material = new MeshBasicMaterial({ transparent: true, opacity: 0.85, toneMapped: false });
  const tube = new Mesh(new BufferGeometry(), material);
  const bead = new Mesh(new SphereGeometry(0.006, 16, 12), material);
  group.add(tube, bead);
  group.visible = false;
  return {
    group,
    material,
    set: (flat: Float32Array): void => {
      const points: Vector3[] = [];
      for (let i = 0; i + 2 < flat.length; i += 3) {
        const point = new Vector3(flat[i], flat[i + 1], flat[i + 2]);
        if (points.length === 0 || point.distanceTo(points[points.length - 1] ?? point) > 0.0008) points.push(point);
      }
      const last = points[points.length - 1];
      group.visible = points.length >= 2 && last !== undefined;
      if (!group.visible || last === undefined) return;
      tube.geometry.dispose();
      tube.geometry = new TubeGeometry(new CatmullRomCurve3(points), Math.max(8, points.length * 4), 0.0022, 8);
      bead.position.copy(last);
    },
    dispose: (): void => {
      tube.geometry.dispose();
      bead.geometry.dispose();
      material.dispose();
    },
  };
}
