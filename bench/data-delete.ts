/**
 * Deleting one of the episodes of a LeRobotDataset v3.0 with two cameras of 256 x 256, AV1 and H.264: `bidden data edit delete` and
 * LeRobot's own command, in turns on the same files, process start included.
 *
 *   npx tsx bench/data-delete.ts --python PATH [--episodes 20] [--frames 150] [--runs 3] [--keep FOLDER]
 *
 * PATH is a Python with lerobot 0.6.1, which also records the files. Figures: median of the runs (all runs in brackets). Goal: 20
 * times as fast.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const PEER = fileURLToPath(new URL("data-loader-peer.py", import.meta.url));
const BIDDEN = fileURLToPath(new URL("../packages/cli/bin/bidden.js", import.meta.url));
const DELETED = 7;

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    episodes: { type: "string", default: "20" },
    frames: { type: "string", default: "150" },
    runs: { type: "string", default: "3" },
    /** Keeps the recorded sets, and uses them again. */
    keep: { type: "string" },
  },
});

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

/** Seconds of a command that writes a dataset to `to`, which is removed again. */
function seconds(command: string, args: readonly string[], to: string): number {
  const start = performance.now();
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HF_HUB_OFFLINE: "1" } });
  const took = (performance.now() - start) / 1000;
  rmSync(to, { recursive: true });
  return took;
}

function compare(codec: string, python: string, base: string): void {
  const [folder, to] = [join(base, codec), join(base, `${codec}-less`)];
  if (!existsSync(folder)) {
    execFileSync(python, [PEER, "make", folder, codec, values.episodes, values.frames], { stdio: "ignore" });
  }
  const theirArgs = ["-m", "lerobot.scripts.lerobot_edit_dataset", "--repo_id", "bench/x", "--root", folder]
    .concat(["--new_repo_id", "bench/y", "--new_root", to])
    .concat(["--operation.type", "delete_episodes", "--operation.episode_indices", `[${DELETED}]`]);
  const ourArgs = [BIDDEN, "data", "edit", "delete", folder, to, "--episodes", String(DELETED)];
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let run = 0; run < Number(values.runs); run++) {
    ours.push(seconds(process.execPath, ourArgs, to));
    theirs.push(seconds(python, theirArgs, to));
  }
  const say = (name: string, own: readonly number[]): void =>
    console.log(
      name.padEnd(24),
      median(own).toFixed(2).padStart(8),
      "s",
      `[${own.map((s) => s.toFixed(2)).join(" ")}]`,
    );
  say(`${codec}, bidden`, ours);
  say(`${codec}, LeRobot`, theirs);
  console.log(`${codec}, times as fast`.padEnd(24), (median(theirs) / median(ours)).toFixed(1).padStart(8));
}

if (values.python === undefined) {
  console.log("This bench needs a Python with lerobot, which records the files: --python PATH");
} else {
  const base = values.keep ?? mkdtempSync(join(tmpdir(), "bidden-bench-"));
  try {
    for (const codec of ["av1", "h264"]) compare(codec, values.python, base);
  } finally {
    if (values.keep === undefined) rmSync(base, { recursive: true, force: true });
  }
}
