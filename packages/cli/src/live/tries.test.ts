import { createScene, parseInstruction } from "@bidden/sim";
import { expect, test } from "vitest";
import { sentencesToTry } from "./tries.ts";

test("in every scene there are sentences to try that mean exactly one thing", () => {
  for (let seed = 0; seed < 60; seed++) {
    const scene = createScene(seed);
    const tries = sentencesToTry(scene);
    expect(tries.length).toBeGreaterThanOrEqual(2);
    expect(new Set(tries).size).toBe(tries.length);
    for (const text of tries) expect([text, parseInstruction(text, scene).kind]).toEqual([text, "task"]);
    expect(sentencesToTry(scene)).toEqual(tries);
  }
});
