export { loadMinilm } from "./text/minilm.node.ts";
export { loadTabletopPolicy } from "./tabletop/load.node.ts";
export { nodeEngine, openCheckpointAt, openPublished } from "./checkpoint/load.node.ts";
export { folderSource } from "./checkpoint/source.node.ts";
export type { FolderReport } from "./golden-sets/check.node.ts";
export { checkGoldenFolders, openFolder } from "./golden-sets/check.node.ts";
