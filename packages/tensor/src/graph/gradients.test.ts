/** Gradients of random graphs against central differences, in float64, where differences are good to eight digits. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSession } from "../index.node.ts";
import * as t from "../index.ts";
import type { Tensor } from "../index.ts";

const SHAPE = [3, 4];
const COUNT = 12;

/** Steps that keep the shape [3, 4] and the values moderate; `other` is an earlier value. */
const steps: Readonly<Record<string, (x: Tensor, other: Tensor) => Tensor>> = {
  add: (x, other) => t.add(x, other),
  sub: (x, other) => t.sub(other, x),
  mul: (x, other) => t.mul(t.tanh(x), other),
  div: (x, other) => t.div(x, t.add(t.square(other), 1)),
  tanh: (x) => t.tanh(x),
  sigmoid: (x) => t.sigmoid(t.mul(x, 2)),
  exp: (x) => t.exp(t.tanh(x)),
  log: (x) => t.log(t.add(t.square(x), 0.5)),
  sqrt: (x) => t.sqrt(t.add(t.square(x), 0.3)),
  sin: (x) => t.sin(x),
  softmax: (x) => t.softmax(x, 1),
  logSoftmax: (x) => t.tanh(t.logSoftmax(x, 0)),
  "row sums": (x) => t.sub(x, t.sum(x, 1, { keepDims: true })),
  "column means": (x) => t.add(x, t.mean(x, 0)),
  matmul: (x, other) => t.tanh(t.matmul(t.matmul(x, other, { transposeB: true }), x)),
  transpose: (x) => t.reshape(t.transpose(x), SHAPE),
  slices: (x) => t.concat([t.slice(x, { axis: 1, start: 2 }), t.slice(x, { axis: 1, end: 2 })], 1),
  strides: (x) => t.concat([t.slice(x, { axis: 1, step: 2 }), t.slice(x, { axis: 1, start: 1, step: 2 })], 1),
  flip: (x) => t.flip(x, 0),
  pad: (x) => t.slice(t.pad(x, [{ axis: 0, before: 1, after: 2 }], "reflect"), { axis: 0, start: 2, end: 5 }),
  rows: (x) => t.gather(x, x.graph.constant([2, 0, 2], "int64")),
  "rows beside": (x) => {
    const beside = t.rowsBeside(t.reshape(x, [1, 3, 4]), [1, -1, 0, 2, -1, 1], 2);
    return t.reshape(t.add(t.slice(beside, { axis: 2, end: 4 }), t.slice(beside, { axis: 2, start: 4 })), SHAPE);
  },
  norm: (x, other) => t.layerNorm(t.add(x, other), null, null, { epsilon: 0.1 }),
};
const names = Object.keys(steps);

describe("gradients", () => {
  test("agree with central differences on random graphs", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...names), fc.nat(5)), { minLength: 1, maxLength: 7 }),
        fc.array(fc.double({ min: -1.5, max: 1.5, noNaN: true }), { minLength: COUNT, maxLength: COUNT }),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: COUNT, maxLength: COUNT }),
        async (recipe, at, direction) => {
          const graph = new t.Graph("random");
          const x = graph.input("x", "float64", SHAPE);
          const values = [x];
          for (const [name, back] of recipe) {
            const step = steps[name] as (typeof steps)[string];
            values.push(step(values.at(-1) as Tensor, values[Math.max(0, values.length - 1 - back)] as Tensor));
          }
          const weights = graph.constant(
            Array.from({ length: COUNT }, (_, i) => Math.cos(i)),
            "float64",
            SHAPE,
          );
          const loss = graph.output("loss", t.sum(t.mul(values.at(-1) as Tensor, weights)));
          graph.output("gradient", t.gradients(loss, [x])[0] as Tensor);
          const session = await createSession(t.onnxModel(graph), { threads: 1 });
          const run = async (by: number): Promise<Record<string, t.TensorData>> =>
            session.run({ x: Float64Array.from(at, (value, i) => value + by * (direction[i] as number)) });
          const h = 1e-4;
          const gradient = Array.from((await run(0))["gradient"]?.data ?? [], Number);
          const slope = gradient.reduce((total, g, i) => total + g * (direction[i] as number), 0);
          const difference =
            (Number((await run(h))["loss"]?.data[0]) - Number((await run(-h))["loss"]?.data[0])) / (2 * h);
          await session.close();
          expect(Math.abs(slope - difference)).toBeLessThan(1e-5 * Math.max(1, Math.abs(slope)));
        },
      ),
      { numRuns: 60, seed: 11 },
    );
  });
});
