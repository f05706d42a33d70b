import { createRng } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import { createSession } from "../index.node.ts";
import * as t from "../index.ts";

/** Attention of `rows` queries over remembered and own keys, heads of queries sharing a head of keys. */
function attend(rows: number | null, places: number | null): t.Graph {
  const graph = new t.Graph("attend");
  const n = rows ?? graph.anySize("rows");
  const m = places ?? graph.anySize("places");
  const x = graph.input("x", "float32", [1, n, 8]);
  const past = graph.input("past", "float32", [1, 2, m, 2]);
  const bias = graph.input("bias", "float32", [1, 1, n, m + n]);
  const [q, own] = [t.splitHeads(x, 4), t.splitHeads(t.slice(x, { axis: 2, end: 4 }), 2)];
  const flat = t.reshape(q, [1, 2, 2 * n, 2]);
  const scores = (k: t.Tensor): t.Tensor =>
    t.reshape(t.matmul(flat, k, { transposeB: true }), [1, 4, n, k.shape[2] as number]);
  const shares = t.softmax(t.add(t.concat([scores(past), scores(own)], -1), bias), -1);
  const parts = t.splitLike(shares, [past, own], 2, -1);
  const [a, b] = [past, own].map((v, i) => {
    const part = parts[i] as t.Tensor;
    return t.matmul(t.reshape(part, [1, 2, 2 * n, part.shape[3] as number]), v);
  }) as [t.Tensor, t.Tensor];
  graph.output("y", t.joinHeads(t.reshape(t.add(a, b), [1, 4, n, 2])));
  return graph;
}

function valuesOf(n: number, m: number): Record<string, t.TensorData> {
  const fill = (shape: number[], phase: number): t.TensorData => ({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: t.sizeOf(shape) }, (_, i) => Math.sin(i + phase)),
  });
  return { x: fill([1, n, 8], 1), past: fill([1, 2, m, 2], 2), bias: fill([1, 1, n, m + n], 3) };
}

describe("sizes that every run may choose", () => {
  test("one session gives for every size what a session of that size gives", async () => {
    const open = await createSession(t.onnxModel(attend(null, null)));
    expect(open.inputs.map(({ shape }) => shape)).toContainEqual([1, 2, -1, 2]);
    for (const [n, m] of [
      [1, 5],
      [7, 5],
      [3, 12],
    ] as const) {
      const fixed = await createSession(t.onnxModel(attend(n, m)));
      const [came, expected] = [await open.run(valuesOf(n, m)), await fixed.run(valuesOf(n, m))];
      expect(came.y?.shape).toEqual([1, n, 8]);
      expect([...(came.y?.data ?? [])]).toEqual([...(expected.y?.data ?? [])]);
      await fixed.close();
    }
    await open.close();
  });

  test("elements alone do where one size follows; a shape that does not fit is refused by name", async () => {
    const open = await createSession(t.onnxModel(attend(null, null)));
    const { x, past, bias } = valuesOf(3, 5) as Record<"x" | "past" | "bias", t.TensorData>;
    const whole = await open.run({ x, past, bias });
    expect(await open.run({ x: x.data, past: past.data, bias })).toEqual(whole);
    await expect(open.run({ x, past, bias: bias.data })).rejects.toThrow('"bias" wants [1, 1, any, any]; came [24]');
    const turned = { ...past, shape: [1, 5, 2, 2] };
    await expect(open.run({ x, past: turned, bias })).rejects.toThrow('"past" wants [1, 2, any, 2]; came [1, 5, 2, 2]');
    await expect(open.run({ x: x.data.slice(0, 12), past, bias })).rejects.toThrow('"x" wants [1, any, 8]; came [12]');
    await open.close();
  });

  test("a number that stands for a size never reaches another operator than a reshape", () => {
    const graph = new t.Graph("stretched");
    const n = graph.anySize("rows");
    graph.output("y", t.expand(graph.input("x", "float32", [1, 2]), [n, 2]));
    expect(() => t.onnxModel(graph)).toThrow(
      "Expand: expected sizes that are fixed, or one that follows from the others",
    );
  });

  test("two sizes that would have to follow are refused by their names", () => {
    const graph = new t.Graph("ambiguous");
    const [n, m] = [graph.anySize("rows"), graph.anySize("places")];
    const x = graph.input("x", "float32", [n, m, 2]);
    graph.output("y", t.reshape(x, [2, n, m]));
    expect(() => t.onnxModel(graph)).toThrow("came [rows, places, 2] to [2, rows, places]");
  });

  test("parts cut like other tensors have their gradient", async () => {
    const graph = new t.Graph("cut");
    const x = graph.parameter("x", [2, 5], { kind: "values", values: Float32Array.from({ length: 10 }, (_, i) => i) });
    const like = [2, 3].map((n) => graph.constant(new Float32Array(n), "float32", [n]));
    const [a, b] = t.splitLike(x, like, 0, 1) as [t.Tensor, t.Tensor];
    const loss = t.add(t.sum(a), t.mul(t.sum(b), 3));
    const [gradient] = t.gradients(loss, [x]);
    graph.output("g", gradient as t.Tensor);
    const session = await createSession(t.onnxModel(graph, { parameters: t.initParameters(graph, createRng(1)) }));
    expect([...((await session.run({})).g?.data ?? [])]).toEqual([1, 1, 3, 3, 3, 1, 1, 3, 3, 3]);
    await session.close();
  });
});
