/** `.pt` files with verdicts: benign ones are read to the recorded values, hostile ones refused, and nothing is ever executed. */
import { BiddenError, messageOf } from "@bidden/runtime";
import type { TensorData } from "@bidden/tensor";
import { readTensor, safetensorsTensors } from "../checkpoint/checkpoint.ts";
import { compareValues, EXACT, type GoldenCheck } from "../checkpoint/golden.ts";
import { readPt } from "../checkpoint/pt/read.ts";
import type { CheckpointSource } from "../checkpoint/source.ts";
import { type GoldenKind, readAll, readJson } from "./set.ts";

export const ptFiles: GoldenKind = {
  name: "pt files",
  matches: (files) => files.includes("verdicts.json") && files.some((file) => file.endsWith(".pt")),
  async check(source, check) {
    for (const verdict of (await readJson(source, "verdicts.json")).objects("files")) {
      const file = verdict.text("file");
      const expected = verdict.text("expect");
      const stage = `${file}: ${expected}`;
      const outcome = await tryRead(source, file);
      if (outcome instanceof BiddenError) {
        check.holds(stage, expected !== "load", `expected it to load (${verdict.text("why", "")}); ${outcome.message}`);
      } else if (expected === "refuse") {
        check.holds(stage, false, `expected it to be refused (${verdict.text("why", "")}); it was read`);
      } else {
        await checkValues(source, stage, outcome, verdict.text("values", ""), check);
      }
    }
  },
};

async function tryRead(source: CheckpointSource, file: string): Promise<Map<string, TensorData> | BiddenError> {
  try {
    return await readPt(await readAll(source, file), file);
  } catch (error) {
    if (error instanceof BiddenError) return error;
    throw new BiddenError("internal", `internal: ${file} failed without a BiddenError: ${messageOf(error)}`, {}, error);
  }
}

async function checkValues(
  source: CheckpointSource,
  stage: string,
  came: ReadonlyMap<string, TensorData>,
  file: string,
  check: GoldenCheck,
): Promise<void> {
  if (file === "" || (await source.size(file)) === null) {
    check.holds(stage, true, "");
    return;
  }
  const expected = await safetensorsTensors(source, file);
  const problems: string[] = [];
  for (const [name, info] of expected) {
    const value = came.get(name) ?? came.get(`module.${name}`);
    const wanted = await readTensor(source, info);
    if (value === undefined) problems.push(`no "${name}"`);
    else if (value.shape.join() !== info.shape.join()) problems.push(`"${name}" is [${value.shape.join(", ")}]`);
    else if (!compareValues(name, value.data, wanted.data, EXACT).pass) problems.push(`"${name}" has other values`);
  }
  check.holds(stage, problems.length === 0, problems.slice(0, 3).join("; "));
}
