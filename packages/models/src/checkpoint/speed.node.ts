/** How fast this machine multiplies matrices: for estimates of what a checkpoint needs here. */
import { Graph, matmul, onnxModel } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";

const SIZE = 768;

/** Billions of multiplications and additions a second, float32, all cores; takes a fraction of a second. */
export async function measureGflops(): Promise<number> {
  const graph = new Graph("speed");
  const x = graph.input("x", "float32", [SIZE, SIZE]);
  const y = graph.input("y", "float32", [SIZE, SIZE]);
  graph.output("z", matmul(x, y));
  const session = await createSession(onnxModel(graph));
  const feeds = { x: new Float32Array(SIZE * SIZE).fill(1), y: new Float32Array(SIZE * SIZE).fill(1) };
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 4; i++) {
    const began = performance.now();
    await session.run(feeds);
    best = Math.min(best, performance.now() - began);
  }
  await session.close();
  return (2 * SIZE ** 3) / (best * 1e6);
}
