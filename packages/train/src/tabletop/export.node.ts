/** Writes a trained tabletop policy as a folder that `loadTabletop` opens: weights, configuration, training record. */
import { join } from "node:path";
import type { TabletopConfig } from "@bidden/models";
import { makeFolder, writeWhole } from "@bidden/runtime/node";
import { type TensorData, writeSafetensors } from "@bidden/tensor";

export type ExportRecord = {
  readonly folder: string;
  readonly steps: number;
  readonly batch: number;
  readonly seed: number;
};

export async function exportTabletop(
  config: TabletopConfig,
  parameters: ReadonlyMap<string, TensorData>,
  record: ExportRecord,
): Promise<string> {
  await makeFolder(record.folder, "for the checkpoint");
  const { folder, ...training } = record;
  await writeWhole(join(folder, "model.safetensors"), writeSafetensors(parameters, { policy: "bidden-tabletop" }));
  await writeWhole(join(folder, "config.json"), `${JSON.stringify(config, null, 2)}\n`);
  await writeWhole(
    join(folder, "training.json"),
    `${JSON.stringify({ ...training, samples: training.steps * training.batch }, null, 2)}\n`,
  );
  return folder;
}
