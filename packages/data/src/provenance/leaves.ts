/**
 * Hashes of episodes that do not change when a dataset is stored in other files: over the values of the frames in a canonical
 * order, without the columns that only number rows. Pictures count by their stored bytes.
 */

import { BiddenError } from "@bidden/runtime";
import type { Column, Dataset, EpisodeData } from "../dataset/types.ts";
import { plain } from "../inspect/cat.ts";
import { LeRobotReader } from "../lerobot/reader.ts";
import { pieceOf, SampleCache } from "../lerobot/rewrite-videos.ts";

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
  const videos = dataset instanceof LeRobotReader ? videosOf(dataset) : [];
  const columns = Object.keys(dataset.features).filter((name) => !videos.includes(name));
  const data = await dataset.read(index, videos.length === 0 ? {} : { columns });
  const hasher = createHasher();
  const text = new TextEncoder();
  const record = (...parts: (string | number)[]): void => hasher.update(text.encode(`${JSON.stringify(parts)}\n`));
  record("bidden-episode-1", data.length);
  for (const name of [...Object.keys(data.columns), ...videos].sort()) {
    if (POSITIONS.has(name)) continue;
    if (dataset instanceof LeRobotReader && videos.includes(name))
      await hashVideo(dataset, { episode: index, frames: data.length, name }, hasher, record);
    else hashColumn(data, name, hasher, record);
  }
  record("tasks", ...data.tasks);
  return hasher.hex();
}

function videosOf({ features }: Dataset): string[] {
  return Object.keys(features).filter((name) => features[name]?.dtype === "video");
}

/** Videos count by their packets, which survive being moved into another file, and by when they are shown. */
async function hashVideo(
  source: LeRobotReader,
  { episode, frames, name }: { episode: number; frames: number; name: string },
  hasher: Hasher,
  record: (...parts: (string | number)[]) => void,
): Promise<void> {
  const { samples, cut, from, open } = await pieceOf({ source, episode, from: 0, to: frames }, name, new SampleCache());
  record(name, "video", frames, toHex(samples.sampleEntry));
  const file = await open();
  try {
    for (let i = cut.first; i < cut.end; i++) {
      const start = samples.offsets[i] as number;
      const bytes = new Uint8Array(await file.slice(start, start + (samples.sizes[i] as number)));
      record((samples.shown[i] as number) - from, bytes.length);
      hasher.update(bytes);
    }
  } finally {
    await file.close();
  }
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
            `"${name}" of episode ${data.index} is not stored picture by picture, and not as a video of LeRobot.`,
            { column: name },
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
