/** Where a dataset may be: a folder, a web server, the Hugging Face Hub. */

import type { FileStore } from "../files/store.ts";
import { createFolderStore } from "../files/store.node.ts";

/** True for `http(s)://...` and `hf://...`. */
export function isAddress(path: string): boolean {
  return /^(https?|hf):\/\//.test(path);
}

/** The files of a dataset, for reading. What a disk does not need is not loaded for one. */
export async function openSource(path: string): Promise<FileStore> {
  if (!isAddress(path)) return createFolderStore(path);
  const { openHub, parseHubAddress } = await import("./hub-store.node.ts");
  const hub = parseHubAddress(path);
  return hub === null ? (await import("./http-store.ts")).createHttpStore(path) : openHub(hub);
}
