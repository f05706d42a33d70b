import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeFolder, writeWhole } from "./write.node.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "bidden-folder-"));
});
afterAll(() => rm(root, { recursive: true }));

describe("makeFolder", () => {
  test("makes all that lead to it, and minds no folder that is there", async () => {
    const deep = join(root, "a", "b", "c");
    expect(await makeFolder(relative(process.cwd(), deep), "to write to")).toBe(deep);
    expect(await makeFolder(deep, "to write to")).toBe(deep);
    expect(existsSync(deep)).toBe(true);
  });

  test("many at once", async () => {
    const deep = join(root, "x", "y", "z");
    await expect(Promise.all(Array.from({ length: 20 }, () => makeFolder(deep, "to write to")))).resolves.toHaveLength(
      20,
    );
  });

  test("a file in the way is named", async () => {
    await writeFile(join(root, "file"), "");
    await expect(makeFolder(join(root, "file"), "for the report")).rejects.toMatchObject({ code: "bad-argument" });
    await expect(makeFolder(join(root, "file", "deep", "er"), "for the report")).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringMatching(
        /Cannot make the folder .*file\/deep\/er for the report .*There is something else of that name/,
      ),
    });
  });

  test.runIf(existsSync("/proc/self"))("where the system makes no folders it is an error, not a wait", async () => {
    await expect(makeFolder("/proc/bidden/deep", "to record to")).rejects.toMatchObject({ code: "no-permission" });
  });
});

describe("writeWhole", () => {
  test("writes, and writes over", async () => {
    const path = join(root, "report.txt");
    await writeWhole(path, "one");
    await writeWhole(path, new TextEncoder().encode("two"));
    expect(await readFile(path, "utf8")).toBe("two");
  });

  test("what cannot be written is told, and leaves nothing half", async () => {
    const folder = join(root, "taken");
    await mkdir(folder);
    await expect(writeWhole(folder, "text")).rejects.toMatchObject({ code: "bad-argument" });
    await expect(writeWhole(join(root, "nowhere", "x"), "text")).rejects.toMatchObject({ code: "no-permission" });
    expect((await readdir(root)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });
});
