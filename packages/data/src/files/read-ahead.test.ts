import * as fc from "fast-check";
import { expect, it } from "vitest";
import { readAhead } from "./read-ahead.ts";
import { MemoryStore } from "./memory-store.ts";

it("gives the same bytes as the file itself, also to reads at once", async () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i);
  const file = await new MemoryStore([["a", bytes]]).open("a");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 310 })), { minLength: 1, maxLength: 12 }),
      fc.nat({ max: 64 }),
      async (ranges, ahead) => {
        const reads = readAhead(file, ahead);
        const parts = await Promise.all(ranges.map(([from, to]) => reads.slice(from, to)));
        expect(parts.map((part) => [...new Uint8Array(part)])).toEqual(
          ranges.map(([from, to]) => [...bytes.subarray(from, Math.max(from, to))]),
        );
      },
    ),
  );
});
