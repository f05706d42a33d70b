import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { runInRealTime } from "./priority.node.ts";

const linux = process.platform === "linux";

/** Scheduling policy and real-time priority of the calling thread: fields 41 and 40 of proc(5)'s `stat`. */
function scheduling(): { policy: number; priority: number } {
  const fields = readFileSync("/proc/thread-self/stat", "utf8").split(") ")[1]!.split(" ");
  return { policy: Number(fields[38]), priority: Number(fields[37]) };
}

afterEach(() => {
  if (!linux || scheduling().policy === 0) return;
  execFileSync("chrt", ["--other", "--pid", "0", readlinkSync("/proc/thread-self").split("/").at(-1)!]);
});

test.runIf(linux)("the calling thread runs in real time exactly where that was allowed", () => {
  const allowed = runInRealTime();
  expect(scheduling()).toEqual(allowed ? { policy: 1, priority: 10 } : { policy: 0, priority: 0 });
});

test.runIf(linux)("without chrt nothing changes and nothing throws", () => {
  const path = process.env["PATH"];
  process.env["PATH"] = "/nowhere";
  try {
    expect(runInRealTime()).toBe(false);
  } finally {
    process.env["PATH"] = path;
  }
  expect(scheduling().policy).toBe(0);
});
