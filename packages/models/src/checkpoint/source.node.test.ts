import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Graph, type TensorData, writeSafetensors } from "@bidden/tensor";
import { expect, test } from "vitest";
import { nodeEngine, openCheckpointAt } from "./load.node.ts";
import { folderSource } from "./source.node.ts";
import { bindWeights } from "./weights.ts";

/** 64 KB: large enough to be mapped, not copied. */
const SHAPE = [64, 256] as const;

test("weights that are links, as in the hub's cache, are mapped where they lie", async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bidden-test-")));
  try {
    const snapshot = join(root, "models--a--b", "snapshots", "main");
    const blobs = join(root, "models--a--b", "blobs");
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(blobs);
    const data = Float32Array.from({ length: SHAPE[0] * SHAPE[1] }, (_, i) => i % 7);
    const tensors = new Map<string, TensorData>([["w", { dtype: "float32", shape: SHAPE, data }]]);
    writeFileSync(join(blobs, "0123"), writeSafetensors(tensors));
    writeFileSync(join(blobs, "4567"), "{}");
    symlinkSync("../../blobs/0123", join(snapshot, "model.safetensors"));
    symlinkSync("../../blobs/4567", join(snapshot, "config.json"));
    const source = folderSource(snapshot);
    expect([source.locate(""), source.locate("model.safetensors")]).toEqual([
      join(root, "models--a--b"),
      join(blobs, "0123"),
    ]);
    const graph = new Graph("read");
    graph.output("y", graph.parameter("w", SHAPE, { kind: "zeros" }));
    const checkpoint = await openCheckpointAt(snapshot);
    const session = await bindWeights(checkpoint, [graph]).open(graph, nodeEngine({ threads: 1 }));
    expect((await session.run({})).y?.data).toEqual(data);
    await Promise.all([session.close(), checkpoint.close(), source.close()]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a file of another disk does not make that disk the checkpoint's folder", () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "bidden-test-")));
  try {
    const folder = join(root, "a", "b", "c", "d", "e");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(root, "weights"), "");
    symlinkSync(join(root, "weights"), join(folder, "model.safetensors"));
    expect(folderSource(folder).locate("")).toBe(folder);
  } finally {
    rmSync(root, { recursive: true });
  }
});
