import { Worker, type WorkerOptions } from "node:worker_threads";

/** Starts a worker from a TypeScript or JavaScript module, through `tsx` where this Node cannot read TypeScript itself. */
export function spawnWorker(module: URL, options: WorkerOptions = {}): Worker {
  // not `process.features.typescript`: tsx sets it in this thread, which says nothing of the next
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const readsTypeScript = major > 22 || (major === 22 && minor >= 18);
  // not this thread's execArgv: a runner's loaders are not for the worker
  const clean = { ...options, execArgv: [] };
  if (!module.pathname.endsWith(".ts") || readsTypeScript) return new Worker(module, clean);
  return new Worker(new URL("./with-tsx.js", import.meta.url), {
    ...clean,
    argv: [...(options.argv ?? []), module.href],
  });
}
