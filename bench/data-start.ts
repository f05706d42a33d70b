/**
 * How long a `bidden data` command takes on a small dataset, process start included, beside a bare Node. The commands run in turns.
 *
 *   npx tsx bench/data-start.ts [--runs 7]
 *
 * Figures: median of the runs. Goal: 0.7 s.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = join(import.meta.dirname, "..");
const SETS = join(ROOT, "testdata/data");
const BIDDEN = join(ROOT, "packages/cli/bin/bidden.js");

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ["node alone", ["-e", "0"]],
  ["info, LeRobot v3.0", [BIDDEN, "data", "info", join(SETS, "lerobot/arm-images")]],
  ["info, RLDS", [BIDDEN, "data", "info", join(SETS, "rlds/bridge_dataset")]],
  ["info, HDF5", [BIDDEN, "data", "info", join(SETS, "hdf5/robomimic.hdf5")]],
  ["info, MCAP", [BIDDEN, "data", "info", join(SETS, "mcap/ros2-chunked-lz4.mcap")]],
  ["cat, 3 frames of images", [BIDDEN, "data", "cat", join(SETS, "lerobot/arm-images"), "--to", "3"]],
  ["cat, 3 frames of H.264", [BIDDEN, "data", "cat", join(SETS, "lerobot/arm-h264-deleted"), "--to", "3"]],
  ["lint, LeRobot v3.0", [BIDDEN, "data", "lint", join(SETS, "lint/clean-arrays")]],
  ["mix, published weights", [BIDDEN, "data", "mix", "octo/rtx"]],
];

const { values } = parseArgs({ options: { runs: { type: "string", default: "7" } } });
const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

const seconds = new Map<string, number[]>(COMMANDS.map(([name]) => [name, []]));
for (let run = 0; run < Number(values.runs); run++) {
  for (const [name, args] of COMMANDS) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, [...args], { encoding: "utf8" });
    // lint ends with 1 when it found something.
    if (status === null || status > 1) throw new Error(`${name}: ${stderr}`);
    seconds.get(name)?.push((performance.now() - start) / 1000);
  }
}
console.log("seconds, process start included (goal 0.7)");
for (const [name, own] of seconds) console.log(name.padEnd(28), median(own).toFixed(2).padStart(6));
