import { createRng, wordsOf } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { createScene } from "../../scene/create-scene.ts";
import type { Scene } from "../../types.ts";
import { parseInstruction } from "../parse/parse-instruction.ts";
import { randomScene, sceneOf } from "../testing.ts";
import { heldOutWords, type Split } from "../words.ts";
import { sayOutside } from "./outside.ts";
import { sayUnclear, type Unclear, UNCLEAR_KINDS, type UnclearKind } from "./say-unclear.ts";

function sample(kind: UnclearKind, count: number, split: Split = "any"): { scene: Scene; unclear: Unclear }[] {
  return Array.from({ length: count }, (_, seed) => {
    const scene = seed % 2 === 0 ? createScene(seed) : randomScene(seed);
    const unclear = sayUnclear(scene, kind, createRng(seed + 1), { split });
    return unclear === null ? [] : [{ scene, unclear }];
  }).flat();
}

describe.each(UNCLEAR_KINDS)("%s", (kind) => {
  const said = sample(kind, 800);

  test("is found in nearly every scene and never twice the same", () => {
    expect(said.length).toBeGreaterThan(790);
    expect(new Set(said.map(({ unclear }) => unclear.text.toLowerCase())).size / said.length).toBeGreaterThan(
      kind === "garbage" ? 0.5 : 0.8,
    );
  });

  test("is never a task, and nearly always understood as what it is", () => {
    const kinds = said.map(({ scene, unclear }) => parseInstruction(unclear.text, scene).kind);
    expect(kinds.filter((one) => one === "task")).toEqual([]);
    expect(kinds.filter((one) => one === kind).length / kinds.length).toBeGreaterThan(
      kind === "garbage" ? 0.95 : 0.985,
    );
  });

  test("the same seed says the same", () => {
    const scene = createScene(3);
    expect(sayUnclear(scene, kind, createRng(5))).toEqual(sayUnclear(scene, kind, createRng(5)));
  });

  test("training says no held-out word", () => {
    const heldOut = new Set(heldOutWords());
    // "Lemon" and the like are held out as names of colours; among the loose words of garbage they may stand.
    for (const { unclear } of kind === "garbage" ? [] : sample(kind, 400, "train")) {
      expect(wordsOf(unclear.text).filter((word) => heldOut.has(word))).toEqual([]);
    }
  });
});

function ambiguous(scene: Scene, unclear: Unclear): Record<string, unknown> {
  const own = unclear.kind === "ambiguous" ? unclear : null;
  const parsed = parseInstruction(unclear.text, scene);
  const read = parsed.kind === "ambiguous" ? parsed : null;
  return {
    several: own !== null && own.candidates.length > 1,
    partnerApart: own?.partner === null || !own?.candidates.includes(own.partner),
    sameRole: read?.role === own?.role,
    sameCandidates: [...(read?.candidates ?? [])].sort().join() === [...(own?.candidates ?? [])].sort().join(),
  };
}

test("ambiguous: at least two candidates, as the parser finds them, and what is clear besides", () => {
  const said = sample("ambiguous", 500);
  const understood = said.filter(({ scene, unclear }) => parseInstruction(unclear.text, scene).kind === "ambiguous");
  expect(understood.length).toBeGreaterThan(490);
  for (const { scene, unclear } of understood) {
    const right = { several: true, partnerApart: true, sameRole: true, sameCandidates: true };
    expect({ text: unclear.text, ...ambiguous(scene, unclear) }).toEqual({ text: unclear.text, ...right });
  }
});

test("impossible: what is missing is said, what is misused is there", () => {
  for (const { scene, unclear } of sample("impossible", 500)) {
    const { missing, why, object } = unclear as Unclear & { kind: "impossible" };
    expect(missing).not.toBe("");
    expect(why).toBe(object === null ? "absent" : "misuse");
    expect([null, ...scene.objects.map(({ id }) => id)]).toContain(object);
  }
});

test("nothing but pointing is ambiguous where nothing can be mistaken", () => {
  const scene = sceneOf("red block small 0.4 0", "blue bowl large 0.5 0.2");
  const said = Array.from(
    { length: 60 },
    (_, seed) => sayUnclear(scene, "ambiguous", createRng(seed))?.part ?? "point",
  );
  // "Point at it" may still mean either thing.
  expect(said.filter((part) => !part.startsWith("point"))).toEqual([]);
});

test("held-out parts of garbage and forbidden are not among the trained ones", () => {
  const texts = (kind: UnclearKind, split: Split): Set<string> =>
    new Set(
      sample(kind, 1000, split)
        // Mashed keys and numbers come from one source for both splits.
        .filter(({ unclear }) => !/mash|numbers/.test(unclear.part))
        .map(({ unclear }) => (kind === "forbidden" ? unclear.part : unclear.text.toLowerCase())),
    );
  for (const kind of ["garbage", "forbidden"] as const) {
    const trained = texts(kind, "train");
    expect([...texts(kind, "held-out")].filter((one) => trained.has(one))).toEqual([]);
  }
});

test("what no skill can do is never a task either", () => {
  const kinds = Array.from({ length: 600 }, (_, seed) => {
    const scene = createScene(seed);
    const { text } = sayOutside(scene, createRng(seed));
    return `${parseInstruction(text, scene).kind}: ${text}`;
  });
  expect(kinds.filter((kind) => kind.startsWith("task"))).toEqual([]);
});
