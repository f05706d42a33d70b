import { createRng } from "@bidden/runtime";
import fc from "fast-check";
import { describe as suite, expect, test } from "vitest";
import { createScene } from "../scene/create-scene.ts";
import type { Scene, SceneObject } from "../types.ts";
import { describe, isDescribable, simpleReferences } from "./describe.ts";
import { readNounPhrase } from "./parse/noun-phrase.ts";
import { mendedWords } from "./parse/normalise.ts";
import { distance, type Reference, type Relation, resolve, resolveClearly } from "./reference.ts";
import { randomScene, sceneOf } from "./testing.ts";

const seeds = fc.integer({ min: 0, max: 100_000 });
const scenes = fc.oneof(
  seeds.map(randomScene),
  seeds.map((seed) => createScene(seed)),
);

/** Ids that a phrase means beyond doubt. */
function meant(scene: Scene, phrase: string): string[] {
  const read = readNounPhrase(mendedWords(phrase));
  if (read === null) throw new Error(`${phrase} is not read as a noun phrase`);
  return resolve(scene, read.reference).clear.map((object) => object.id);
}

suite("places on a known table", () => {
  // The person's view: left is -y, behind is -x.
  const scene = sceneOf(
    "red block small 0.40 -0.20",
    "red block large 0.40 0.00",
    "red block small 0.40 0.20",
    "blue bowl large 0.55 0.05",
    "green ball small 0.62 -0.10",
  );
  test.each([
    ["the leftmost block", "red-block-1"],
    ["the block on the left", "red-block-1"],
    ["the middle block", "red-block-2"],
    ["the block in the middle", "red-block-2"],
    ["the right-most red block", "red-block-3"],
    ["the block nearest to the bowl", "red-block-2"],
    ["the block farthest from the ball", "red-block-3"],
    ["the big cube", "red-block-2"],
    ["the bigger cube", "red-block-2"],
    ["the thing in front of the bowl", "green-ball-5"],
    ["the object closest to me", "green-ball-5"],
    ["the block right of the bowl", "red-block-3"],
    ["the one that is green", "green-ball-5"],
    ["the brick that is to the right of the blue basin", "red-block-3"],
  ])("%s", (phrase, id) => {
    expect(meant(scene, phrase)).toEqual([id]);
  });

  test("what is not read to the end is no noun phrase", () => {
    expect(readNounPhrase(mendedWords("the thing which isn't red that is on the left"))).toBeNull();
    expect(readNounPhrase(mendedWords("the block quickly"))).toBeNull();
  });

  test("left of, where two are, means both", () => {
    expect(meant(scene, "the block left of the bowl")).toEqual(["red-block-1", "red-block-2"]);
  });

  test("less than 4 cm apart is neither left nor right", () => {
    const close = sceneOf("red block small 0.4 0.00", "blue block small 0.5 0.03");
    for (const phrase of ["the leftmost block", "the block left of the blue block"])
      expect(meant(close, phrase)).toEqual([]);
  });

  test("smaller means nothing where all are small", () => {
    expect(meant(sceneOf("red block small", "blue block small"), "the smaller block")).toEqual([]);
  });

  test("in a bowl, on a plate", () => {
    const stacked = sceneOf("blue plate large 0.5 0", "red can small 0.51 0.01", "green can small 0.5 0.2");
    const objects = stacked.objects.map((one) =>
      one.kind === "plate" ? { ...one, start: [0.5, 0, 0.006] as const } : one,
    );
    expect(meant({ ...stacked, objects }, "the can on the plate")).toEqual(["red-can-2"]);
  });
});

/** What must hold of an object that a relation singles out, said with plain geometry. */
function holds(name: Relation, object: SceneObject, landmark: SceneObject, rivals: readonly SceneObject[]): boolean {
  const [dx, dy] = [object.start[0] - landmark.start[0], object.start[1] - landmark.start[1]];
  const own = distance(object, landmark);
  switch (name) {
    case "left":
      return dy <= -0.04;
    case "right":
      return dy >= 0.04;
    case "behind":
      return dx <= -0.04;
    case "front":
      return dx >= 0.04;
    case "near":
      return rivals.every((rival) => distance(rival, landmark) >= own + 0.04);
    case "far":
      return rivals.every((rival) => distance(rival, landmark) <= own - 0.04);
    case "on":
      return object.start[2] > landmark.start[2];
    default:
      return name satisfies never;
  }
}

suite("describing", () => {
  test("every phrase means its object alone, by margins, in every split", () => {
    let relations = 0;
    fc.assert(
      fc.property(scenes, seeds, fc.constantFrom("train", "held-out", "any" as const), (scene, seed, split) => {
        const rng = createRng(seed);
        for (const object of scene.objects) {
          if (!isDescribable(scene, object.id)) continue;
          const phrase = describe(scene, object.id, rng, { split });
          const read = readNounPhrase(mendedWords(phrase));
          if (read === null || resolveClearly(scene, read.reference)?.id !== object.id) return false;
          const { relation } = read.reference;
          if (!relation) continue;
          relations++;
          const landmark = resolveClearly(scene, relation.to);
          if (landmark === null) return false;
          const rivals = resolve(scene, { ...headOf(read.reference) }).clear.filter(
            (one) => one.id !== object.id && one.id !== landmark.id,
          );
          if (!holds(relation.name, object, landmark, rivals)) return false;
          // No rival may stand in the same relation, not even faintly.
          if (["left", "right", "behind", "front"].includes(relation.name)) {
            if (rivals.some((rival) => holds(relation.name, rival, landmark, []))) return false;
          }
        }
        return true;
      }),
      { numRuns: 300 },
    );
    expect(relations).toBeGreaterThan(50);
  });

  test("things that nothing tells apart are not describable, and saying so is an error", () => {
    const twins = sceneOf("red ball small 0.5 0.00", "red ball small 0.52 0.02");
    expect(isDescribable(twins, "red-ball-1")).toBe(false);
    expect(() => describe(twins, "red-ball-1", createRng(1))).toThrow(/Nothing tells "red-ball-1"/);
    expect(() => describe(twins, "red-ball-9", createRng(1))).toThrow(/id of an object in the scene/);
  });

  test("nearly everything on a created table can be told apart", () => {
    const objects = Array.from({ length: 200 }, (_, seed) => createScene(seed)).flatMap((scene) =>
      scene.objects.map((object) => isDescribable(scene, object.id)),
    );
    expect(objects.filter(Boolean).length / objects.length).toBeGreaterThan(0.98);
  });

  test("a drawer is never called small or large", () => {
    const scene = sceneOf("red drawer large", "red block small");
    const drawer = scene.objects[0] as SceneObject;
    expect(simpleReferences(scene, drawer).some(({ reference }) => reference.size)).toBe(false);
  });
});

function headOf({ kind, colour, size }: Reference): Reference {
  return { kind, ...(colour ? { colour } : {}), ...(size ? { size } : {}) };
}
