/** Frames of all videos of a dataset: files are opened when they are first asked for, and closed when others came after them. */

import type { Image } from "@bidden/runtime";
import type { FileStore } from "../files/store.ts";
import type { VideoCodecs } from "./picture-decoder.ts";
import type { VideoFile } from "./video-file.ts";

/** Open videos: with at most 16 MiB of pictures and the decoder's own memory each. */
const OPEN_VIDEOS = 16;

/** Decodes one frame of a video; a plug-in, because codecs do not come with the core. */
export interface VideoDecoder {
  /** @param seconds from the start of the file. */
  frameAt(path: string, seconds: number): Promise<Image>;
  close(): Promise<void>;
}

/** @param load compiled decoders; called once, when the first frame is asked for. */
export function createVideoDecoder(store: FileStore, load: () => Promise<VideoCodecs>): VideoDecoder {
  return new StoreVideos(store, load);
}

class StoreVideos implements VideoDecoder {
  readonly #store: FileStore;
  readonly #load: () => Promise<VideoCodecs>;
  readonly #open = new Map<string, Promise<VideoFile>>();
  #codecs: Promise<VideoCodecs> | null = null;

  constructor(store: FileStore, load: () => Promise<VideoCodecs>) {
    this.#store = store;
    this.#load = load;
  }

  async frameAt(path: string, seconds: number): Promise<Image> {
    const video = await this.#video(path);
    return video.frameAt(seconds);
  }

  #video(path: string): Promise<VideoFile> {
    const open = this.#open.get(path);
    this.#open.delete(path);
    const video = open ?? this.#start(path);
    this.#open.set(path, video);
    video.catch(() => this.#open.delete(path));
    for (const [oldest, file] of this.#open) {
      if (this.#open.size <= OPEN_VIDEOS) break;
      this.#open.delete(oldest);
      // Waits for the frames that were asked of it before.
      void file.then((old) => old.close()).catch(() => undefined);
    }
    return video;
  }

  async #start(path: string): Promise<VideoFile> {
    this.#codecs ??= this.#load();
    const codecs = await this.#codecs;
    const { VideoFile } = await import("./video-file.ts");
    return VideoFile.open(await this.#store.open(path), `${this.#store.root}/${path}`, codecs);
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()];
    this.#open.clear();
    for (const file of await Promise.allSettled(files)) if (file.status === "fulfilled") await file.value.close();
  }
}
