import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ArrayNode, ArrayTree } from "../arrays/tree.ts";
import { elementsOf } from "../dataset/columns.ts";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openTree } from "./file.ts";

let tree: ArrayTree;
beforeAll(async () => {
  tree = await openTree(await createFolderStore(join(GOLDEN, "hdf5")).open("chunk_indexes.h5"), "chunk_indexes.h5");
});
afterAll(() => tree.close());

function node(path: string): ArrayNode {
  return tree.arrays.find((own) => own.path === path) as ArrayNode;
}

async function numbers(path: string, from = 0, to = node(path).shape[0] ?? 0): Promise<number[]> {
  return Array.from((await node(path).rows(from, to)) as ArrayLike<number | bigint>, Number);
}

/** What interop/hdf5-variants.py wrote: element i of any array. */
const value = (i: number): number => (i * 7919) % 251;
const expected = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => value(from + i));

describe("HDF5 files of the newest format, written by h5py", () => {
  it.each([
    "single",
    "single_chunk",
    "single_gzip",
    "fixed",
    "fixed_gzip",
    "fixed_paged",
    "growing",
    "growing_gzip",
    "growing_second",
    "growing_long",
    "growing_long_lzf",
    "two_ways",
    "two_ways_gzip",
    "implicit",
  ])("chunks: %s", async (name) => {
    const { shape } = node(`chunks/${name}`);
    const [rows = 0, ...inner] = shape;
    const perRow = elementsOf(inner);
    expect(await numbers(`chunks/${name}`)).toEqual(expected(elementsOf(shape)));
    for (const [from, to] of [
      [rows - 1, rows],
      [1, Math.min(rows, 4)],
      [rows >> 1, rows],
    ] as const) {
      expect(await numbers(`chunks/${name}`, from, to)).toEqual(expected((to - from) * perRow, from * perRow));
    }
  });

  it("chunks that were never written hold the fill value", async () => {
    const all = await numbers("chunks/holes");
    expect(all.slice(32, 48)).toEqual(expected(16));
    expect([...all.slice(0, 32), ...all.slice(48)].every((own) => own === 7)).toBe(true);
  });

  it("filters: LZF, checksums, scale and offset", async () => {
    expect(await numbers("filters/lzf")).toEqual(expected(500));
    expect(await numbers("filters/checked")).toEqual(expected(50));
    expect(await numbers("filters/checked_bytes")).toEqual(expected(51));
    expect(await numbers("filters/scaled")).toEqual(expected(40));
    expect(await numbers("filters/scaled_float")).toEqual(expected(40).map((own) => own / 8));
    expect(await numbers("filters/scaled_double")).toEqual(expected(40).map((own) => -own / 4 + 0));
    expect(await numbers("filters/lzf_noise")).toHaveLength(1024);
  });

  it("types: halves, big-endian numbers, booleans, texts, records", async () => {
    expect(await numbers("types/f2")).toEqual(expected(12));
    expect(await numbers("types/f2_big")).toEqual(expected(12));
    expect(await numbers("types/u8_big")).toEqual(expected(4));
    expect(await numbers("types/bool")).toEqual(expected(6).map((own) => (own % 2 === 0 ? 1 : 0)));
    expect(await node("types/text").rows(0, 3)).toEqual(["ä", "", "three words here"]);
    expect(await node("types/fixed_text").rows(0, 2)).toEqual(["ab", "cdef"]);
    expect(await node("types/record").rows(0, 2)).toEqual([
      { a: 1, b: 2.5 },
      { a: 3, b: -4 },
    ]);
  });

  it("many links and attributes in one group; links that turn back or lead out end there", async () => {
    const many = tree.arrays.filter((own) => own.path.startsWith("many/"));
    expect(many.map((own) => own.path)).toEqual(
      Array.from({ length: 300 }, (_, i) => `many/array_${String(i).padStart(3, "0")}`),
    );
    expect(await numbers("many/array_217")).toEqual([217, 218]);
    expect(tree.attributes("many")).toEqual(
      Object.fromEntries(
        Array.from({ length: 20 }, (_, i) => [`attribute_${String(i).padStart(2, "0")}`, `text ${i}`]),
      ),
    );
    expect(await numbers("types/link")).toEqual(expected(12));
    expect(tree.arrays.some((own) => /up|nowhere|outside/.test(own.path))).toBe(false);
    expect(await numbers("types_again/f2")).toEqual(expected(12));
  });
});
