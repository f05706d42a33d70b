/** A worker that does nothing but tick, for the bench beside: what this machine gives a timer when nothing else runs. */
import { parentPort, workerData } from "node:worker_threads";
import { runTicker } from "@bidden/runtime/node";

const { periodMs, ticks } = workerData as { periodMs: number; ticks: number };
const late = new Float64Array(ticks);
let count = 0;
runTicker({
  periodMs,
  onTick: (latenessMs) => {
    late[count] = latenessMs;
    count += 1;
    return count < ticks;
  },
});
parentPort?.postMessage(late);
