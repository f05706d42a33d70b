/** `bidden data convert`: any readable format to LeRobot or RLDS; resumable, with the time left, verified. */

import { BiddenError } from "@bidden/runtime";
import { type Command, Option } from "commander";
import { readWhole } from "../options.ts";
import { createProgress, type Progress } from "../progress.ts";

export function registerConvert(data: Command): void {
  data
    .command("convert")
    .argument("<from>", "dataset of any format that is read")
    .argument("<to>", "folder for the new dataset")
    .description("to LeRobot v3.0, v2.1 or RLDS; goes on where it was stopped, and compares what it wrote")
    .addOption(
      new Option("--as <format>", "what to write")
        .choices(["lerobot-v3", "lerobot-v2.1", "rlds"])
        .default("lerobot-v3"),
    )
    .option("--name <name>", "name of the RLDS dataset, in lower case", "bidden")
    .option("--fps <n>", "frames a second, for sources that do not say it")
    .option("--robot <name>", "robot_type, for sources that do not say it")
    .addOption(
      new Option("--video <codec>", "pictures become videos, each frame decoded and compared").choices(["h264", "av1"]),
    )
    .option("--gop <n>", "with --video: keyframes so many frames apart", "2")
    .option("--quality <n>", "with --video: quantiser, 0 (best) to 51 (h264: 24 unless given) or 63 (av1: 30)")
    .option("--no-verify", "do not compare afterwards")
    .action(convert);
}

type Options = {
  fps?: string;
  robot?: string;
  verify: boolean;
  video?: "h264" | "av1";
  gop: string;
  quality?: string;
  as: "lerobot-v3" | "lerobot-v2.1" | "rlds";
  name: string;
};

function videoOf(
  codec: "h264" | "av1",
  { gop, quality }: Options,
): { codec: "h264" | "av1"; gop: number; quality?: number } {
  const most = codec === "h264" ? 51 : 63;
  return {
    codec,
    gop: readWhole("--gop", gop, 1, 1000),
    ...(quality === undefined ? {} : { quality: readWhole("--quality", quality, 0, most) }),
  };
}

async function convert(from: string, to: string, options: Options): Promise<void> {
  const { fps, robot, verify, as, name, video: codec } = options;
  if (as === "rlds" && codec !== undefined)
    throw new BiddenError("bad-argument", "RLDS holds pictures one by one: --video goes with LeRobot's formats.");
  const { convertToLeRobot, convertToRlds, convertToV21 } = await import("@bidden/data/node");
  let progress: Progress | null = null;
  const remarks: string[] = [];
  const plan = {
    verify,
    ...(fps === undefined ? {} : { fps: readWhole("--fps", fps, 1, 100_000) }),
    ...(robot === undefined ? {} : { robotType: robot }),
    ...(codec === undefined ? {} : { video: videoOf(codec, options) }),
    remark: (sentence: string) => void remarks.push(sentence),
  };
  const report = ({ done, total }: { done: number; total: number }): void => {
    progress ??= createProgress("episodes", total);
    progress.update(done, done === total && verify ? "now comparing" : "");
  };
  const { episodes, compared } =
    as === "rlds"
      ? await convertToRlds(from, to, name, plan, report)
      : await (as === "lerobot-v3" ? convertToLeRobot : convertToV21)(from, to, plan, report);
  if (process.stderr.isTTY) (progress as Progress | null)?.end();
  const checked = verify ? `; ${compared} values compared with the source` : "";
  process.stdout.write(
    `${episodes} episodes in ${to}${checked}\n${remarks.map((sentence) => `${sentence}\n`).join("")}`,
  );
}
