import { createRng } from "@bidden/runtime";
import { Graph, initParameters, onnxModel } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { describe, expect, it } from "vitest";
import { crossLayer } from "./layers.ts";

const WIDTH = 8;
const HEADS = 2;

type Rows = readonly (readonly number[])[];

/** One cross layer as written in the papers, in double precision. */
function reference(x: Rows, memory: Rows, mask: readonly number[], of: (name: string) => Rows): number[][] {
  const times = (rows: Rows, weight: Rows): number[][] =>
    rows.map((row) => weight[0]!.map((_, c) => row.reduce((sum, value, k) => sum + value * weight[k]![c]!, 0)));
  const plus = (rows: Rows, other: Rows): number[][] =>
    rows.map((row, r) => row.map((value, c) => value + (other[r] ?? other[0]!)[c]!));
  const dense = (rows: Rows, name: string): number[][] => plus(times(rows, of(`${name}.weight`)), of(`${name}.bias`));
  const norm = (rows: Rows): number[][] =>
    rows.map((row) => {
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / row.length;
      return row.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
    });
  const q = dense(norm(x), "l.query");
  const both = dense(memory, "l.memory");
  const d = WIDTH / HEADS;
  const mixed = q.map((row) => {
    const out: number[] = [];
    for (let head = 0; head < HEADS; head++) {
      const columns = Array.from({ length: d }, (_, i) => head * d + i);
      const scores = both.map(
        (key, t) => columns.reduce((sum, c) => sum + row[c]! * key[c]!, 0) / Math.sqrt(d) + mask[t]!,
      );
      const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = weights.reduce((a, b) => a + b, 0);
      for (const c of columns) {
        out.push(both.reduce((sum, value, t) => sum + (weights[t]! / total) * value[WIDTH + c]!, 0));
      }
    }
    return out;
  });
  const attended = plus(x, dense(mixed, "l.out"));
  const hidden = dense(norm(attended), "l.up").map((row) => row.map((value) => value / (1 + Math.exp(-value))));
  return plus(attended, dense(hidden, "l.down"));
}

describe("a cross layer", () => {
  // Few queries over a long memory fold the weights into the queries; many queries over a short one project the memory.
  it.each([
    [2, 40],
    [30, 3],
  ])("of %i queries and %i tokens of memory computes attention as defined", async (queries, tokens) => {
    const graph = new Graph("cross");
    const x = graph.input("x", "float32", [2, queries, WIDTH]);
    const memory = graph.input("memory", "float32", [2, tokens, WIDTH]);
    const mask = graph.input("mask", "float32", [2, 1, 1, tokens]);
    graph.output("y", crossLayer(graph, "l", x, memory, { heads: HEADS, mlpWidth: 12, mask }));
    const rng = createRng(3);
    const normals = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.normal());
    const parameters = new Map(
      [...initParameters(graph, rng)].map(([name, value]) => [
        name,
        name.endsWith(".bias") ? { ...value, data: normals(value.data.length) } : value,
      ]),
    );
    const session = await createSession(onnxModel(graph, { parameters }), { threads: 1 });
    const fed = {
      x: normals(2 * queries * WIDTH),
      memory: normals(2 * tokens * WIDTH),
      mask: Float32Array.from({ length: 2 * tokens }, (_, i) => (i % tokens === 1 ? -10_000 : 0)),
    };
    const y = (await session.run(fed)).y?.data as Float32Array;
    await session.close();
    const rows = (data: ArrayLike<number>, width: number): number[][] =>
      Array.from({ length: data.length / width }, (_, r) => Array.from(data).slice(r * width, (r + 1) * width));
    const of = (name: string): number[][] => {
      const value = parameters.get(name)!;
      return rows(value.data as Float32Array, value.shape.at(-1) as number);
    };
    for (let b = 0; b < 2; b++) {
      const part = (data: Float32Array): Float32Array =>
        data.subarray((b * data.length) / 2, ((b + 1) * data.length) / 2);
      const expected = reference(rows(part(fed.x), WIDTH), rows(part(fed.memory), WIDTH), [...part(fed.mask)], of);
      const came = rows(part(y), WIDTH);
      const worst = Math.max(...expected.flatMap((row, r) => row.map((value, c) => Math.abs(value - came[r]![c]!))));
      expect(worst).toBeLessThan(2e-5);
    }
  });
});
