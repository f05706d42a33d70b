import { readFileSync } from "node:fs";
import type { CameraView } from "@bidden/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { panda } from "../arm/panda.ts";
import { type Engine, loadEngine, Simulation } from "../physics/engine.ts";
import { createScene } from "../scene/create-scene.ts";
import { sceneMjcf, TABLE } from "../scene/scene-mjcf.ts";
import { World } from "../world.ts";
import { FRONT, frontPose } from "./camera.ts";
import { markCovered, ShadowMap } from "./coverage.ts";
import { RayPool } from "./ray-pool.ts";
import { createSubject } from "./renderer.ts";

let engine: Engine;
let world: World;
beforeAll(async () => {
  engine = await loadEngine();
  world = new World(engine, panda);
});
afterAll(() => world.close());

/** Pixel (column, row; fractions) in which a place is seen. */
function project(view: CameraView, place: readonly number[]): [number, number] {
  const pose = view.baseFromCamera;
  const { width, height } = view.image;
  const away = place.map((value, i) => value - (pose[4 * i + 3] as number));
  const along = (column: number): number =>
    away.reduce((sum, value, row) => sum + value * (pose[4 * row + column] as number), 0);
  const focal = height / (2 * Math.tan(view.fovY / 2));
  return [width / 2 - (focal * along(0)) / along(2), height / 2 + (focal * along(1)) / along(2)];
}

describe("the cameras", () => {
  it("see exactly the golden pixels", () => {
    world.reset(createScene(7));
    world.step(100);
    for (const camera of ["front", "wrist"]) {
      const file = new URL(`../../../../testdata/sim/${camera}-seed-7.rgb`, import.meta.url);
      const golden = new Uint8Array(readFileSync(file));
      const { data } = world.render(camera).image;
      expect(data.length).toBe(golden.length);
      expect(data.findIndex((value, i) => value !== golden[i])).toBe(-1);
    }
  });

  it("see every thing where its position projects, under its own number, in its own colour", () => {
    for (const seed of [11, 12, 13, 14, 15]) {
      world.reset(createScene(seed, { drawer: false }));
      const size = { width: 448, height: 320 };
      const view = world.render("front", size, { segmentation: true });
      world.objects().forEach(({ id, position }, index) => {
        const [u, v] = project(view, position);
        const [column, row] = [Math.floor(u), Math.floor(v)];
        const seen = view.segmentation?.[row * size.width + column];
        const marked = view.segmentation?.filter((value) => value === index + 1).length ?? 0;
        expect(marked, `seed ${seed}: ${id}`).toBeGreaterThan(100);
        expect(seen, `seed ${seed}: ${id}`).toBe(index + 1);
      });
    }
  });

  it("hold the whole working area and the tool over it", () => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      world.reset(createScene(seed));
      const view = world.render("front");
      for (const x of [0.33, 0.67]) {
        for (const y of [-0.29, 0.29]) {
          for (const z of [0, 0.24]) {
            const [u, v] = project(view, [x, y, z]);
            expect(Math.min(u, view.image.width - u, v, view.image.height - v)).toBeGreaterThan(0);
          }
        }
      }
      const wrist = world.render("wrist");
      const [u, v] = project(wrist, [0.45, 0, 0.25]);
      expect(Math.min(u, 64 - u, v, 64 - v)).toBeGreaterThan(10);
    }
  });

  it("give any size, and a lighter picture without shadows", () => {
    world.reset(createScene(2));
    const sum = (data: Uint8Array): number => data.reduce((total, value) => total + value, 0);
    const dark = world.render("front", { width: 50, height: 30 });
    const light = world.render("front", { width: 50, height: 30 }, { shadows: false });
    expect(dark.image.data).toHaveLength(4500);
    expect(dark.segmentation).toBeUndefined();
    expect(sum(light.image.data)).toBeGreaterThan(sum(dark.image.data));
    const large = world.render("front", { width: 300, height: 200 });
    expect(large.image.data).toHaveLength(180_000);
  });
});

describe("what is left out", () => {
  it("neither hides a thing nor a shadow: rays everywhere find nothing more", () => {
    const simulation = new Simulation(engine, sceneMjcf(panda, createScene(4)));
    const pool = new RayPool(engine);
    const subject = createSubject(simulation, createScene(4).look, new Uint8Array(1000));
    const lens = { width: 56, height: 40, tanHalfFovY: FRONT.tanHalfFovY };
    const pose = frontPose(createScene(4).look);
    const count = lens.width * lens.height;
    const mask = new Uint8Array(count);
    markCovered(simulation, subject.seen, pose, lens.tanHalfFovY, lens, mask);
    const shadows = new ShadowMap(TABLE);
    shadows.update(simulation, subject.seen, subject.light);
    const rays = new Float64Array(3 * count);
    const toTable = new Float64Array(3 * count);
    const places: [number, number][] = [];
    for (let i = 0; i < count; i++) {
      const x = (((2 * (i % lens.width) + 1) / lens.width - 1) * lens.width * lens.tanHalfFovY) / lens.height;
      const y = (1 - (2 * Math.floor(i / lens.width) + 1) / lens.height) * lens.tanHalfFovY;
      const ray = [0, 1, 2].map(
        (row) => x * (pose[4 * row] ?? 0) + y * (pose[4 * row + 1] ?? 0) - (pose[4 * row + 2] ?? 0),
      );
      rays.set(
        ray.map((value) => value / Math.hypot(...ray)),
        3 * i,
      );
      const place: [number, number] = [0.2 + (0.6 * (i % lens.width)) / lens.width, (0.8 * i) / count - 0.4];
      places.push(place);
      const down = [place[0], place[1], 0].map((value, axis) => value - (subject.light[axis] ?? 0));
      toTable.set(
        down.map((value) => value / Math.hypot(...down)),
        3 * i,
      );
    }
    const hits = new Int32Array(count);
    const distances = new Float64Array(count);
    pool.cast(simulation, [pose[3] ?? 0, pose[7] ?? 0, pose[11] ?? 0], rays, count, hits, distances, null);
    expect(hits.some((geom) => geom >= 0)).toBe(true);
    expect([...hits].every((geom, i) => geom < 0 || mask[i] === 1)).toBe(true);
    expect(mask.some((covered) => covered === 0)).toBe(true);
    pool.cast(simulation, subject.light, toTable, count, hits, distances, null);
    expect(hits.some((geom) => geom >= 0)).toBe(true);
    expect([...hits].every((geom, i) => geom < 0 || shadows.mayBeDark(...(places[i] as [number, number])))).toBe(true);
    pool.close();
    simulation.close();
  });
});
