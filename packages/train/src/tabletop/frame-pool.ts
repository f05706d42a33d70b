/** Episodes from which frames are drawn, every frame as often as any other. */
import type { ShardEpisode } from "@bidden/data/node";
import type { Rng } from "@bidden/runtime";

export type DrawnFrame = { readonly episode: ShardEpisode; readonly frame: number };

export class FramePool {
  readonly #episodes: readonly ShardEpisode[];
  /** For each episode the number of frames up to its end. */
  readonly #ends: Float64Array;

  constructor(episodes: readonly ShardEpisode[]) {
    this.#episodes = episodes;
    let total = 0;
    this.#ends = Float64Array.from(episodes, ({ length }) => (total += length));
  }

  /** Frames in all. */
  get size(): number {
    return this.#ends.at(-1) ?? 0;
  }

  draw(rng: Rng): DrawnFrame {
    const at = rng.uniform() * this.size;
    let low = 0;
    for (let high = this.#ends.length - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#ends[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    const episode = this.#episodes[low] as ShardEpisode;
    return { episode, frame: rng.below(episode.length) };
  }
}
