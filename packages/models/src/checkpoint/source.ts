/** Where a checkpoint's files come from: a folder, fetched bytes, anything that gives byte ranges of named files. */
import { BiddenError } from "@bidden/runtime";

export interface CheckpointSource {
  /** Shown in errors: the folder's path or the address. */
  readonly label: string;
  /** Paths of all files, relative, with "/" between folders, sorted. */
  list(): Promise<readonly string[]>;
  /** Bytes of a file; null when it is not there. */
  size(path: string): Promise<number | null>;
  /** Exactly `length` bytes from `offset` on, in memory of their own. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Where the file lies on this machine's disk, so that the engine can map it; null when it does not. */
  locate(path: string): string | null;
  close(): Promise<void>;
}

/** A checkpoint whose files are in memory already: what a page fetched, or a test made. */
export function memorySource(files: ReadonlyMap<string, Uint8Array>, label = "checkpoint in memory"): CheckpointSource {
  const get = (path: string): Uint8Array => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new BiddenError("not-found", `${label} has no file "${path}".`, { file: path });
    return bytes;
  };
  return {
    label,
    list: () => Promise.resolve([...files.keys()].sort()),
    size: (path) => Promise.resolve(files.get(path)?.length ?? null),
    read: (path, offset, length) => Promise.resolve(get(path).slice(offset, offset + length)),
    locate: () => null,
    close: () => Promise.resolve(),
  };
}
