import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { lintLeRobot } from "../lint/lint.ts";
import { openDataset } from "../open.node.ts";
import { signDataset, verifyDataset } from "../provenance/manifest.node.ts";
import { keepEpisodes, mergeDatasets, retaskDataset, trimDataset } from "./edit.node.ts";

const base = fs.mkdtempSync(join(tmpdir(), "bidden-edit-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
const SOURCE = join(GOLDEN, "lerobot/arm-images");
const sign = (path: string, parents: string[] = []) =>
  signDataset(path, { keyPath: join(base, "keys/me.pem"), collectedBy: "alice", tool: "test", parents });

/** Numbers and picture bytes of an episode. */
async function content(path: string, episode: number): Promise<unknown> {
  const dataset = await openDataset(path);
  const { columns, tasks } = await dataset.read(episode, {
    columns: ["observation.state", "action", "observation.images.front", "timestamp"],
  });
  const out = Object.entries(columns).map(([name, column]) =>
    column.kind === "images"
      ? [
          name,
          ...Array.from({ length: column.length }, (_, i) =>
            Buffer.from(column.encoded(i) ?? new Uint8Array(0)).toString("base64"),
          ),
        ]
      : [name, ...Array.from((column as { values: ArrayLike<unknown> }).values, Number)],
  );
  await dataset.close();
  return [out, tasks];
}

describe("editing and proving", () => {
  it("deletes, splits and merges without touching what stays", async () => {
    const [kept, rest, merged] = [join(base, "kept"), join(base, "rest"), join(base, "merged")];
    expect(await keepEpisodes(SOURCE, kept, (episode) => episode !== 1)).toBe(3);
    expect(await keepEpisodes(SOURCE, rest, (episode) => episode === 1)).toBe(1);
    expect(await mergeDatasets([kept, rest], merged)).toBe(4);
    for (const [now, before] of [
      [0, 0],
      [1, 2],
      [2, 3],
      [3, 1],
    ] as const) {
      expect(await content(merged, now)).toEqual(await content(SOURCE, before));
    }
    expect((await lintLeRobot(createFolderStore(merged))).map((finding) => finding.rule)).toEqual([]);
    await expect(mergeDatasets([kept, join(GOLDEN, "lerobot/odd-features")], join(base, "no"))).rejects.toThrow(
      /does not fit .*30|10 frames/,
    );
    await expect(keepEpisodes(SOURCE, kept, () => true)).rejects.toThrow(/is not empty: choose a new folder/);
  });

  it("changes sentences, and trims", async () => {
    const [told, short] = [join(base, "told"), join(base, "short")];
    await retaskDataset(SOURCE, told, (task) => task.replace("red", "blue"));
    const dataset = await openDataset(told);
    expect(dataset.tasks).toContain("pick up the blue block");
    await dataset.close();
    await trimDataset(SOURCE, short, (_, length) => [1, length - 1]);
    const trimmed = await openDataset(short);
    expect(trimmed.frameCount).toBe(30 - 8);
    const { columns } = await trimmed.read(0, { columns: ["frame_index"] });
    expect(columns["frame_index"]).toMatchObject({ values: BigInt64Array.of(0n, 1n) });
    await trimmed.close();
  });

  it("signs; finds what was changed; leaves survive being stored otherwise", async () => {
    const [a, b] = [join(base, "signed"), join(base, "resharded")];
    await keepEpisodes(SOURCE, a, () => true);
    const manifest = await sign(a);
    expect((await verifyDataset(a)).problems).toEqual([]);
    expect((await verifyDataset(a, manifest.publicKey)).problems).toEqual([]);
    expect((await verifyDataset(a, "b3RoZXI=")).problems).toEqual([expect.stringMatching(/another key/)]);
    // Two halves, merged in another run: other files, the same leaves.
    await keepEpisodes(a, join(base, "half1"), (episode) => episode < 2);
    await keepEpisodes(a, join(base, "half2"), (episode) => episode >= 2);
    await mergeDatasets([join(base, "half1"), join(base, "half2")], b);
    const again = await sign(b, [manifest.statement.root]);
    expect(again.statement.leaves).toEqual(manifest.statement.leaves);
    expect(again.statement.root).toBe(manifest.statement.root);
    // The last episode is exchanged for another one; the manifest stays.
    const [three, other, forged] = [join(base, "three"), join(base, "other"), join(base, "forged")];
    await keepEpisodes(a, three, (episode) => episode < 3);
    await keepEpisodes(a, other, (episode) => episode === 1);
    await mergeDatasets([three, other], forged);
    for (const folder of ["data", "meta/episodes"]) {
      fs.rmSync(join(a, folder), { recursive: true });
      fs.cpSync(join(forged, folder), join(a, folder), { recursive: true });
    }
    expect((await verifyDataset(a)).problems).toEqual(["episode 3 is not as it was signed"]);
    const path = join(a, "meta/bidden/manifest.json");
    fs.writeFileSync(path, fs.readFileSync(path, "utf8").replace("alice", "mallo"));
    expect((await verifyDataset(a)).problems[0]).toMatch(/signature does not belong/);
    expect(fs.statSync(join(base, "keys/me.pem")).mode & 0o077).toBe(0);
  });

  it("signs videos by their packets", async () => {
    const source = join(GOLDEN, "lerobot/arm-h264-deleted");
    const [whole, other] = [join(base, "video"), join(base, "video-turned")];
    await keepEpisodes(source, whole, () => true);
    await keepEpisodes(source, join(base, "video-1"), (episode) => episode === 1);
    await keepEpisodes(source, join(base, "video-0"), (episode) => episode === 0);
    await mergeDatasets([join(base, "video-1"), join(base, "video-0")], other);
    const [a, b] = [(await sign(whole)).statement.leaves, (await sign(other)).statement.leaves];
    expect(b).toEqual([a[1], a[0]]);
    const file = join(other, "videos/observation.images.front/chunk-000/file-000.mp4");
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 9] = (bytes[bytes.length - 9] as number) ^ 1;
    fs.writeFileSync(file, bytes);
    expect((await verifyDataset(other)).problems).toEqual(["episode 1 is not as it was signed"]);
  });
});
