/** Writes a trained tabletop policy as a folder that `loadTabletop` opens: weights, configuration, training record. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TabletopConfig } from "@bidden/models";
import { type TensorData, writeSafetensors } from "@bidden/tensor";
import { writeWhole } from "./write-whole.node.ts";

export type ExportRecord = {
  readonly folder: string;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
};

export function exportTabletop(
  config: TabletopConfig,
  parameters: ReadonlyMap<string, TensorData>,
  record: ExportRecord,
): string {
  mkdirSync(record.folder, { recursive: true });
  const { folder, ...training } = record;
  writeWhole(join(folder, "model.safetensors"), writeSafetensors(parameters, { policy: "bidden-tabletop" }));
  writeWhole(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  writeWhole(
    join(folder, "training.json"),
    `${JSON.stringify({ ...training, samples: training.steps * training.batch }, null, 2)}\n`,
  );
  return folder;
}
