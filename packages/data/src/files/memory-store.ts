/** A dataset in memory: in a browser tab, and in tests. */

import { BiddenError } from "@bidden/runtime";
import type { RandomAccess, WritableStore } from "./store.ts";

export class MemoryStore implements WritableStore {
  readonly root: string;
  /** Path → content. */
  readonly files: Map<string, Uint8Array>;

  constructor(files: Iterable<readonly [string, Uint8Array]> = [], root = "memory") {
    this.root = root;
    this.files = new Map(files);
  }

  read(path: string): Promise<Uint8Array | null> {
    return Promise.resolve(this.files.get(path) ?? null);
  }

  open(path: string): Promise<RandomAccess> {
    const bytes = this.files.get(path);
    if (bytes === undefined) {
      return Promise.reject(new BiddenError("not-found", `Not found while opening ${this.root}/${path}.`, { path }));
    }
    return Promise.resolve({
      byteLength: bytes.length,
      // A copy: Node's Buffer would share its memory in `slice`.
      slice: (start, end) => Promise.resolve(new Uint8Array(bytes.subarray(start, end)).buffer),
      close: () => Promise.resolve(),
    });
  }

  list(folder: string): Promise<string[]> {
    const prefix = folder === "." ? "" : `${folder.replace(/\/$/, "")}/`;
    const names = new Set<string>();
    for (const path of this.files.keys()) {
      if (!path.startsWith(prefix)) continue;
      const rest = path.slice(prefix.length);
      const slash = rest.indexOf("/");
      names.add(slash < 0 ? rest : rest.slice(0, slash + 1));
    }
    return Promise.resolve([...names].sort());
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    this.files.set(path, new Uint8Array(bytes));
    return Promise.resolve();
  }

  writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    if (this.files.has(path)) return Promise.resolve(false);
    this.files.set(path, new Uint8Array(bytes));
    return Promise.resolve(true);
  }

  rename(from: string, to: string): Promise<void> {
    const bytes = this.files.get(from);
    if (bytes === undefined) {
      return Promise.reject(
        new BiddenError("not-found", `Not found while renaming ${this.root}/${from}.`, { path: from }),
      );
    }
    this.files.delete(from);
    this.files.set(to, bytes);
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    const folder = `${path.replace(/\/$/, "")}/`;
    for (const file of this.files.keys()) if (file === path || file.startsWith(folder)) this.files.delete(file);
    return Promise.resolve();
  }
}
