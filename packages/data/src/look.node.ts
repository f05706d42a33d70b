/** What looking into a dataset needs and no more: a command that only looks starts in half the time of one that loads all. */

import type { Finding } from "./lint/types.ts";
import { isFilePath, openDataset } from "./open.node.ts";
import { openSource } from "./sources/source.node.ts";

export { catEpisode } from "./inspect/cat.ts";
export { describeDataset, sayReport } from "./inspect/describe.ts";
export { hashSink, pngSink, sizeOnDisk } from "./inspect/sinks.node.ts";
export { openDataset } from "./open.node.ts";
export { isAddress, openSource } from "./sources/source.node.ts";

/** What lint finds in the dataset at a path or address, whatever its format. */
export async function lintDataset(path: string): Promise<Finding[]> {
  const store = await openSource(path);
  if (!(await isFilePath(path)) && (await store.list("meta")).includes("info.json")) {
    const { lintLeRobot } = await import("./lint/lint.ts");
    return lintLeRobot(store);
  }
  const dataset = await openDataset(path);
  try {
    const { lintAnyFormat } = await import("./lint/any-format.ts");
    return await lintAnyFormat(dataset);
  } finally {
    await dataset.close();
  }
}
