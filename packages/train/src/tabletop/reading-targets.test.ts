import { describe, expect, it, test } from "vitest";
import { placedRight, PLACINGS } from "@bidden/models";
import { createRng } from "@bidden/runtime";
import { createScene, isDescribable, type Meaning, PLACINGS as SAID, refer, type Scene } from "@bidden/sim";
import { exp, Graph, onnxModel } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { askedTarget, excludedTarget, mark } from "./reading-targets.ts";

const attributes = [
  { name: "colour", values: ["red", "blue"] },
  { name: "kind", values: ["block", "ball", "can"] },
];
const nothing: Meaning = { kind: null, colour: null, notColour: null, size: null, placing: null, landmark: null };

describe("askedTarget", () => {
  it("marks what is said of each attribute, that nothing is, or that it is strange", () => {
    const of = (meaning: Partial<Meaning>): number[] => {
      const out = new Float32Array(9);
      askedTarget({ ...nothing, ...meaning }, attributes, out);
      return [...out];
    };
    expect(of({ kind: "ball" })).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 0]);
    expect(of({ kind: "strange", colour: "blue" })).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(() => of({ colour: "green" })).toThrow('The data speak of "green"');
  });

  it("says what it must not be", () => {
    const out = new Float32Array(6);
    excludedTarget({ ...nothing, notColour: "blue" }, attributes, out);
    expect([...out]).toEqual([0, 1, 0, 0, 0, 0]);
  });
});

describe("places", () => {
  test("the policy and the simulator know the same ones", () => {
    expect(PLACINGS).toEqual(SAID);
  });

  test("geometry finds what the simulator means by a place, in every scene", async () => {
    const open = new Map<number, ReturnType<typeof openGeometry>>();
    const told = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      const scene = createScene(seed);
      const rng = createRng(seed);
      const objects = scene.objects.filter(({ id }) => isDescribable(scene, id));
      if (objects.length === 0) continue;
      const { id } = rng.pick(objects);
      const { meaning } = refer(scene, id, rng, { placed: 1 });
      if (meaning.placing === null) continue;
      const count = scene.objects.length;
      if (!open.has(count)) open.set(count, openGeometry(count));
      const found = await (await (open.get(count) as ReturnType<typeof openGeometry>))(scene, meaning);
      expect({ seed, found }).toEqual({ seed, found: id });
      told.add(meaning.placing);
    }
    expect(told.size).toBeGreaterThan(10);
  });
});

/** The place geometry over a picture with one patch for each object, whose looks are known. */
async function openGeometry(count: number): Promise<(scene: Scene, meaning: Meaning) => Promise<string>> {
  const graph = new Graph("geometry");
  const given = (name: string, shape: readonly number[]) => graph.input(name, "float32", shape);
  const fit = given("fit", [1, 2, count]);
  const right = placedRight(given("placing", [1, 2, PLACINGS.length + 1]), {
    guesses: given("guesses", [1, count, 3]),
    fit,
    landmarkFit: given("landmarkFit", [1, 2, count]),
    landmarks: given("landmarks", [1, 2, 3]),
    first: given("first", [1, 2, 3]),
  });
  graph.output("right", right);
  graph.output("looks", exp(fit));
  const session = await createSession(onnxModel(graph), { threads: 1 });
  return async (scene, meaning) => {
    const { placing, landmark } = meaning;
    const names = new Float32Array(PLACINGS.length + 1);
    mark(names, PLACINGS, placing as string);
    const beside = scene.objects.find((object) => landmark !== null && looksLike(landmark, object));
    const out = await session.run({
      placing: twice([...names].map((share) => Math.log(share + 1e-6))),
      guesses: Float32Array.from(scene.objects.flatMap(({ start }) => [...start])),
      fit: twice(scene.objects.map((object) => (looksLike(meaning, object) ? 0 : -3.9))),
      landmarkFit: twice(scene.objects.map((object) => (object === beside ? 0 : -3.9))),
      landmarks: twice([...(beside?.start ?? [0.5, 0, 0])]),
      first: twice([0.5, 0, 0]),
    });
    const [looks, stands] = [out.looks?.data as Float32Array, out.right?.data as Float32Array];
    const best = scene.objects.map((_, i) => (looks[i] as number) * (stands[i] as number));
    return scene.objects[best.indexOf(Math.max(...best))]?.id as string;
  };
}

function twice(values: readonly number[]): Float32Array {
  return Float32Array.from([...values, ...values]);
}

function looksLike(meaning: Meaning, { kind, colour, size }: Scene["objects"][number]): boolean {
  const is = (said: string | null, shown: string): boolean => said === null || said === shown;
  const { notColour } = meaning;
  return is(meaning.kind, kind) && is(meaning.colour, colour) && is(meaning.size, size) && notColour !== colour;
}
