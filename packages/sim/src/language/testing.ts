/** Scenes for the tests of this folder: random, made of words and places only (no physics). Not part of the package's surface. */
import { createRng } from "@bidden/runtime";
import { COLOURS, GRASPABLE, KINDS, type Scene, type SceneObject, SIZES, type Vec3 } from "../types.ts";

const LOOK: Scene["look"] = {
  lightDirection: [0, 0, 1],
  ambient: 0.5,
  exposure: 1,
  tableColour: [0.5, 0.5, 0.5],
  tableTexture: 0,
  frontShift: [0, 0, 0],
  frontTilt: [0, 0, 0],
  textureSeed: 0,
};

/** 3 to 8 things at least 7 cm apart; colours often repeat, so that sizes and places are needed to tell them apart. */
export function randomScene(seed: number): Scene {
  const rng = createRng(seed);
  const palette = rng.uniform() < 0.4 ? COLOURS.slice(0, 2 + rng.below(3)) : COLOURS;
  const objects: SceneObject[] = [];
  const wanted = 3 + rng.below(6);
  for (let tries = 0; objects.length < wanted && tries < 400; tries++) {
    const kind = rng.uniform() < 0.5 ? rng.pick(GRASPABLE) : rng.pick(KINDS);
    if (kind === "drawer" && objects.some((one) => one.kind === "drawer")) continue;
    const start: Vec3 = [0.33 + 0.34 * rng.uniform(), -0.29 + 0.58 * rng.uniform(), 0.02];
    if (objects.some((one) => Math.hypot(one.start[0] - start[0], one.start[1] - start[1]) < 0.07)) continue;
    const colour = rng.pick(palette);
    const id = `${colour}-${kind}-${objects.length + 1}`;
    objects.push({ id, kind, colour, size: rng.pick(SIZES), start, yaw: 0 });
  }
  const drawer = objects.some((one) => one.kind === "drawer");
  return { seed, objects, drawerStartM: drawer ? rng.pick([0, 0.04, 0.1]) : 0, look: LOOK };
}

/** A scene from a list such as `red block small 0.4 -0.1`, ids "red-block-1" and so on. */
export function sceneOf(...lines: readonly string[]): Scene {
  const objects = lines.map((line, index): SceneObject => {
    const [colour, kind, size, x, y] = line.split(" ");
    const id = `${colour}-${kind}-${index + 1}`;
    const start: Vec3 = [Number(x ?? 0.5), Number(y ?? index * 0.1 - 0.2), 0.02];
    return {
      ...({ colour, kind, size: size ?? "small" } as Pick<SceneObject, "colour" | "kind" | "size">),
      id,
      start,
      yaw: 0,
    };
  });
  return { seed: 0, objects, drawerStartM: 0, look: LOOK };
}
