import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN, readJson, readSafetensors } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { openZarrTree } from "./reader.ts";

type Expected = { arrays: Record<string, { shape: number[]; dtype: string; sha256?: string }> };

describe("Zarr stores written by zarr-python", () => {
  it.each(["replay_blosc.zarr", "replay_raw.zarr", "replay_v3.zarr", "umi_like.zarr.zip"])(
    "%s reads as zarr reads it",
    async (name) => {
      const expected = readJson(`zarr-expected/${name}.json`) as Expected;
      const arrays = readSafetensors(`zarr-expected/${name}.safetensors`);
      const dataset = await openDataset(join(GOLDEN, "zarr", name));
      expect(dataset.episodeCount).toBe(3);
      expect(dataset.frameCount).toBe(34);
      const ours: Record<string, unknown> = {};
      const theirs: Record<string, unknown> = {};
      for (const column of Object.keys(dataset.features)) {
        const numbers: number[] = [];
        const hash = createHash("sha256");
        let pictures = 0;
        for (let index = 0; index < dataset.episodeCount; index++) {
          const values = (await dataset.read(index, { columns: [column] })).columns[column];
          if (values?.kind === "numbers") for (const value of values.values) numbers.push(Number(value));
          if (values?.kind !== "images") continue;
          for (let frame = 0; frame < values.length; frame++) {
            hash.update((await values.image(frame)).data);
            pictures++;
          }
        }
        ours[column] = pictures > 0 ? hash.digest("hex") : numbers;
        theirs[column] =
          expected.arrays[`data/${column}`]?.sha256 ?? Array.from(arrays.get(`data/${column}`)?.values ?? [], Number);
      }
      expect(ours).toEqual(theirs);
      expect(Object.keys(ours).length).toBeGreaterThanOrEqual(5);
      await dataset.close();
    },
  );

  it("every codec of v2", async () => {
    const expected = readJson("zarr-expected/codecs_v2.zarr.json") as Expected;
    const arrays = readSafetensors("zarr-expected/codecs_v2.zarr.safetensors");
    const tree = await openZarrTree(createFolderStore(join(GOLDEN, "zarr/codecs_v2.zarr")));
    const ours: Record<string, unknown> = {};
    const theirs: Record<string, unknown> = {};
    const refused: string[] = [];
    for (const node of tree.arrays) {
      const rows = await node.rows(0, node.shape[0] ?? 0).catch((error: Error) => {
        refused.push(error.message);
        return null;
      });
      if (rows === null) continue;
      ours[node.path] = Array.from(rows as ArrayLike<unknown>, Number);
      theirs[node.path] = Array.from(arrays.get(node.path)?.values ?? [], Number);
    }
    expect(ours).toEqual(theirs);
    expect(tree.attributes("")).toEqual({ note: "grün" });
    expect(refused).toEqual([]);
    expect(Object.keys(ours).length).toBeGreaterThanOrEqual(Object.keys(expected.arrays).length - 1);
    await tree.close();
  });

  it("says that JPEG XL is not there, and reads the rest", async () => {
    const dataset = await openDataset(join(GOLDEN, "zarr/umi_jpegxl.zarr.zip"));
    expect((await dataset.read(0, { columns: ["robot0_eef_pos"] })).length).toBe(4);
    await expect(dataset.read(0)).rejects.toThrow(
      /camera0_rgb" is stored as JPEG XL \(imagecodecs_jpegxl\), which bidden does not decode/,
    );
    await dataset.close();
  });
});
