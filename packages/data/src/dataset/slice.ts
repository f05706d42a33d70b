/** Some frames of a column. */

import { elementsOf } from "./columns.ts";
import type { Column } from "./types.ts";

/** Frames [from, to); numbers are views. */
export function sliceColumn(column: Column, from: number, to: number): Column {
  switch (column.kind) {
    case "numbers": {
      const size = elementsOf(column.shape);
      return { ...column, values: column.values.subarray(from * size, to * size) };
    }
    case "text":
      return { kind: "text", values: column.values.slice(from, to) };
    case "json":
      return { kind: "json", values: column.values.slice(from, to) };
    case "images":
      return {
        kind: "images",
        length: to - from,
        encoded: (frame) => column.encoded(from + frame),
        image: (frame) => column.image(from + frame),
      };
    default:
      return column satisfies never;
  }
}
