/**
 * Turns a dataset of pictures into one of H.264 and of AV1 videos, then lets LeRobot's own loader compare both, frame by frame. Not part of
 * `npm test`: it needs Python with `pip install "lerobot[dataset]==0.6.1"`.
 *
 *   npx tsx interop/lerobot-encoded.ts /path/to/python [dataset]
 */

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertToLeRobot } from "@bidden/data/node";
import { BiddenError } from "@bidden/runtime";

const [python, source = join(import.meta.dirname, "../testdata/data/lerobot/arm-images")] = process.argv.slice(2);
if (python === undefined) throw new BiddenError("bad-argument", "Give the Python that has LeRobot.");
const base = fs.mkdtempSync(join(tmpdir(), "bidden-interop-"));
try {
  const ways = (["h264", "av1"] as const).flatMap((codec) => [2, 15].map((gop) => ({ codec, gop })));
  for (const { codec, gop } of ways) {
    const target = join(base, `${codec}-${gop}`);
    await convertToLeRobot(source, target, { video: { codec, gop } });
    const script = join(import.meta.dirname, "lerobot-encoded.py");
    const out = execFileSync(python, [script, source, target], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    process.stdout.write(`${codec}, keyframes ${gop} frames apart: ${out.trim()}\n`);
  }
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}
