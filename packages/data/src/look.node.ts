/** What looking into a dataset needs and no more: a command that only looks starts in half the time of one that loads all. */

import type { Finding } from "./lint/types.ts";
import { isFilePath, openDataset, rldsWithin } from "./open.node.ts";
import { openSource } from "./sources/source.node.ts";

export { catEpisode } from "./inspect/cat.ts";
export { describeDataset, sayReport } from "./inspect/describe.ts";
export { hashSink, pngSink, sizeOnDisk } from "./inspect/sinks.node.ts";
export { openDataset } from "./open.node.ts";
export { isAddress, openSource } from "./sources/source.node.ts";

/** What lint finds in the dataset at a path or address, whatever its format. */
export async function lintDataset(path: string): Promise<Finding[]> {
  const store = await openSource(path);
  const folder = !(await isFilePath(path));
  if (folder && (await store.list("meta")).includes("info.json")) {
    const [{ lintLeRobot }, { loadCodecsIfThere }] = await Promise.all([
      import("./lint/lint.ts"),
      import("./video/codecs.node.ts"),
    ]);
    return lintLeRobot(store, loadCodecsIfThere);
  }
  const rlds = folder ? await rldsWithin(store) : null;
  if (rlds !== null) {
    const { checkShards } = await import("./lint/shards-rule.ts");
    const damaged = await checkShards(rlds);
    // What is in the other records cannot be trusted to be counted rightly.
    if (damaged.length > 0) return damaged;
  }
  const dataset = await openDataset(path);
  try {
    const { lintAnyFormat } = await import("./lint/any-format.ts");
    return await lintAnyFormat(dataset);
  } finally {
    await dataset.close();
  }
}
