/**
 * Hashes of episodes that do not change when a dataset is stored in other files: over the values of the frames in a canonical
 * order, without the columns that only number rows. Pictures count by their stored bytes.
 */

import { BiddenError } from "@bidden/runtime";
import type { Column, Dataset, EpisodeData } from "../dataset/types.ts";
import { plain } from "../inspect/cat.ts";

/** Columns that change when episodes move. */
const POSITIONS = new Set(["index", "episode_index", "task_index"]);

/** Takes bytes, gives a digest at the end: `node:crypto`'s createHash, or any other SHA-256. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  hex(): string;
}

export type CreateHasher = () => Hasher;

/** SHA-256, hex, of one episode. */
export async function episodeLeaf(dataset: Dataset, index: number, createHasher: CreateHasher): Promise<string> {
  const data = await dataset.read(index);
  const hasher = createHasher();
  const text = new TextEncoder();
  const record = (...parts: (string | number)[]): void => hasher.update(text.encode(`${JSON.stringify(parts)}\n`));
  record("bidden-episode-1", data.length);
  for (const name of Object.keys(data.columns).sort()) {
    if (!POSITIONS.has(name)) hashColumn(data, name, hasher, record);
  }
  record("tasks", ...data.tasks);
  return hasher.hex();
}

function hashColumn(
  data: EpisodeData,
  name: string,
  hasher: Hasher,
  record: (...parts: (string | number)[]) => void,
): void {
  const column = data.columns[name] as Column;
  switch (column.kind) {
    case "numbers": {
      const { buffer, byteOffset, byteLength } = column.values;
      record(name, column.dtype, ...column.shape);
      hasher.update(new Uint8Array(buffer, byteOffset, byteLength));
      return;
    }
    case "text":
      record(name, "text", ...column.values);
      return;
    case "json":
      record(name, "json", ...column.values.map((value) => JSON.stringify(plain(value))));
      return;
    case "images":
      record(name, "images", column.length);
      for (let frame = 0; frame < column.length; frame++) {
        const bytes = column.encoded(frame);
        if (bytes === null) {
          throw new BiddenError(
            "unsupported",
            `"${name}" of episode ${data.index} is not stored picture by picture; videos cannot be signed yet.`,
            {
              column: name,
            },
          );
        }
        record(frame, bytes.length);
        hasher.update(bytes);
      }
      return;
    default:
      column satisfies never;
  }
}

/** RFC 6962: a leaf is hashed with a 0 before it, a node with a 1. The empty tree is the hash of nothing. */
export function merkleRoot(leaves: readonly string[], createHasher: CreateHasher): string {
  const hash = (...parts: readonly Uint8Array[]): Uint8Array => {
    const hasher = createHasher();
    for (const part of parts) hasher.update(part);
    return fromHex(hasher.hex());
  };
  const tree = (nodes: readonly Uint8Array[]): Uint8Array => {
    const [only] = nodes;
    if (only === undefined) return hash();
    if (nodes.length === 1) return only;
    const split = 2 ** Math.ceil(Math.log2(nodes.length) - 1);
    return hash(Uint8Array.of(1), tree(nodes.slice(0, split)), tree(nodes.slice(split)));
  };
  return toHex(tree(leaves.map((leaf) => hash(Uint8Array.of(0), fromHex(leaf)))));
}

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
