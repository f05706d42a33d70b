import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createCommandReader, Mint, writeCommand } from "./mint.ts";

const packages = new URL("../../../", import.meta.url);

test("a command crosses a wire unchanged, once", () => {
  const wire = new Float64Array(4);
  const mint = new Mint(2);
  const read = createCommandReader(2);
  expect(read(wire)).toBeNull();
  writeCommand(mint.mint(Float64Array.of(0.1, -0.2), 0.5), wire);
  expect(read(wire)).toMatchObject({ jointRad: Float64Array.of(0.1, -0.2), gripper: 0.5, seq: 1 });
  expect(read(wire)).toBeNull();
});

test.each([
  [0, Number.NaN],
  [1, Number.POSITIVE_INFINITY],
  [3, Number.NaN],
])("a wire with word %i = %d carries no command", (index, value) => {
  const wire = Float64Array.of(1, 0.5, 0, 0);
  wire[index] = value;
  expect(createCommandReader(2)(wire)).toBeNull();
});

test("nothing outside the gate makes a Command by force", () => {
  const casts =
    /\bas\s+(unknown\s+as\s+)?(\w+\.)?Command\b|<\s*Command\s*>\s*[({[]|satisfies\s+Command\b|:\s*Command\s*=\s*[{(]|\[minted\]/;
  const sources = readdirSync(packages, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /^[^/]+\/src\/.*\.tsx?$/.test(path));
  expect(sources.length).toBeGreaterThan(20);
  const forging = sources.filter((path) => {
    if (path.startsWith("runtime/src/gate/") || path === "runtime/src/contract/types.ts") return false;
    const text = readFileSync(new URL(path, packages), "utf8");
    // a type named Command that comes from somewhere else, such as a command-line library, is another thing
    return casts.test(text) && /import[^;]*\bCommand\b[^;]*(@bidden\/runtime|contract\/types)/.test(text);
  });
  expect(forging).toEqual([]);
});
