/** Files of one dataset through a small interface, so that the same code runs on a disk, over HTTP and in tests. */

/** Bytes at places; hyparquet's AsyncBuffer. */
export interface RandomAccess {
  readonly byteLength: number;
  /** @param end exclusive; to the end when absent. */
  slice(start: number, end?: number): Promise<ArrayBuffer>;
  /** As `slice`, into memory that is there: a pass over a large file does not leave its size behind as garbage. */
  readInto?(target: Uint8Array, start: number): Promise<void>;
  close(): Promise<void>;
}

/** Reading. Paths are relative to the dataset, with "/". */
export interface FileStore {
  /** The dataset's folder or address, for messages. */
  readonly root: string;
  /** Whole content; null when there is no such file. */
  read(path: string): Promise<Uint8Array | null>;
  /** Throws `not-found` when there is no such file. */
  open(path: string): Promise<RandomAccess>;
  /** Names in a folder, sorted; empty when there is none. Folders end with "/". */
  list(folder: string): Promise<string[]>;
}

/** Writing. Every call is durable when it resolves. */
export interface WritableStore extends FileStore {
  /** Creates folders as needed; replaces the content. Not atomic: use `rename` afterwards. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** False when the file already exists. */
  writeNew(path: string, bytes: Uint8Array): Promise<boolean>;
  /** Atomic; replaces; creates folders as needed. */
  rename(from: string, to: string): Promise<void>;
  /** Also folders with all they hold; nothing happens when absent. */
  remove(path: string): Promise<void>;
}
