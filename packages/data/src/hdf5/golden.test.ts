import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Column } from "../dataset/types.ts";
import { GOLDEN, readJson, readSafetensors } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { createFolderStore } from "../files/store.node.ts";
import { openTree } from "./file.ts";

type Expected = {
  objects: Record<
    string,
    { kind?: string; shape?: number[] | null; sha256?: string; compression?: string | null; value?: unknown }
  >;
};

/** What the file's reader gave for an array, as the expected values are stored. */
function valueOf(column: Column): unknown {
  if (column.kind === "numbers") return Array.from(column.values, Number);
  return column.kind === "images" ? null : column.values;
}

describe("HDF5 files written by h5py", () => {
  it.each([
    ["robomimic.hdf5", (episode: number) => `data/demo_${episode}/`, 3],
    ["libero_pick_up_the_black_bowl_demo.hdf5", (episode: number) => `data/demo_${episode}/`, 3],
    ["aloha_raw_episode_0.hdf5", () => "", 1],
    ["aloha_jpeg_episode_1.hdf5", () => "", 1],
    ["droid_trajectory.h5", () => "", 1],
  ])("%s reads as h5py reads it", async (name, prefix, episodes) => {
    const expected = readJson(`hdf5-expected/${name}.json`) as Expected;
    const arrays = readSafetensors(`hdf5-expected/${name}.safetensors`);
    const key = (path: string) => [path, `/${path}`].find((k) => arrays.has(k)) ?? path;
    const dataset = await openDataset(join(GOLDEN, "hdf5", name));
    expect(dataset.episodeCount).toBe(episodes);
    let compared = 0;
    for (let index = 0; index < episodes; index++) {
      const data = await dataset.read(index);
      const ours: Record<string, unknown> = {};
      const theirs: Record<string, unknown> = {};
      for (const [column, values] of Object.entries(data.columns)) {
        const path = `${prefix(index)}${column}`;
        const truth = expected.objects[`/${path}`];
        if (values.kind === "images" && values.encoded(0) === null) {
          const hash = createHash("sha256");
          for (let frame = 0; frame < values.length; frame++) hash.update((await values.image(frame)).data);
          ours[path] = hash.digest("hex");
          theirs[path] = truth?.sha256;
        } else if (values.kind !== "images") {
          ours[path] = valueOf(values);
          theirs[path] = Array.from(arrays.get(key(path))?.values ?? [], Number);
        }
        compared++;
      }
      expect(ours).toEqual(theirs);
    }
    expect(compared).toBeGreaterThanOrEqual(5);
    await dataset.close();
  });

  it("knows robots, rates and sentences where the files say them", async () => {
    const robomimic = await openDataset(join(GOLDEN, "hdf5/robomimic.hdf5"));
    expect(robomimic).toMatchObject({ format: "hdf5-robomimic", robotType: "Panda", fps: 20, frameCount: 24 });
    await robomimic.close();
    const libero = await openDataset(join(GOLDEN, "hdf5/libero_pick_up_the_black_bowl_demo.hdf5"));
    expect(libero).toMatchObject({ format: "hdf5-libero", fps: 20, tasks: ["pick up the black bowl"] });
    await libero.close();
    const droid = await openDataset(join(GOLDEN, "hdf5/droid_trajectory.h5"));
    expect((await droid.episode(0)).extra).toMatchObject({ robot_serial_number: "panda-0" });
    await droid.close();
  });

  it("padded JPEG rows decode as Pillow decodes them", async () => {
    const dataset = await openDataset(join(GOLDEN, "hdf5/aloha_jpeg_episode_1.hdf5"));
    const { decodePng } = await import("../image/png.ts");
    const { readFileSync } = await import("node:fs");
    for (const camera of ["cam_high", "cam_left_wrist"]) {
      const { columns } = await dataset.read(0, { columns: [`observations/images/${camera}`], from: 2, to: 3 });
      const column = columns[`observations/images/${camera}`];
      const ours = column?.kind === "images" ? await column.image(0) : null;
      const jpeg = readFileSync(join(GOLDEN, `hdf5-expected/aloha_jpeg_${camera}_2.jpg`));
      expect(column?.kind === "images" && Buffer.compare(jpeg, column.encoded(0) as Uint8Array)).toBe(0);
      const png = readFileSync(join(GOLDEN, `hdf5-expected/aloha_jpeg_${camera}_2.png`));
      expect(ours?.data).toEqual(decodePng(png, "expected").data);
    }
    await dataset.close();
  });

  it("every kind of storage and number", async () => {
    const expected = readJson("hdf5-expected/storage_zoo.h5.json") as Expected;
    const arrays = readSafetensors("hdf5-expected/storage_zoo.h5.safetensors");
    const tree = await openTree(await createFolderStore(join(GOLDEN, "hdf5")).open("storage_zoo.h5"), "storage_zoo.h5");
    const ours: Record<string, unknown> = {};
    const theirs: Record<string, unknown> = {};
    const refused: string[] = [];
    for (const node of tree.arrays) {
      const truth = expected.objects[`/${node.path}`];
      const array = arrays.get(node.path) ?? arrays.get(`/${node.path}`);
      if (node.dtype === "json" || node.path.startsWith("links/")) continue;
      const rows = await node.rows(0, node.shape[0] ?? 0).catch((error: Error) => {
        refused.push(`${node.path}: ${error.message}`);
        return null;
      });
      if (rows === null) continue;
      ours[node.path] = node.dtype === "string" ? rows : Array.from(rows as ArrayLike<unknown>, Number);
      theirs[node.path] = node.dtype === "string" ? truth?.value : Array.from(array?.values ?? [], Number);
    }
    expect(ours).toEqual(theirs);
    expect(Object.keys(ours).length).toBeGreaterThan(25);
    expect(refused).toEqual([]);
    await tree.close();
  });

  it.each([
    ["truncated.hdf5", /is cut short: it has 92469 bytes and should have 154115/],
    ["bad_signature.hdf5", /is no HDF5 file: its signature is missing/],
    ["storage_zoo.h5", /no HDF5 layout that bidden knows .*chunked/],
  ])("%s is refused with a sentence", async (name, message) => {
    await expect(openDataset(join(GOLDEN, "hdf5", name))).rejects.toThrow(message);
  });
});
