/** A folder of a store as a store of its own. */

import { BiddenError } from "@bidden/runtime";
import type { FileStore } from "./store.ts";

export function within(store: FileStore, folder: string): FileStore {
  const full = (path: string): string => {
    if (path.split("/").includes("..")) {
      throw new BiddenError("bad-dataset", `Path "${path}" leads out of the dataset ${store.root}/${folder}.`, {
        path,
      });
    }
    return path === "." ? folder : `${folder}/${path}`;
  };
  return {
    root: `${store.root}/${folder}`,
    read: async (path) => store.read(full(path)),
    open: async (path) => store.open(full(path)),
    list: async (path) => store.list(full(path)),
  };
}
