/** What looking into a dataset needs and no more: a command that only looks starts in half the time of one that loads all. */

import type { Finding } from "./lint/types.ts";
import { openSource } from "./sources/source.node.ts";

export { catEpisode } from "./inspect/cat.ts";
export { describeDataset, sayReport } from "./inspect/describe.ts";
export { hashSink, pngSink, sizeOnDisk } from "./inspect/sinks.node.ts";
export { openDataset } from "./open.node.ts";
export { isAddress, openSource } from "./sources/source.node.ts";

/** What lint finds in the LeRobot dataset at a path or address. */
export async function lintDataset(path: string): Promise<Finding[]> {
  const { lintLeRobot } = await import("./lint/lint.ts");
  return lintLeRobot(await openSource(path));
}
