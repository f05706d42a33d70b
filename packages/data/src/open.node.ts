/** Opens a dataset of whatever format lies in a folder. */

import { BiddenError } from "@bidden/runtime";
import type { Dataset } from "./dataset/types.ts";
import { createFolderStore } from "./files/store.node.ts";
import { INFO_PATH } from "./lerobot/info.ts";
import { openLeRobot } from "./lerobot/reader.ts";

export async function openDataset(path: string): Promise<Dataset> {
  const store = createFolderStore(path);
  if ((await store.list("meta")).includes(INFO_PATH.slice("meta/".length))) return openLeRobot(store);
  const here = await store.list(".");
  throw new BiddenError(
    "not-found",
    here.length === 0
      ? `${store.root} is empty or does not exist; expected a dataset.`
      : `${store.root} is no dataset that bidden knows: expected ${INFO_PATH} (LeRobot).`,
    { path: store.root },
  );
}
