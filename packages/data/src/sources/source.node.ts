/** Where a dataset may be: a folder, a web server, the Hugging Face Hub. */

import type { FileStore } from "../files/store.ts";
import { createFolderStore } from "../files/store.node.ts";
import { createHttpStore } from "./http-store.ts";
import { openHub, parseHubAddress } from "./hub-store.node.ts";

/** True for `http(s)://...` and `hf://...`. */
export function isAddress(path: string): boolean {
  return /^(https?|hf):\/\//.test(path);
}

/** The files of a dataset, for reading. */
export async function openSource(path: string): Promise<FileStore> {
  const hub = parseHubAddress(path);
  if (hub !== null) return openHub(hub);
  return isAddress(path) ? createHttpStore(path) : createFolderStore(path);
}
