import { createHash } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GOLDEN } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { catEpisode } from "./cat.ts";
import { describeDataset, sayReport } from "./describe.ts";
import { hashSink, sizeOnDisk } from "./sinks.node.ts";

async function steps(name: string, episode: number, options = {}): Promise<Record<string, unknown>[]> {
  const dataset = await openDataset(join(GOLDEN, "lerobot", name));
  const out: Record<string, unknown>[] = [];
  for await (const step of catEpisode(dataset, episode, hashSink, options)) out.push(step);
  await dataset.close();
  return out;
}

describe("bidden data info and cat", () => {
  it("describes a dataset", async () => {
    const path = join(GOLDEN, "lerobot/arm-images");
    const dataset = await openDataset(path);
    const report = await describeDataset(dataset, await sizeOnDisk(path));
    expect(report).toMatchObject({
      robotType: "synthetic_arm",
      fps: 30,
      episodes: 4,
      frames: 30,
      length: { min: 4, max: 12 },
    });
    expect(report.cameras).toContainEqual({
      name: "observation.images.wrist",
      width: 128,
      height: 96,
      encoding: "png",
    });
    expect(report.bytes).toBeGreaterThan(900_000);
    expect(sayReport(report)).toContain("4, 4 to 12 frames");
    await dataset.close();
  });

  it("prints each column under its own name, arrays nested, pictures hashed", async () => {
    const [step] = await steps("odd-features", 1, { from: 1, to: 2 });
    expect(step).toMatchObject({ episode: 1, frame: 1, count: 1099511627777, note: expect.any(String) });
    expect(step?.["cube"]).toHaveLength(2);
    expect(step).toHaveProperty("cube.1.1.length", 3);
    expect(step?.["flags"]).toEqual([expect.any(Boolean), expect.any(Boolean), expect.any(Boolean)]);
    const dataset = await openDataset(join(GOLDEN, "lerobot/arm-images"));
    const column = (await dataset.read(0)).columns["observation.images.front"];
    const pixels = column?.kind === "images" ? (await column.image(0)).data : new Uint8Array(0);
    const [first] = await steps("arm-images", 0);
    const sha256 = createHash("sha256").update(pixels).digest("hex");
    expect(first?.["observation.images.front"]).toEqual({ sha256, width: 96, height: 96 });
    await dataset.close();
  });

  it("keeps what JSON cannot say", async () => {
    const values = new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, -0.5]);
    const { plain } = await import("./cat.ts");
    expect(plain(values)).toEqual(["nan", "inf", -0.5]);
    expect(plain(2n ** 60n)).toBe("1152921504606846976");
  });
});
