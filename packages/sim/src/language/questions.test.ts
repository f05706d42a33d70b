import { createRng } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { createScene } from "../scene/create-scene.ts";
import type { Scene } from "../types.ts";
import { parseInstruction } from "./parse/parse-instruction.ts";
import { ANSWERS, askQuestion, type Question } from "./questions.ts";
import { randomScene, sceneOf } from "./testing.ts";

/** The answers that a scene gets to a question frame, over many seeds. */
function asked(scene: Scene, pattern: RegExp, drawerM = 0): Question[] {
  return Array.from({ length: 4000 }, (_, seed) => askQuestion(scene, createRng(seed), { drawerM })).filter(
    ({ text }) => pattern.test(text.toLowerCase()),
  );
}

const scene = sceneOf(
  "red block small 0.40 -0.20",
  "green block large 0.40 0.10",
  "white bowl large 0.55 0.20",
  "black drawer large 0.60 -0.10",
);

describe("answers on a known table", () => {
  test.each<[RegExp, Question["answer"], number]>([
    [/^where is the red (block|cube|box)\??$/, { kind: "point", ids: ["red-block-1"] }, 0],
    [/^where('s| is) the green (bowl|bin|basket|container|tub|vessel)/, { kind: "point", ids: [] }, 0],
    [/^is the drawer open/, { kind: "yes-no", yes: false }, 0],
    [/^is the drawer open/, { kind: "yes-no", yes: true }, 0.1],
    [/^is the drawer (closed|shut)/, { kind: "yes-no", yes: false }, 0.1],
    [/^is there a red (block|cube|box)/, { kind: "yes-no", yes: true }, 0],
    [/^is there a red (bowl|bin|basket|container|tub|vessel)/, { kind: "yes-no", yes: false }, 0],
    [/^how many (blocks|cubes|boxes) (are|do)/, { kind: "words", words: "two" }, 0],
    [/^what colou?r is the (only )?bowl/, { kind: "words", words: "white" }, 0],
  ])("%s", (pattern, answer, drawerM) => {
    const found = asked(scene, pattern, drawerM);
    expect(found.length).toBeGreaterThan(0);
    for (const question of found) expect(question.answer).toEqual(answer);
  });

  test("follow things that have moved", () => {
    const moved = scene.objects.map(({ id, start }) => ({
      id,
      position: id === "red-block-1" ? ([0.55, 0.2, 0.03] as const) : start,
      quaternion: [1, 0, 0, 0] as const,
    }));
    const found = Array.from({ length: 4000 }, (_, seed) =>
      askQuestion(scene, createRng(seed), { states: moved }),
    ).filter(({ text }) =>
      /^is the red (block|cube|box) (lying )?in the (white )?(bowl|bin|basket)/.test(text.toLowerCase()),
    );
    expect(found.length).toBeGreaterThan(0);
    for (const { answer } of found) expect(answer).toEqual({ kind: "yes-no", yes: true });
  });
});

test("words come from the closed vocabulary, ids from the scene, and the parser sees questions", () => {
  const kinds = new Map<string, number>();
  for (let seed = 0; seed < 1500; seed++) {
    const table = seed % 2 === 0 ? createScene(seed) : randomScene(seed);
    const { text, answer } = askQuestion(table, createRng(seed), { split: seed % 3 === 0 ? "train" : "any" });
    kinds.set(answer.kind, (kinds.get(answer.kind) ?? 0) + 1);
    const words = answer.kind === "words" ? answer.words.split(" ") : [];
    const ids = answer.kind === "point" ? answer.ids : [];
    expect(words.filter((word) => !ANSWERS.includes(word))).toEqual([]);
    expect(ids.filter((id) => !table.objects.some((one) => one.id === id))).toEqual([]);
    expect(`${text}: ${parseInstruction(text, table).kind}`).toBe(`${text}: question`);
  }
  for (const kind of ["point", "yes-no", "words"]) expect(kinds.get(kind)).toBeGreaterThan(150);
});

test("yes and no are about as frequent", () => {
  const answers = Array.from({ length: 3000 }, (_, seed) => askQuestion(createScene(seed), createRng(seed)).answer);
  const decided = answers.filter((answer) => answer.kind === "yes-no");
  const share = decided.filter((answer) => answer.yes).length / decided.length;
  expect(share).toBeGreaterThan(0.3);
  expect(share).toBeLessThan(0.7);
});

test("training and held-out questions share no frame", () => {
  const templates = (split: "train" | "held-out"): Set<string> =>
    new Set(
      Array.from(
        { length: 2500 },
        (_, seed) => askQuestion(createScene(seed % 50), createRng(seed), { split }).template,
      ),
    );
  const trained = templates("train");
  expect([...templates("held-out")].filter((template) => trained.has(template))).toEqual([]);
});
