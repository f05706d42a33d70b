import { createScene, TEMPLATES } from "@bidden/sim";
import { expect, test } from "vitest";
import { FIRST_HELD_OUT_SEED, parseSkills, planSuite, SKILLS, TRAINING_SEEDS_END } from "./plan.ts";
import { wordingsOf } from "./wordings.ts";

const options = { skills: SKILLS, episodes: 20, unclear: 10, seed: 1 };

test("a plan is a pure function of its options, and another seed gives other scenes", () => {
  const plans = planSuite(options);
  expect(planSuite(options)).toEqual(plans);
  expect(plans).toHaveLength(7 * 20 + 4 * 10);
  expect(new Set(plans.map(({ key }) => key)).size).toBe(plans.length);
  const other = new Set(planSuite({ ...options, seed: 2 }).map(({ seed }) => seed));
  expect(plans.filter(({ seed }) => other.has(seed))).toHaveLength(0);
});

test("more episodes keep those that were there: results can be compared", () => {
  const few = planSuite({ ...options, episodes: 5, unclear: 5 });
  const many = new Map(planSuite(options).map((plan) => [plan.key, plan]));
  for (const plan of few) expect(many.get(plan.key)).toEqual(plan);
});

test("nothing of the suite is trained on: seeds and templates are held out", () => {
  const heldOut = new Set(TEMPLATES.filter((template) => template.heldOut).map(({ id }) => id));
  expect(TRAINING_SEEDS_END).toBeLessThan(FIRST_HELD_OUT_SEED);
  const plans = planSuite(options);
  expect(Math.min(...plans.map(({ seed }) => seed))).toBeGreaterThanOrEqual(FIRST_HELD_OUT_SEED);
  const ordinary = plans.filter(({ kind }) => kind === "ordinary");
  expect(ordinary.filter(({ template }) => !heldOut.has(template))).toEqual([]);
});

test("every group comes in turn, and ambiguous ones name at least two things of the scene", () => {
  const plans = planSuite(options);
  const groups = plans.slice(0, 11).map((plan) => (plan.kind === "ordinary" ? plan.skill : plan.unclear));
  expect(new Set(groups).size).toBe(11);
  for (const plan of plans) {
    if (plan.kind !== "unclear" || plan.unclear !== "ambiguous") continue;
    const ids = createScene(plan.seed).objects.map(({ id }) => id);
    expect(plan.candidates.length).toBeGreaterThanOrEqual(2);
    for (const id of plan.candidates) expect(ids).toContain(id);
  }
});

test("skills by name", () => {
  expect(parseSkills("pick, push")).toEqual(["pick", "push"]);
  expect(() => parseSkills("pick,fly")).toThrow(/got "fly"/);
});

test.each([
  ["pick up the red block", false, ["direct"]],
  ["pick up the block left of the bowl", false, ["relation"]],
  ["Grab the SMALLER one", true, ["size", "typo"]],
  ["take the other brick", false, ["other", "unseen word"]],
])("%s", (text, typo, wordings) => {
  expect(wordingsOf(text, typo, ["brick"])).toEqual(wordings);
});
