import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Graph, linear, type Shape, type TensorData, writeSafetensors } from "@bidden/tensor";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { int4Form, quantisedSource } from "../blocks/quantised.ts";
import type { Engine } from "./engine.ts";
import { keptBeside } from "./kept.node.ts";
import { nodeEngine, openCheckpointAt } from "./load.node.ts";
import { bindWeights } from "./weights.ts";

const folder = mkdtempSync(join(tmpdir(), "bidden-kept-"));
const kept = (): string[] => readdirSync(join(folder, ".bidden")).sort();
const engine: Engine = { ...nodeEngine({ threads: 1 }), kept: keptBeside(0) };
afterAll(() => rmSync(folder, { recursive: true }));

function write(scale: number): void {
  const data = Uint16Array.from({ length: 256 * 128 }, (_, i) => 0x3f80 + ((i * 7 * scale) % 100));
  const w: TensorData = { dtype: "bfloat16", shape: [256, 128], data };
  writeFileSync(join(folder, "model.safetensors"), writeSafetensors(new Map([["w", w]])));
}

async function run(): Promise<Float32Array> {
  const graph = new Graph("kept");
  const x = graph.input("x", "float32", [1, 128]);
  graph.output("wide", linear(x, graph.parameter("w", [256, 128], { kind: "zeros" }), null, { transposed: true }));
  graph.output("narrow", int4Form(graph, "w", x, 256, null));
  const checkpoint = await openCheckpointAt(folder);
  const source = (parameter: string, shape: Shape) => quantisedSource(parameter, (name) => name, shape) ?? parameter;
  const session = await bindWeights(checkpoint, [graph], { source }).open(graph, engine, { prepack: true });
  const out = await session.run({ x: new Float32Array(128).fill(0.5) });
  await session.close();
  await checkpoint.close();
  const [wide, narrow] = [out.wide?.data as Float32Array, out.narrow?.data as Float32Array];
  wide.forEach((value, i) => expect(Math.abs(value - (narrow[i] as number)) / Math.abs(value)).toBeLessThan(0.1));
  return wide;
}

describe("converted weights", () => {
  beforeEach(() => rmSync(join(folder, ".bidden"), { recursive: true, force: true }));

  test("are written once, and mapped again", async () => {
    write(1);
    const first = await run();
    const files = kept();
    // Widened, four bits, and the scales: few bytes, but made of the whole matrix.
    expect(files.length).toBe(3);
    const times = files.map((file) => statSync(join(folder, ".bidden", file)).mtimeMs);
    expect([...(await run())]).toEqual([...first]);
    expect(kept().map((file) => statSync(join(folder, ".bidden", file)).mtimeMs)).toEqual(times);
  });

  test("are made again where the weights are others, or a file is cut off", async () => {
    write(1);
    const first = await run();
    for (const file of kept()) {
      writeFileSync(join(folder, ".bidden", file), new Uint8Array(5));
      expect([...(await run())]).toEqual([...first]);
    }
    write(3);
    expect([...(await run())]).not.toEqual([...first]);
  });

  test("stay in memory where nothing can be written", async () => {
    const values = keptBeside(0);
    const locked = mkdtempSync(join(folder, "locked-"));
    chmodSync(locked, 0o500);
    // An administrator may write anywhere.
    const place = await values.file(locked, "key", 3, () => Promise.resolve(new Uint8Array(3)));
    expect(place === null || process.getuid?.() === 0).toBe(true);
    chmodSync(locked, 0o700);
  });
});
