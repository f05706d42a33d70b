/** One writer a dataset: a file that says which process it is. */

import { BiddenError } from "@bidden/runtime";
import { JOURNAL_FOLDER } from "./journal.ts";
import type { WritableStore } from "./store.ts";

const LOCK = `${JOURNAL_FOLDER}/lock.json`;

/** Who runs, and whether another process of this machine still does. */
export interface ProcessTable {
  readonly host: string;
  readonly pid: number;
  isAlive(pid: number): boolean;
}

/** @returns the function that gives the lock back. A lock whose process is gone is taken over. */
export async function takeLock(store: WritableStore, processes: ProcessTable): Promise<() => Promise<void>> {
  const mine = new TextEncoder().encode(JSON.stringify({ host: processes.host, pid: processes.pid }));
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await store.writeNew(LOCK, mine)) return () => store.remove(LOCK);
    const owner = parseOwner(await store.read(LOCK));
    if (owner !== null && (owner.host !== processes.host || processes.isAlive(owner.pid))) {
      throw new BiddenError(
        "bad-argument",
        `${store.root} is being written by process ${owner.pid} on ${owner.host}. Record to another folder, or end that process; if it is gone, delete ${LOCK}.`,
        { path: store.root, pid: owner.pid },
      );
    }
    await store.remove(LOCK);
  }
  throw new BiddenError("bad-argument", `${store.root} is being written by another process.`, { path: store.root });
}

/** Null for a lock that was cut short. */
function parseOwner(bytes: Uint8Array | null): { host: string; pid: number } | null {
  try {
    const owner = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array(0))) as { host: string; pid: number };
    return typeof owner.pid === "number" && typeof owner.host === "string" ? owner : null;
  } catch {
    return null;
  }
}
