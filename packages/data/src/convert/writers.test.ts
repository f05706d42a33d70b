import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import type { Column, Dataset } from "../dataset/types.ts";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { openRlds } from "../rlds/reader.ts";
import { writeRlds } from "../rlds/writer.ts";
import { convertToLeRobot, convertToV21 } from "./convert.node.ts";

const base = fs.mkdtempSync(join(tmpdir(), "bidden-writers-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
const deflate = (bytes: Uint8Array): Uint8Array => deflateSync(bytes);

function bytesOf(column: Column | undefined): unknown {
  if (column?.kind === "numbers")
    return [
      column.dtype,
      ...column.shape,
      Buffer.from(new Uint8Array(column.values.slice().buffer)).toString("base64"),
    ];
  if (column?.kind !== "images") return column?.values;
  return Array.from({ length: column.length }, (_, i) =>
    Buffer.from(column.encoded(i) ?? new Uint8Array(0)).toString("base64"),
  );
}

/** Every column of `b` that `a` has under the name that `name` gives, byte for byte. */
async function expectSame(a: Dataset, b: Dataset, name: (column: string) => string): Promise<number> {
  let compared = 0;
  expect(b.episodeCount).toBe(a.episodeCount);
  for (let index = 0; index < a.episodeCount; index++) {
    const [x, y] = [await a.read(index), await b.read(index)];
    expect(y.tasks).toEqual(x.tasks);
    for (const [column, values] of Object.entries(x.columns)) {
      if (y.columns[name(column)] === undefined) continue;
      expect(bytesOf(y.columns[name(column)])).toEqual(bytesOf(values));
      compared++;
    }
  }
  await a.close();
  await b.close();
  return compared;
}

describe("writers", () => {
  it("RLDS to v3 to RLDS: arrays and pictures are equal to the byte", async () => {
    const source = join(GOLDEN, "rlds/libero_spatial_no_noops");
    const [v3, back] = [join(base, "v3"), join(base, "back")];
    await convertToLeRobot(source, v3, { fps: 20 });
    const dataset = await openDataset(v3);
    expect(
      await writeRlds(dataset, createFolderStore(back), { name: "libero_again", deflate, shardBytes: 60_000 }),
    ).toBeGreaterThan(5);
    await dataset.close();
    expect(fs.readdirSync(back).filter((file) => file.includes("tfrecord")).length).toBeGreaterThan(1);
    const compared = await expectSame(await openDataset(source), await openRlds(createFolderStore(back)), (column) =>
      column.replace("observation/images/", "observation/"),
    );
    expect(compared).toBeGreaterThan(60);
  });

  it("v3 to v2.1 to v3: arrays and pictures are equal to the byte", async () => {
    const source = join(GOLDEN, "lerobot/arm-images");
    const [v21, v3] = [join(base, "v21"), join(base, "v3-again")];
    expect(await convertToV21(source, v21)).toMatchObject({ episodes: 4 });
    expect((await openDataset(v21)).format).toBe("lerobot-v2.1");
    await convertToLeRobot(v21, v3);
    expect(await expectSame(await openDataset(source), await openDataset(v3), (column) => column)).toBeGreaterThan(40);
  });

  it("float64 survives RLDS, and names that tfds would not take are refused", async () => {
    const [source, to] = [join(GOLDEN, "hdf5/droid_trajectory.h5"), join(base, "droid")];
    const dataset = await openDataset(source);
    await expect(writeRlds(dataset, createFolderStore(to), { name: "Droid!", deflate })).rejects.toThrow(/lower-case/);
    await writeRlds(dataset, createFolderStore(to), { name: "droid_one", deflate });
    await dataset.close();
    expect(await expectSame(await openDataset(source), await openDataset(to), (column) => column)).toBeGreaterThan(8);
  });
});
