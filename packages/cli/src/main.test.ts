import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { closestOf, editDistance } from "./closest.ts";
import { main } from "./main.ts";

describe("the command line", () => {
  let [out, err] = ["", ""];
  beforeEach(() => {
    [out, err] = ["", ""];
    vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((out += String(text))));
    vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean((err += String(text))));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = 0;
  });

  test.each([
    ["trian", 'Did you mean "train"?'],
    ["consol", 'Did you mean "console"?'],
    ["ev", 'Did you mean "eval"?'],
    ["frobnicate", "It knows: console, run, scene"],
  ])("%s is unknown: %s", async (word, hint) => {
    await main([word]);
    expect(process.exitCode).toBe(3);
    expect(err).toContain(`bidden knows no command "${word}".`);
    expect(err).toContain(hint);
  });

  test("an unknown option ends with 3 and names the one that was meant", async () => {
    await main(["console", "--prot", "1"]);
    expect(process.exitCode).toBe(3);
    expect(err).toContain("--port");
  });

  test("a wrong value is one sentence without a trace", async () => {
    await main(["console", "--port", "seventy"]);
    expect(process.exitCode).toBe(3);
    expect(err).toMatch(/^bidden: Expected --port to be a whole number.*\n$/);
  });

  test("help lists every command and does not load it", async () => {
    await main(["--help"]);
    for (const name of ["console", "run", "scene", "eval", "demo", "train", "data"])
      expect(out).toContain(`  ${name} `);
    expect(process.exitCode ?? 0).toBe(0);
  });
});

test("edit distance is a metric on small words", () => {
  const words = fc.string({ maxLength: 8 });
  fc.assert(
    fc.property(words, words, (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
  expect(editDistance("trian", "train")).toBe(1);
  expect(closestOf("xyzzy", ["train", "eval"])).toBeNull();
});
