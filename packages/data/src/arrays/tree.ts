/** Folders of arrays (HDF5, Zarr) through one interface, and their arrays as columns. */

import { BiddenError, type Image } from "@bidden/runtime";
import { elementsOf } from "../dataset/columns.ts";
import type { SourceColumn } from "../dataset/columnar.ts";
import type { Column, Feature, NumberArray, NumberDtype } from "../dataset/types.ts";
import { decodeImage } from "../image/decode.ts";

export type ArrayNode = {
  /** Without a leading "/". */
  readonly path: string;
  readonly shape: readonly number[];
  readonly dtype: NumberDtype | "string" | "json";
  /** Rows [from, to) of the first axis: flat numbers, or one value a row. */
  rows(from: number, to: number): Promise<NumberArray | readonly unknown[]>;
};

export interface ArrayTree {
  /** File or folder, for messages. */
  readonly root: string;
  /** All arrays, in the order of the file. */
  readonly arrays: readonly ArrayNode[];
  /** Of the group at `path` ("" is the root). */
  attributes(path: string): Readonly<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Rows `start + [0, length)` of an array as a column of an episode. */
export function arrayColumn(node: ArrayNode, start: number, root: string): SourceColumn {
  const inner = node.shape.slice(1);
  const picture = node.dtype === "uint8" && inner.length === 3 && (inner[2] === 3 || inner[2] === 1);
  if (picture) return rawPictures(node, inner, start, root);
  if (node.dtype === "string") {
    return {
      feature: { dtype: "string", shape: [1], names: null },
      read: async (from, to) => ({
        kind: "text",
        values: Array.from(await node.rows(start + from, start + to), String),
      }),
    };
  }
  if (node.dtype === "json") {
    return {
      feature: { dtype: "json", shape: [1], names: null },
      read: async (from, to) => ({
        kind: "json",
        values: Array.from<unknown>(await node.rows(start + from, start + to)),
      }),
    };
  }
  const { dtype } = node;
  const shape = inner.length === 0 ? [1] : inner;
  const feature: Feature = { dtype, shape, names: null };
  return {
    feature,
    read: async (from, to): Promise<Column> => {
      const values = (await node.rows(start + from, start + to)) as NumberArray;
      checkCount(node, values.length, (to - from) * elementsOf(shape), root);
      return { kind: "numbers", dtype, shape, values };
    },
  };
}

function checkCount(node: ArrayNode, came: number, expected: number, root: string): void {
  if (came === expected) return;
  throw new BiddenError("bad-dataset", `${root}: "${node.path}" gave ${came} numbers, expected ${expected}.`, {
    array: node.path,
  });
}

function rawPictures(node: ArrayNode, inner: readonly number[], start: number, root: string): SourceColumn {
  const [height = 0, width = 0, channels = 3] = inner;
  return {
    feature: { dtype: "image", shape: [...inner], names: ["height", "width", "channels"], info: { encoding: "raw" } },
    read: async (from, to) => {
      const size = elementsOf(inner);
      const all = (await node.rows(start + from, start + to)) as Uint8Array;
      checkCount(node, all.length, (to - from) * size, root);
      return {
        kind: "images",
        length: to - from,
        encoded: () => null,
        image: (frame): Promise<Image> => {
          const pixels = all.slice(frame * size, (frame + 1) * size);
          const data =
            channels === 3
              ? pixels
              : Uint8Array.from({ length: size * 3 }, (_, i) => pixels[Math.floor(i / 3)] as number);
          return Promise.resolve({ width, height, data });
        },
      };
    },
  };
}

/**
 * JPEG or PNG bytes in rows that are padded to one length.
 * @param lengths bytes of each row that count; null: all of them.
 */
export function encodedPictures(node: ArrayNode, lengths: readonly number[] | null, root: string): SourceColumn {
  return {
    feature: { dtype: "image", shape: [0, 0, 3], names: ["height", "width", "channels"], info: { encoding: "jpeg" } },
    read: async (from, to) => {
      const row = node.shape[1] ?? 0;
      const all = (await node.rows(from, to)) as Uint8Array;
      checkCount(node, all.length, (to - from) * row, root);
      const bytes = (frame: number): Uint8Array =>
        all.subarray(frame * row, frame * row + Math.min(row, lengths?.[from + frame] ?? row));
      return {
        kind: "images",
        length: to - from,
        encoded: bytes,
        image: (frame) => decodeImage(bytes(frame), `${root}: "${node.path}", row ${from + frame}`),
      };
    },
  };
}
