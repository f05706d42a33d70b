/** Checkpoints on disk: a folder, or one file in it. Files stay closed until they are read, and are read by range. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { CheckpointSource } from "./source.ts";

/** Deeper folders hold no part of a published checkpoint. */
const MAX_DEPTH = 4;
const MAX_FILES = 10_000;

/** @param path a folder, or a single weights file: then the checkpoint is that file alone, with the JSON files beside it. */
export function folderSource(path: string): CheckpointSource {
  const absolute = resolve(path);
  if (!existsSync(absolute)) {
    throw new BiddenError("not-found", `"${path}" is no checkpoint: there is no such file or folder.`, { path });
  }
  const single = statSync(absolute).isFile() ? basename(absolute) : null;
  return new FolderSource(single === null ? absolute : dirname(absolute), single, path);
}

class FolderSource implements CheckpointSource {
  readonly label: string;
  readonly #root: string;
  readonly #single: string | null;
  readonly #handles: Map<string, Promise<FileHandle>> = new Map();
  #folder: string | null = null;

  constructor(root: string, single: string | null, label: string) {
    this.#root = root;
    this.#single = single;
    this.label = label;
  }

  async list(): Promise<readonly string[]> {
    const found: string[] = [];
    await this.#walk("", 0, found);
    const single = this.#single;
    return (single === null ? found : found.filter((file) => file === single || /^[^/]+\.json$/.test(file))).sort();
  }

  async size(path: string): Promise<number | null> {
    try {
      const facts = await stat(join(this.#root, path));
      return facts.isFile() ? facts.size : null;
    } catch {
      return null;
    }
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    try {
      const handle = await this.#open(path);
      for (let at = 0; at < length; ) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(length - at, 1 << 30), offset + at);
        if (bytesRead === 0) throw new BiddenError("bad-checkpoint", `it ends after ${offset + at} bytes`);
        at += bytesRead;
      }
    } catch (error) {
      throw new BiddenError(
        "bad-checkpoint",
        `${this.label}, ${path}: could not read ${length} bytes at ${offset}: ${messageOf(error)}.`,
        { file: path, offset, length },
        error,
      );
    }
    return bytes;
  }

  /** Links are followed: the engine maps no file that lies outside of the folder that it is told. */
  locate(path: string): string {
    if (path !== "") return realOf(join(this.#root, path));
    this.#folder ??= commonFolder(this.#root);
    return this.#folder;
  }

  async close(): Promise<void> {
    const open = [...this.#handles.values()];
    this.#handles.clear();
    for (const handle of open) await (await handle.catch(() => null))?.close();
  }

  #open(path: string): Promise<FileHandle> {
    const known = this.#handles.get(path);
    if (known !== undefined) return known;
    const opened = open(join(this.#root, path), "r");
    this.#handles.set(path, opened);
    return opened;
  }

  async #walk(folder: string, depth: number, found: string[]): Promise<void> {
    for (const entry of await readdir(join(this.#root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith(".")) continue;
      const kind = entry.isSymbolicLink() ? await stat(join(this.#root, path)).catch(() => null) : entry;
      if (kind === null) continue;
      if (kind.isDirectory() && depth < MAX_DEPTH) await this.#walk(path, depth + 1, found);
      else if (kind.isFile()) found.push(path);
      if (found.length > MAX_FILES) {
        throw new BiddenError(
          "bad-checkpoint",
          `"${this.label}" holds more than ${MAX_FILES} files: is it one checkpoint?`,
        );
      }
    }
  }
}

/** Further up, a folder is not the checkpoint's any more. */
const MAX_UP = 3;

/** The folder that holds a checkpoint's weights, where they are links too, as in the cache of the Hugging Face hub. */
function commonFolder(root: string): string {
  const real = realOf(root);
  const weights = readdirSync(root).filter((file) => file.endsWith(".safetensors"));
  let folder = real;
  for (const path of weights.map((file) => realOf(join(root, file)))) {
    while (!path.startsWith(folder.endsWith(sep) ? folder : folder + sep)) folder = dirname(folder);
  }
  return real.split(sep).length - folder.split(sep).length <= MAX_UP && folder !== dirname(folder) ? folder : real;
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
