import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { openRecorder } from "./open.node.ts";
import { checkRecorded, OPTIONS, recordEpisode } from "./recorder.test-kit.ts";

const folder = fs.mkdtempSync(join(tmpdir(), "bidden-kill-"));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Starts the recording process, kills it `delayMs` after its `after`-th episode. @returns the last episode it reported. */
function recordAndKill(after: number, delayMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, "record-until-killed.fixture.ts");
    const child = spawn(process.execPath, ["--import", "tsx", script, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let last = -1;
    let seen = 0;
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const lines = printed.split("\n");
      printed = lines.pop() ?? "";
      for (const line of lines) {
        last = Number(line);
        if (++seen === after) setTimeout(() => child.kill("SIGKILL"), delayMs);
      }
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (signal === "SIGKILL") resolve(last);
      else reject(new TypeError(`the recording process ended by itself, code ${code}`));
    });
  });
}

describe("kill -9 while recording to a disk", () => {
  it("loses at most the running episode, again and again", async () => {
    for (const [after, delayMs] of [
      [1, 3],
      [2, 11],
      [3, 0],
    ] as const) {
      const reported = await recordAndKill(after, delayMs);
      const recorder = await openRecorder(folder, OPTIONS);
      expect(recorder.episodeCount).toBeGreaterThanOrEqual(reported + 1);
      expect(recorder.episodeCount).toBeLessThanOrEqual(reported + 2);
      await recordEpisode(recorder, recorder.episodeCount);
      await recorder.close();
      expect(await checkRecorded(createFolderStore(folder))).toBe(recorder.episodeCount);
    }
  }, 240_000);
});
