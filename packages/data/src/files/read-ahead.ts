/** Many small reads that follow one another, as few large ones. */

import type { RandomAccess } from "./store.ts";

/** @param bytes read at least, from where a read begins; kept until a read lies elsewhere. */
export function readAhead(file: RandomAccess, bytes: number): RandomAccess {
  let start = 0;
  let window: Promise<ArrayBuffer> = Promise.resolve(new ArrayBuffer(0));
  let length = 0;
  return {
    byteLength: file.byteLength,
    slice: async (from, to = file.byteLength) => {
      const end = Math.min(to, file.byteLength);
      if (from < start || end > start + length) {
        start = from;
        length = Math.min(file.byteLength, Math.max(end, from + bytes)) - from;
        window = file.slice(start, start + length);
      }
      // The window may move on while this waits.
      const at = from - start;
      return (await window).slice(at, at + Math.max(0, end - from));
    },
    close: () => file.close(),
  };
}
