/** The house's rules as tests: who may import whom, how large a file may be, where Node may be touched. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = new URL("..", import.meta.url);
const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "packages"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => /\.(ts|tsx)$/.test(path) && existsSync(new URL(path, root)));
const textOf = (path: string): string => readFileSync(new URL(path, root), "utf8");
const roomOf = (path: string): string => path.split("/")[1] as string;
const isTest = (path: string): boolean => /\.test\.tsx?$|\.test-kit\.ts$|\/testing\//.test(path);

/** Imports point only towards `runtime`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  runtime: [],
  tensor: ["runtime"],
  models: ["runtime", "tensor"],
  data: ["runtime"],
  sim: ["runtime"],
  eval: ["runtime", "data", "models", "sim"],
  train: ["runtime", "tensor", "models", "data", "sim", "eval"],
  console: ["runtime", "models", "sim"],
  cli: ["runtime", "tensor", "models", "data", "sim", "eval", "train", "console"],
};

describe("the house", () => {
  it("knows every room", () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it.each(Object.entries(MAY_IMPORT))("%s imports only from %j", (room, allowed) => {
    const strangers = files
      .filter((path) => roomOf(path) === room && !isTest(path))
      .flatMap((path) =>
        [...textOf(path).matchAll(/from "@bidden\/([a-z]+)/g), ...textOf(path).matchAll(/import\("@bidden\/([a-z]+)/g)]
          .map((match) => match[1] as string)
          .filter((target) => target !== room && !allowed.includes(target))
          .map((target) => `${path} imports ${target}`),
      );
    expect(strangers).toEqual([]);
  });

  it("has no way around a package's door", () => {
    const around = files.filter((path) => !isTest(path) && /from "(\.\.\/)+[a-z]+\/src\//.test(textOf(path)));
    expect(around).toEqual([]);
  });

  it("keeps files under 600 lines and a package's index under 60", () => {
    const long = files.filter((path) => {
      const lines = textOf(path).split("\n").length;
      return lines > (/\/src\/index(\.node|\.web)?\.ts$/.test(path) ? 60 : 600);
    });
    expect(long).toEqual([]);
  });

  it("touches Node only in *.node.ts, the command line, tests and build files", () => {
    const rooted = files.filter(
      (path) =>
        !path.endsWith(".node.ts") &&
        roomOf(path) !== "cli" &&
        !isTest(path) &&
        path.includes("/src/") &&
        /from "node:/.test(textOf(path)),
    );
    expect(rooted).toEqual([]);
  });

  it("gives the real-time path no dependencies", () => {
    const manifest = JSON.parse(textOf("packages/runtime/package.json")) as Record<string, unknown>;
    expect(Object.keys((manifest.dependencies as object | undefined) ?? {})).toEqual([]);
  });

  it("mints commands in the gate alone", () => {
    const minters = files.filter((path) => !isTest(path) && /\bas (unknown as )?Command\b/.test(textOf(path)));
    expect(minters.filter((path) => !path.startsWith("packages/runtime/src/gate/"))).toEqual([]);
  });

  it("throws sentences with a code", () => {
    const bare = files.filter(
      (path) =>
        !isTest(path) &&
        !path.endsWith("contract/errors.ts") &&
        /throw new (Error|TypeError|RangeError)\(/.test(textOf(path)),
    );
    expect(bare).toEqual([]);
  });
});
