import { expect, test } from "vitest";
import { PickMemory } from "./pick-memory.ts";

const TOOL = Float64Array.of(0.5, 0.1, 0.02);

test("remembers where the policy pointed when the fingers closed, as long as something is held", () => {
  const memory = new PickMemory();
  memory.see(1, 0.08, TOOL, [0.4, 0, 0.02]);
  expect(memory.pickedAt).toBeNull();
  memory.see(0, 0.04, TOOL, [0.4, 0, 0.02]);
  memory.see(0, 0.04, Float64Array.of(0.6, 0.2, 0.2), [0.6, 0.2, 0.2]);
  expect(memory.pickedAt).toEqual([0.4, 0, 0.02]);
  expect(memory.holding).toBe(true);
  memory.see(0, 0.001, TOOL, null);
  expect(memory.pickedAt).toBeNull();
});

test("where nobody pointed, the tool's own place counts", () => {
  const memory = new PickMemory();
  memory.see(0, 0.04, TOOL, null);
  expect(memory.pickedAt).toEqual([0.5, 0.1, 0.02]);
  memory.see(1, 0.08, TOOL, null);
  expect(memory.holding).toBe(false);
});
