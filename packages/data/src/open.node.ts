/** Opens a dataset of whatever format lies in a folder. */

import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { BiddenError } from "@bidden/runtime";
import type { Dataset } from "./dataset/types.ts";
import type { FileStore } from "./files/store.ts";
import { within } from "./files/within.ts";
import { INFO_PATH } from "./lerobot/info.ts";
import { isAddress, openSource } from "./sources/source.node.ts";

/** Of TFDS; the readers themselves are loaded when they are needed. */
const DATASET_INFO = "dataset_info.json";

export async function openDataset(path: string): Promise<Dataset> {
  if (await isFilePath(path)) return openFile(path);
  const store = await openSource(path);
  if ((await store.list("meta")).includes(INFO_PATH.slice("meta/".length))) {
    const { openLeRobot } = await import("./lerobot/reader.ts");
    const { loadCodecs } = await import("./video/codecs.node.ts");
    const { createVideoDecoder } = await import("./video/decoder.ts");
    return openLeRobot(store, { videos: createVideoDecoder(store, loadCodecs) });
  }
  if (isZarr(await store.list("."))) return (await import("./zarr/reader.ts")).openZarr(store);
  const rlds = await rldsWithin(store);
  if (rlds !== null) return (await import("./rlds/reader.ts")).openRlds(rlds);
  throw new BiddenError(
    "not-found",
    (await store.list(".")).length === 0
      ? `${store.root} is empty or does not exist; expected a dataset.`
      : `${store.root} is no dataset that bidden knows: expected ${INFO_PATH} (LeRobot), ${DATASET_INFO} (RLDS), a Zarr store, an HDF5 or MCAP file.`,
    { path: store.root },
  );
}

/** tfds keeps its versions in folders: `NAME/1.0.0`. */
async function newestVersion(store: FileStore, here: readonly string[]): Promise<string | null> {
  const versions = here.filter((name) => /^\d+\.\d+\.\d+\/$/.test(name)).map((name) => name.slice(0, -1));
  const parts = (version: string): number[] => version.split(".").map(Number);
  versions.sort((a, b) => parts(a).reduce((order, n, i) => order || n - (parts(b)[i] ?? 0), 0));
  for (const version of versions.reverse()) {
    if ((await store.list(version)).includes(DATASET_INFO)) return version;
  }
  return null;
}

async function openZipped(path: string): Promise<Dataset> {
  const { openZip } = await import("./files/zip-store.ts");
  const zip = await openZip(await (await openSource(dirname(path))).open(basename(path)), path);
  try {
    return await (await import("./zarr/reader.ts")).openZarr(zip, () => zip.close());
  } catch (error) {
    await zip.close();
    throw error;
  }
}

/** Markers of Zarr v2 and v3. */
function isZarr(names: readonly string[]): boolean {
  return [".zgroup", "zarr.json", ".zmetadata"].some((name) => names.includes(name));
}

/** Where in a folder a dataset of TFDS lies: there or in the folder of its newest version; null where there is none. */
export async function rldsWithin(store: FileStore): Promise<FileStore | null> {
  const here = await store.list(".");
  if (here.includes(DATASET_INFO)) return store;
  const version = await newestVersion(store, here);
  return version === null ? null : within(store, version);
}

/** Whether a dataset at this path or address would be one file. */
export async function isFilePath(path: string): Promise<boolean> {
  return isAddress(path) ? isFileName(path) : isFile(path);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** What a file on a server is cannot be asked for cheaply: its name says it. */
function isFileName(path: string): boolean {
  return /\.(h5|hdf5|zip|mcap)$/i.test(path);
}

async function openFile(path: string): Promise<Dataset> {
  if (/\.(h5|hdf5)$/i.test(path)) {
    const file = await (await openSource(dirname(path))).open(basename(path));
    return (await import("./hdf5/file.ts")).openHdf5(file, path);
  }
  if (/\.zip$/i.test(path)) return openZipped(path);
  if (/\.mcap$/i.test(path)) {
    const file = await (await openSource(dirname(path))).open(basename(path));
    return (await import("./mcap/reader.ts")).openMcap(file, path);
  }
  throw new BiddenError(
    "unsupported",
    `${path} is no dataset file that bidden knows: expected .h5, .hdf5, .mcap or .zip (Zarr).`,
    { path },
  );
}
