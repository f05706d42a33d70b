/** A folder on a disk. */

import * as fs from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { BiddenError } from "@bidden/runtime";
import { fileError } from "./errors.ts";
import type { RandomAccess, WritableStore } from "./store.ts";

export function createFolderStore(folder: string): WritableStore {
  return new FolderStore(resolve(folder));
}

function isMissing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === "ENOENT" || code === "ENOTDIR";
}

class FolderStore implements WritableStore {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** A dataset's own templates must not lead out of it. */
  #full(path: string): string {
    const full = resolve(this.root, path);
    if (full !== this.root && !full.startsWith(this.root + sep)) {
      throw new BiddenError("bad-dataset", `Path "${path}" leads out of the dataset ${this.root}.`, { path });
    }
    return full;
  }

  async read(path: string): Promise<Uint8Array | null> {
    try {
      return await fs.readFile(this.#full(path));
    } catch (error) {
      if (isMissing(error)) return null;
      throw fileError(error, "reading", this.#full(path));
    }
  }

  async open(path: string): Promise<RandomAccess> {
    const full = this.#full(path);
    try {
      const handle = await fs.open(full, "r");
      const { size } = await handle.stat();
      return new FileAccess(handle, size, full);
    } catch (error) {
      throw fileError(error, "opening", full);
    }
  }

  async list(folder: string): Promise<string[]> {
    try {
      const entries = await fs.readdir(this.#full(folder), { withFileTypes: true });
      return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw fileError(error, "listing", this.#full(folder));
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#write(path, bytes, "w");
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.#write(path, bytes, "wx");
      return true;
    } catch (error) {
      if (error instanceof BiddenError && error.fields["systemError"] === "EEXIST") return false;
      throw error;
    }
  }

  async #write(path: string, bytes: Uint8Array, flags: "w" | "wx"): Promise<void> {
    const full = this.#full(path);
    try {
      await fs.mkdir(dirname(full), { recursive: true });
      const handle = await fs.open(full, flags);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await syncFolder(dirname(full));
    } catch (error) {
      throw fileError(error, "writing", full);
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const target = this.#full(to);
    try {
      await fs.mkdir(dirname(target), { recursive: true });
      await fs.rename(this.#full(from), target);
      await syncFolder(dirname(target));
    } catch (error) {
      throw fileError(error, "writing", target);
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await fs.rm(this.#full(path), { recursive: true, force: true });
    } catch (error) {
      throw fileError(error, "removing", this.#full(path));
    }
  }
}

/** Makes names in a folder durable. Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class FileAccess implements RandomAccess {
  readonly byteLength: number;
  readonly #handle: fs.FileHandle;
  readonly #path: string;

  constructor(handle: fs.FileHandle, byteLength: number, path: string) {
    this.#handle = handle;
    this.byteLength = byteLength;
    this.#path = path;
  }

  async slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    // Of its own, and not filled with zeros that the file would overwrite.
    const out = Buffer.allocUnsafeSlow(Math.max(0, Math.min(end, this.byteLength) - start));
    await this.readInto(out, start);
    return out.buffer;
  }

  async readInto(target: Uint8Array, start: number): Promise<void> {
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, start + done);
      if (bytesRead === 0) {
        throw new BiddenError("bad-dataset", `${join(this.#path)} became shorter while it was read.`, {
          path: this.#path,
        });
      }
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
