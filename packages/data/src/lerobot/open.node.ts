/** LeRobot datasets in folders. */

import { hostname } from "node:os";
import { deflateSync } from "node:zlib";
import type { WritableStore } from "../files/store.ts";
import { createFolderStore } from "../files/store.node.ts";
import type { ProcessTable } from "../files/lock.ts";
import { loadCodecs, loadEncoders } from "../video/codecs.node.ts";
import { createVideoDecoder } from "../video/decoder.ts";
import { openStoreRecorder, type Recorder, type RecorderOptions } from "./recorder.ts";

export const PROCESSES: ProcessTable = {
  host: hostname(),
  pid: process.pid,
  isAlive: (pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return (error as { code?: unknown }).code === "EPERM";
    }
  },
};

/** Level 3: a 112 x 80 picture in under a millisecond. */
const deflate = (bytes: Uint8Array): Uint8Array => deflateSync(bytes, { level: 3 });

/** Creates the dataset in `folder` or goes on with the one that is there. */
export function openRecorder(
  folder: string,
  { store = createFolderStore(folder), ...options }: RecorderOptions & { /** For tests. */ store?: WritableStore },
): Promise<Recorder> {
  return openStoreRecorder(store, options, {
    deflate,
    processes: PROCESSES,
    encoders: loadEncoders,
    decoder: (own) => createVideoDecoder(own, loadCodecs),
  });
}
