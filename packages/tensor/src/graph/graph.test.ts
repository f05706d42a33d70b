import { BiddenError, createRng } from "@bidden/runtime";
import { describe, expect, test } from "vitest";
import * as t from "../index.ts";
import { createSession } from "../index.node.ts";

function shapesOf(...shapes: readonly (readonly number[])[]): t.Tensor[] {
  const graph = new t.Graph("shapes");
  return shapes.map((shape, i) => graph.input(`x${i}`, "float32", shape));
}

describe("shapes that do not fit are refused where the graph is built, by operation and shapes", () => {
  const [x, y, v, image] = shapesOf([2, 3], [4, 5], [3], [1, 4, 6, 6]) as [t.Tensor, t.Tensor, t.Tensor, t.Tensor];
  test.each<readonly [string, () => unknown, string]>([
    ["add", () => t.add(x, y), "add: expected shapes that are equal or 1"],
    ["matmul", () => t.matmul(x, y), "matmul: expected [..., m, k] and [..., k, n]; came [2, 3] and [4, 5]."],
    ["linear", () => t.linear(x, y), "linear: expected x [..., in] and w [in, out]; came [2, 3] and [4, 5]."],
    ["bias", () => t.linear(y, t.transpose(y), v), "linear: expected a bias [4] for w; came [5, 4] and [3]."],
    ["reshape", () => t.reshape(x, [4, -1]), "reshape: expected a target of 6 elements; came [2, 3] and [4, -1]."],
    ["transpose", () => t.transpose(x, [0, 0]), "transpose: expected every axis once, not [0, 0]; came [2, 3]."],
    ["axis", () => t.softmax(x, 2), "softmax: expected an axis in [-2, 2), not 2; came [2, 3]."],
    ["concat", () => t.concat([x, y], 0), "concat: expected the same shape except in axis 0; came [2, 3] and [4, 5]."],
    ["slice", () => t.slice(x, { axis: 1, start: 3 }), "slice: expected a range that is not empty in axis 1"],
    ["split", () => t.split(x, [1, 1], 1), "split: expected lengths that add up to axis 1, not [1, 1]; came [2, 3]."],
    ["expand", () => t.expand(x, [2, 4]), "expand: expected shapes that are equal or 1"],
    ["layerNorm", () => t.layerNorm(y, v), "layerNorm: expected a scale of x's last dimensions; came [4, 5] and [3]."],
    ["conv", () => t.conv(image, x), "conv: expected x [n, in, ...places] and w [out, in/1, ...kernel]"],
    ["maxPool", () => t.maxPool(x, 2), "maxPool: expected [n, channels, ...places]; came [2, 3]."],
    [
      "attention",
      () => t.attention(image, image, x),
      "attention: expected q [b, h, n, d], k [b, h', m, d] and v [b, h', m, e]",
    ],
    ["einsum", () => t.einsum("ij,jk->ik", x, y), 'einsum "ij,jk->ik": expected one length for "j", not [3, 4]'],
    ["loss", () => t.meanSquaredError(x, y), "meanSquaredError: expected prediction and target of one shape"],
    ["gradients", () => t.gradients(x, [x]), "gradients: expected a loss of one element, or a seed"],
    ["types", () => t.add(x, t.cast(x, "int64")), "add: expected operands of one type; came float32 and int64"],
    ["indices", () => t.gather(x, x), "gather: expected indices of int64 or int32; came float32"],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(BiddenError);
    expect(build).toThrow(message);
    expect(build).toThrow(expect.objectContaining({ code: "bad-shape" }));
  });
});

describe("graphs", () => {
  test("names are given once, and tensors stay in their graph", () => {
    const graph = new t.Graph("one");
    const x = graph.input("x", "float32", [2]);
    expect(() => graph.parameter("x", [2], { kind: "zeros" })).toThrow('"x" is empty, taken or begins with #');
    const [foreign] = shapesOf([2]) as [t.Tensor];
    expect(() => t.add(x, foreign)).toThrow('Add: expected tensors of graph "one"; "x0" belongs to graph "shapes"');
    graph.output("y", x);
    expect(() => graph.output("y", x)).toThrow('two outputs "y"');
    expect(() => t.onnxModel(graph, { outputs: ["z"] })).toThrow('no output "z"; it has y');
  });

  test("equal operations are made once", () => {
    const [x, y] = shapesOf([2, 3], [2, 3]) as [t.Tensor, t.Tensor];
    expect(t.add(x, y)).toBe(t.add(x, y));
    expect(t.add(x, y)).not.toBe(t.add(y, x));
    expect(t.mul(x, 2)).toBe(t.mul(x, 2));
  });

  test("parameters draw from their own generators: one more changes no other", () => {
    const build = (names: readonly string[]): Map<string, t.TensorData> => {
      const graph = new t.Graph("init");
      for (const name of names) graph.parameter(name, [4, 4], { kind: "normal", std: 1 });
      return t.initParameters(graph, createRng(7));
    };
    expect(build(["a", "b", "c"]).get("c")).toEqual(build(["c"]).get("c"));
    expect(build(["a", "b"]).get("a")).not.toEqual(build(["a", "b"]).get("b"));
  });

  test("an output may be an input, a parameter or the same value twice", async () => {
    const graph = new t.Graph("same");
    const x = graph.input("x", "float32", [2]);
    const double = t.mul(x, 2);
    graph.output("again", x);
    graph.output("one", double);
    graph.output("two", double);
    const session = await createSession(t.onnxModel(graph), { threads: 1 });
    const out = await session.run({ x: new Float32Array([1, 2]) }, ["again", "two", "one"]);
    expect(Object.fromEntries(Object.entries(out).map(([name, { data }]) => [name, [...data]]))).toEqual({
      again: [1, 2],
      one: [2, 4],
      two: [2, 4],
    });
    await session.close();
  });

  test("an operation without a gradient says so", () => {
    const [x] = shapesOf([2, 3]) as [t.Tensor];
    expect(() => t.gradients(t.sum(t.fmod(x, x)), [x])).toThrow("gradients: Mod has no gradient");
  });

  test("a value that the loss does not depend on has a gradient of zeros", async () => {
    const graph = new t.Graph("zeros");
    const [x, y] = [graph.input("x", "float32", [2]), graph.input("y", "float32", [2])];
    t.gradients(t.sum(t.square(x)), [x, y]).forEach((g, i) => graph.output(`g${i}`, g));
    const session = await createSession(t.onnxModel(graph), { threads: 1 });
    const { g0, g1 } = await session.run({ x: new Float32Array([3, 4]) });
    expect([...(g0?.data ?? [])]).toEqual([6, 8]);
    expect([...(g1?.data ?? [])]).toEqual([0, 0]);
    await session.close();
  });
});
