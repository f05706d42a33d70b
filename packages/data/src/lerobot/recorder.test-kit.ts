/** A tiny robot's frames, and stores that fail, for the tests of recording. */

import { BiddenError, createRng } from "@bidden/runtime";
import { deflateSync } from "node:zlib";
import type { Dataset, Features } from "../dataset/types.ts";
import type { RandomAccess, WritableStore } from "../files/store.ts";
import { openLeRobot } from "./reader.ts";
import type { Recorder } from "./recorder.ts";
import { openStoreRecorder } from "./recorder.ts";
import type { FrameValue } from "./running-episode.ts";

export const FEATURES: Features = {
  "observation.state": { dtype: "float32", shape: [3], names: ["x", "y", "z"] },
  action: { dtype: "float32", shape: [2], names: null },
  "observation.images.front": { dtype: "image", shape: [6, 8, 3], names: ["height", "width", "channels"] },
  "next.done": { dtype: "bool", shape: [1], names: null },
};
export const OPTIONS = { robotType: "panda", fps: 10, features: FEATURES };

export function frameOf(episode: number, frame: number): Record<string, FrameValue> {
  const rng = createRng(episode * 1000 + frame);
  return {
    "observation.state": Float32Array.from({ length: 3 }, () => rng.normal()),
    action: [episode, frame],
    "observation.images.front": {
      width: 8,
      height: 6,
      data: Uint8Array.from({ length: 144 }, () => rng.below(256)),
    },
    "next.done": false,
  };
}

/** Our own process is 1, and no other lives. */
export const MACHINE = {
  deflate: (bytes: Uint8Array): Uint8Array => deflateSync(bytes),
  processes: { host: "here", pid: 1, isAlive: () => false },
};

export function openTestRecorder(store: WritableStore): Promise<Recorder> {
  return openStoreRecorder(store, OPTIONS, MACHINE);
}

/** Records episode number `episode`: `episode % 3 + 2` frames. */
export async function recordEpisode(recorder: Recorder, episode: number): Promise<void> {
  recorder.begin({ task: `task ${episode % 2}`, extra: { episode, policy: "expert" } });
  for (let frame = 0; frame < (episode % 3) + 2; frame++) recorder.addFrame(frameOf(episode, frame));
  await recorder.end();
}

/** Every value of every episode is what `recordEpisode` wrote. @returns how many episodes there are, 0 without a dataset. */
export async function checkRecorded(store: WritableStore): Promise<number> {
  if ((await store.read("meta/info.json")) === null) return 0;
  const dataset: Dataset = await openLeRobot(store);
  for (let episode = 0; episode < dataset.episodeCount; episode++) {
    const data = await dataset.read(episode);
    const info = await dataset.episode(episode);
    const frames = (episode % 3) + 2;
    const same = data.length === frames && info.extra["episode"] === episode && data.tasks[0] === `task ${episode % 2}`;
    if (!same) throw new BiddenError("internal", `internal: episode ${episode} differs: ${JSON.stringify(info)}`);
    for (let frame = 0; frame < frames; frame++) {
      const truth = frameOf(episode, frame);
      const state = data.columns["observation.state"];
      const front = data.columns["observation.images.front"];
      if (state?.kind !== "numbers" || front?.kind !== "images") throw new BiddenError("internal", "internal: columns");
      const got = JSON.stringify(Array.from(state.values.slice(frame * 3, frame * 3 + 3), Number));
      const picture = (await front.image(frame)).data;
      const truePicture = (truth["observation.images.front"] as { data: Uint8Array }).data;
      const equal = got === JSON.stringify([...(truth["observation.state"] as Float32Array)]);
      if (!equal || Buffer.compare(picture, truePicture) !== 0) {
        throw new BiddenError("internal", `internal: episode ${episode}, frame ${frame} differs`);
      }
    }
  }
  await dataset.close();
  return dataset.episodeCount;
}

/** What a call into a store looks like to a fault. */
export type StoreCall = { readonly call: number; readonly kind: "write" | "rename" | "remove"; readonly path: string };

/** Calls `fault` before every change; what it throws is thrown, and of a write that fails half of the bytes are there. */
export class FaultyStore implements WritableStore {
  calls = 0;
  readonly root: string;
  readonly #inner: WritableStore;
  readonly #fault: (call: StoreCall) => void;

  constructor(inner: WritableStore, fault: (call: StoreCall) => void) {
    this.root = inner.root;
    this.#inner = inner;
    this.#fault = fault;
  }

  #change(kind: StoreCall["kind"], path: string): void {
    this.#fault({ call: this.calls++, kind, path });
  }

  read(path: string): Promise<Uint8Array | null> {
    return this.#inner.read(path);
  }

  open(path: string): Promise<RandomAccess> {
    return this.#inner.open(path);
  }

  list(folder: string): Promise<string[]> {
    return this.#inner.list(folder);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    try {
      this.#change("write", path);
    } catch (error) {
      await this.#inner.write(path, bytes.subarray(0, bytes.length / 2));
      throw error;
    }
    await this.#inner.write(path, bytes);
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    this.#change("write", path);
    return this.#inner.writeNew(path, bytes);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#change("rename", to);
    await this.#inner.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#change("remove", path);
    await this.#inner.remove(path);
  }
}
