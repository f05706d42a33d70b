import { describe, expect, it } from "vitest";
import { GRASPABLE, KINDS, RECEPTACLES, type SceneObject } from "../types.ts";
import { AREA, createScene } from "./create-scene.ts";
import { footprintRadiusM } from "./shapes.ts";

const SCENES = Array.from({ length: 300 }, (_, seed) => createScene(seed));

const radiusOf = (object: SceneObject): number => footprintRadiusM(object.kind, object.size);

describe("createScene", () => {
  it("gives the same scene for the same seed and another for another", () => {
    expect(createScene(42)).toEqual(createScene(42));
    expect(createScene(42).objects).not.toEqual(createScene(43).objects);
  });

  it("sets 3 to 8 things with unique ids, at least two to grasp and one to put things on", () => {
    for (const { objects } of SCENES) {
      expect(objects.length).toBeGreaterThanOrEqual(3);
      expect(objects.length).toBeLessThanOrEqual(8);
      expect(new Set(objects.map(({ id }) => id)).size).toBe(objects.length);
      expect(objects.filter(({ kind }) => GRASPABLE.includes(kind)).length).toBeGreaterThanOrEqual(2);
      expect(objects.filter(({ kind }) => RECEPTACLES.includes(kind)).length).toBeGreaterThanOrEqual(1);
    }
  });

  it("keeps every footprint inside the area, apart from the others, and room for the open fingers", () => {
    for (const { objects, seed } of SCENES) {
      const loose = objects.filter(({ kind }) => kind !== "drawer");
      for (const a of loose) {
        const [x, y] = a.start;
        const radius = radiusOf(a);
        expect(x - radius, `seed ${seed} ${a.id}`).toBeGreaterThanOrEqual(AREA.minX);
        expect(x + radius).toBeLessThanOrEqual(AREA.maxX);
        expect(Math.abs(y) + radius).toBeLessThanOrEqual(AREA.maxY);
        for (const b of loose) {
          if (a === b) continue;
          const apart = Math.hypot(x - b.start[0], y - b.start[1]) - radius - radiusOf(b);
          expect(apart, `seed ${seed} ${a.id} ${b.id}`).toBeGreaterThan(0.02);
          if (!GRASPABLE.includes(a.kind) || b.kind === "square") continue;
          for (const side of [-0.047, 0.047]) {
            expect(Math.hypot(x - b.start[0], y + side - b.start[1])).toBeGreaterThan(radiusOf(b) + 0.01);
          }
        }
      }
    }
  });

  it("has drawers in about a fifth of the scenes, half of them open a little", () => {
    const drawers = SCENES.filter(({ objects }) => objects.some(({ kind }) => kind === "drawer"));
    expect(drawers.length / SCENES.length).toBeGreaterThan(0.13);
    expect(drawers.length / SCENES.length).toBeLessThan(0.27);
    const open = drawers.filter(({ drawerStartM }) => drawerStartM > 0);
    expect(open.length / drawers.length).toBeGreaterThan(0.3);
    expect(open.length / drawers.length).toBeLessThan(0.7);
  });

  it("shows all kinds, repeats kinds and colours, and turns things at most 25 degrees", () => {
    const all = SCENES.flatMap(({ objects }) => objects);
    for (const kind of KINDS) expect(all.some((object) => object.kind === kind)).toBe(true);
    const repeated = (key: "kind" | "colour"): number =>
      SCENES.filter(({ objects }) => new Set(objects.map((object) => object[key])).size < objects.length).length;
    expect(repeated("kind")).toBeGreaterThan(150);
    expect(repeated("colour")).toBeGreaterThan(150);
    expect(Math.max(...all.map(({ yaw }) => Math.abs(yaw)))).toBeLessThanOrEqual((25 / 180) * Math.PI);
  });

  it("contains what is required", () => {
    for (let seed = 0; seed < 50; seed++) {
      const { objects } = createScene(seed, {
        require: [
          { kind: "block", colour: "red" },
          { kind: "square", size: "large" },
        ],
        drawer: true,
        objectCount: 8,
      });
      expect(objects).toHaveLength(8);
      expect(objects[0]).toMatchObject({ kind: "block", colour: "red" });
      expect(objects[1]).toMatchObject({ kind: "square", size: "large" });
      expect(objects.filter(({ kind }) => kind === "drawer")).toHaveLength(1);
    }
    expect(createScene(1, { drawer: false, objectCount: 4 }).objects.some(({ kind }) => kind === "drawer")).toBe(false);
  });

  it("says so when the table has no room for what is required", () => {
    const require = Array.from({ length: 12 }, () => ({ kind: "plate", size: "large" }) as const);
    expect(() => createScene(1, { require })).toThrow(/room/);
  });
});
