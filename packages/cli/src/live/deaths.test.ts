import { expect, test } from "vitest";
import { Deaths } from "./deaths.ts";

const options = { waitsMs: [0, 100, 1000], healthyMs: 10_000 };

test("waits longer each time, then gives up", () => {
  const deaths = new Deaths(options, 0);
  const waits = [1, 2, 3, 4, 5].map((now) => {
    const wait = deaths.died(now);
    deaths.born(now);
    return wait;
  });
  expect(waits).toEqual([0, 100, 1000, null, null]);
  expect(deaths.givenUp).toBe(true);
});

test("a long life makes good for deaths before it", () => {
  const deaths = new Deaths(options, 0);
  expect([deaths.died(1), deaths.died(2), deaths.died(3)]).toEqual([0, 100, 1000]);
  deaths.born(4);
  expect(deaths.died(10_003)).toBeNull();
  deaths.born(10_004);
  expect(deaths.died(20_004)).toBe(0);
  expect(deaths).toMatchObject({ givenUp: false, count: 1 });
});

test("pardoned, it may die once more", () => {
  const deaths = new Deaths(options, 0);
  for (let now = 1; now < 6; now++) deaths.died(now);
  deaths.pardon();
  expect(deaths.givenUp).toBe(false);
  expect(deaths.died(7)).toBeNull();
  expect(deaths.givenUp).toBe(true);
});
