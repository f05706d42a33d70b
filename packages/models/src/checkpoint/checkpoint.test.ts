import { createRng } from "@bidden/runtime";
import { Graph, linear, type TensorData, writeSafetensors } from "@bidden/tensor";
import * as fc from "fast-check";
import { mkdtempSync, openSync, closeSync, ftruncateSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openCheckpoint } from "./checkpoint.ts";
import { bfloat16Bits } from "./floats.ts";
import { nodeEngine, openCheckpointAt } from "./load.node.ts";
import { openVariant } from "./overlay.ts";
import { memorySource } from "./source.ts";
import { bindWeights } from "./weights.ts";
import { wordRows } from "./words.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const json = (value: unknown): Uint8Array => text(JSON.stringify(value));

function floats(shape: readonly number[], seed = 1): TensorData {
  const rng = createRng(seed);
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal());
  return { dtype: "float32", shape, data };
}

function file(tensors: Readonly<Record<string, TensorData>>): Uint8Array {
  return writeSafetensors(new Map(Object.entries(tensors)));
}

const source = (files: Readonly<Record<string, Uint8Array>>): ReturnType<typeof memorySource> =>
  memorySource(new Map(Object.entries(files)), "made");

const weight = floats([3, 4]);
const bias = floats([3], 2);

describe("checkpoints", () => {
  test("one file, its configuration, and rows without the rest", async () => {
    const checkpoint = await openCheckpoint(
      source({ "config.json": json({ type: "made" }), "model.safetensors": file({ weight, bias }) }),
    );
    expect(checkpoint.config.text("type")).toBe("made");
    expect(await checkpoint.float("weight", [3, 4])).toEqual(weight.data);
    expect(await checkpoint.rows("weight", [2, 0, 2])).toEqual(
      Float32Array.of(...[8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11].map((i) => weight.data[i] as number)),
    );
    await expect(checkpoint.float("weight", [4, 3])).rejects.toThrow("expected shape [4, 3]; came [3, 4] (swapped)");
    await expect(checkpoint.rows("weight", [3])).rejects.toThrow("rows 0 to 2; asked for 3");
  });

  test("word matrices of another width, and ids of another model's tokenizer, are refused", async () => {
    const checkpoint = await openCheckpoint(source({ "model.safetensors": file({ weight }) }));
    expect(await wordRows(checkpoint, "weight", 4)([1])).toEqual(weight.data.slice(4, 8));
    expect(() => wordRows(checkpoint, "weight", 3)).toThrow('tensor "weight": expected shape [3, 3]; came [3, 4]');
    expect(() => wordRows(checkpoint, "weight", 4)([0, 3])).toThrow("expected a tokenizer of ids below 3");
  });

  test("half precisions are widened exactly", async () => {
    const values = [1, -2.5, 0, 65_280, 2 ** -130, Number.POSITIVE_INFINITY];
    const half = Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x7bff, 0x7c00, 0x8000);
    const checkpoint = await openCheckpoint(
      source({
        "model.safetensors": file({
          b: { dtype: "bfloat16", shape: [6], data: Uint16Array.from(values, bfloat16Bits) },
          h: { dtype: "float16", shape: [6], data: half },
          i: { dtype: "int8", shape: [2], data: Int8Array.of(-128, 7) },
        }),
      }),
    );
    expect([...(await checkpoint.float("b"))]).toEqual(values.map(Math.fround));
    expect([...(await checkpoint.float("h"))]).toEqual([1, -2.5, 2 ** -24, 65_504, Infinity, -0]);
    expect([...(await checkpoint.float("i"))]).toEqual([-128, 7]);
  });

  const index = (map: Readonly<Record<string, string>>): Uint8Array => json({ weight_map: map });
  const shards = {
    "model-00001-of-00002.safetensors": file({ weight }),
    "model-00002-of-00002.safetensors": file({ bias }),
  };
  const [first, second] = Object.keys(shards) as [string, string];

  test("shards are one checkpoint", async () => {
    const whole = index({ weight: first, bias: second });
    const checkpoint = await openCheckpoint(source({ ...shards, "model.safetensors.index.json": whole }));
    expect([...checkpoint.tensors.keys()]).toEqual(["weight", "bias"]);
    expect(await checkpoint.float("bias")).toEqual(bias.data);
  });

  test.each([
    [
      "a shard that is missing",
      { [first]: shards[first as keyof typeof shards] },
      { weight: first, bias: second },
      "missing: model-00002",
    ],
    ["an index that lies", shards, { weight: second, bias: first }, "not in the shard: weight; not in the index: bias"],
    ["a shard outside of the folder", shards, { weight: "../x.safetensors" }, "expected the name of a shard"],
  ])("refuses %s", async (_, files, map, message) => {
    const opened = openCheckpoint(source({ ...(files as typeof shards), "model.safetensors.index.json": index(map) }));
    await expect(opened).rejects.toThrow(message);
  });

  test("shards without an index, and an index that is none", async () => {
    await expect(openCheckpoint(source(shards))).rejects.toThrow("expected model.safetensors.index.json");
    const broken = source({ ...shards, "model.safetensors.index.json": json({ weight_map: [] }) });
    await expect(openCheckpoint(broken)).rejects.toThrow('expected an object "weight_map"');
  });

  test("numbers that JSON does not know become nothing", async () => {
    const checkpoint = await openCheckpoint(source({ "config.json": text('{"a": NaN, "b": [-Infinity, 1]}') }));
    expect(checkpoint.config.has("a")).toBe(false);
    expect(() => checkpoint.config.number("a")).toThrow('config.json, field "a": expected a number; came nothing');
    await expect(openCheckpoint(source({ "config.json": text("{nonsense") }))).rejects.toThrow(
      "config.json is not JSON: ",
    );
  });

  test("a refused checkpoint leaves no file open", async () => {
    let closed = 0;
    const broken = { ...source({ "model.safetensors": text("short") }), close: () => Promise.resolve(void closed++) };
    await expect(openCheckpoint(broken)).rejects.toThrow("model.safetensors: expected at least 8 bytes; came 5");
    expect(closed).toBe(1);
  });

  test("14 GB are opened by their header", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "bidden-sparse-")), "model.safetensors");
    const entries: Record<string, unknown> = {};
    const bytes = 14_000_000_000;
    for (let i = 0; i < 700; i++) {
      entries[`layers.${i}.weight`] = { dtype: "F32", shape: [5_000_000], data_offsets: [i * 2e7, (i + 1) * 2e7] };
    }
    const header = json(entries);
    const start = new Uint8Array(8);
    new DataView(start.buffer).setBigUint64(0, BigInt(header.length), true);
    const handle = openSync(path, "w");
    writeSync(handle, start);
    writeSync(handle, header);
    ftruncateSync(handle, 8 + header.length + bytes);
    closeSync(handle);
    const checkpoint = await openCheckpointAt(path);
    expect(checkpoint.tensors.size).toBe(700);
    expect(await checkpoint.rows("layers.699.weight", [4_999_999])).toEqual(Float32Array.of(0));
    await checkpoint.close();
  });

  test("any broken header is refused in words", async () => {
    const whole = file({ weight, bias });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
        fc.nat(whole.length),
        async (changes, length) => {
          const broken = whole.slice(0, Math.max(0, length));
          for (const [at, mask] of changes) if (at < broken.length) broken[at] = (broken[at] as number) ^ mask;
          const outcome = await openCheckpoint(source({ "model.safetensors": broken })).then(
            () => "opened",
            (error: Error) => error.name,
          );
          expect(["opened", "BiddenError"]).toContain(outcome);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("weights", () => {
  const made = (): Graph => {
    const graph = new Graph("layer");
    const x = graph.input("x", "float32", [1, 4]);
    const w = graph.parameter("weight", [3, 4], { kind: "zeros" });
    const b = graph.parameter("bias", [3], { kind: "zeros" });
    graph.output("y", linear(x, w, b, { transposed: true }));
    return graph;
  };
  const opened = (tensors: Readonly<Record<string, TensorData>>): ReturnType<typeof openCheckpoint> =>
    openCheckpoint(source({ "model.safetensors": file(tensors) }));

  test("a graph computes with the file's values", async () => {
    const graph = made();
    const session = await bindWeights(await opened({ weight, bias }), [graph]).open(graph, nodeEngine({ threads: 1 }));
    const { y } = await session.run({ x: Float32Array.of(1, 0, 0, 0) });
    const expected = [0, 1, 2].map((i) => Math.fround((weight.data[i * 4] as number) + (bias.data[i] as number)));
    expect([...(y as TensorData).data]).toEqual(expected.map((value) => expect.closeTo(value, 6)));
    await session.close();
  });

  test("what is missing, unknown or of another shape is listed at once", async () => {
    const checkpoint = await opened({ weight: floats([4, 3]), stranger: bias });
    expect(() => bindWeights(checkpoint, [made()])).toThrow(
      /missing tensors: bias; tensors of unknown name: stranger; .*expected shape \[3, 4\]; came \[4, 3\] \(swapped\)/,
    );
  });

  test("whole numbers in the place of weights are refused", async () => {
    const checkpoint = await opened({ weight: { dtype: "int8", shape: [3, 4], data: new Int8Array(12) }, bias });
    expect(() => bindWeights(checkpoint, [made()])).toThrow(
      'model.safetensors, tensor "weight": expected float32, or another float type; came int8',
    );
  });

  test("known leftovers are allowed, names are mapped, values are computed", async () => {
    const checkpoint = await opened({ "model.weight": weight, "model.bias": bias, "normalize_inputs.mean": bias });
    const graph = made();
    const weights = bindWeights(checkpoint, [graph], {
      source: (name) =>
        name === "weight"
          ? "model.weight"
          : { id: "double", from: ["model.bias"], compute: ([b]) => (b as Float32Array).map((value) => 2 * value) },
      unused: [/^normalize_/],
    });
    expect((await weights.value("bias")).data).toEqual((bias.data as Float32Array).map((value) => 2 * value));
  });
});

test("a variant takes what it lacks from its base, and its own weights instead of the base's", async () => {
  const base = source({
    "config.json": json({ type: "made" }),
    "golden.json": json({}),
    "policy_preprocessor.json": json({}),
    "model.safetensors": file({ weight }),
  });
  const own = await openVariant(source({ "model.safetensors": file({ bias }) }), base);
  expect([...own.tensors.keys()]).toEqual(["bias"]);
  expect(own.config.text("type")).toBe("made");
  expect(own.has("golden.json")).toBe(false);
  const buffers = { "normalize_inputs.buffer_observation_state.mean": bias };
  const added = await openVariant(source({ "model.safetensors": file(buffers) }), base);
  expect([...added.tensors.keys()].sort()).toEqual([...Object.keys(buffers), "weight"]);
  expect(await added.float("weight")).toEqual(weight.data);
  expect(added.has("policy_preprocessor.json")).toBe(false);
});
