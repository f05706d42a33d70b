import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bundled } from "../bin/bundle.js";

const manifest = fileURLToPath(new URL("../../../.cache/bundle/manifest.json", import.meta.url));
const version = (entry: string): string => {
  const call = `const { main } = await import(${JSON.stringify(entry)}); await main(["--version"]);`;
  return execFileSync(process.execPath, ["--input-type=module", "-e", call], { encoding: "utf8" });
};

test("the bundle is made once, is the program, and is made again when a source has changed", async () => {
  const entry = await bundled();
  expect(await bundled()).toBe(entry);
  expect(version(entry)).toMatch(/^\d+\.\d+\.\d+\n$/);
  const kept = JSON.parse(readFileSync(manifest, "utf8")) as { sources: Record<string, string> };
  expect(Object.keys(kept.sources)).toContain("packages/runtime/src/loop.ts");
  kept.sources["packages/runtime/src/loop.ts"] = "another time and size";
  writeFileSync(manifest, JSON.stringify(kept));
  const again = await bundled();
  expect(again).not.toBe(entry);
  expect(version(again)).toBe(version(entry));
  // A command that began with the old one may still load its parts.
  expect(existsSync(fileURLToPath(entry))).toBe(true);
});
