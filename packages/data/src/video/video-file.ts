/**
 * Single frames of one video, exactly: decoding starts at the last keyframe before the frame wanted and stops at it, or goes on
 * from where the last request stopped. Frames decoded on the way are kept for a while, so reading in order decodes each once.
 */

import { BiddenError, type Image, messageOf } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";
import { MAX_PIXELS, type PictureDecoder, type VideoCodecs } from "./picture-decoder.ts";
import { type Planes, rgbFromPlanes } from "./planes.ts";
import { readVideoSamples, type VideoSamples } from "../media/mp4-samples.ts";
import { readSampleEntry, type SampleEntry } from "./sample-entry.ts";

/** Decoded pictures kept a file. */
const KEPT_BYTES = 16 << 20;
/** Read ahead where frames are read in order, so that small ones do not cost a system call each. */
const READ_BYTES = 256 << 10;
/** How far from the frame asked for, as a share of the time between two frames, a picture may stand. */
const TIME_TOLERANCE = 0.25;

/** Frames that a decoder may hold back. */
const REORDERED = 17;

/** What people call the sample entries of other codecs. */
const CODEC_NAMES: Readonly<Record<string, string>> = {
  hev1: "HEVC",
  hvc1: "HEVC",
  vp09: "VP9",
  mp4v: "MPEG-4 Part 2",
};

function codecName(codec: string): string {
  const known = CODEC_NAMES[codec];
  return known === undefined ? codec : `${known} (${codec})`;
}

type Loaded = { readonly start: number; readonly bytes: Uint8Array };

export class VideoFile {
  readonly name: string;
  readonly #samples: VideoSamples;
  readonly #entry: SampleEntry;
  readonly #file: RandomAccess;
  readonly #decoder: PictureDecoder;
  /** By place in the order of showing. */
  readonly #kept = new Map<number, Planes>();
  #keptBytes = 0;
  /** Frame (order of decoding) that the decoder expects; -1: only a keyframe. */
  #next = -1;
  #last = -2;
  /** Frame in the order of decoding by place in the order of showing. */
  readonly #frameAt = new Map<number, number>();
  #loaded: Loaded = { start: 0, bytes: new Uint8Array(0) };
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    file: RandomAccess,
    name: string,
    samples: VideoSamples,
    entry: SampleEntry,
    decoder: PictureDecoder,
  ) {
    this.#file = file;
    this.name = name;
    this.#samples = samples;
    this.#entry = entry;
    this.#decoder = decoder;
    for (const [frame, place] of samples.shown.entries()) if (place >= 0) this.#frameAt.set(place, frame);
  }

  /** Takes over `file`. Throws `unsupported` where there is no decoder for what is in it. */
  static async open(file: RandomAccess, name: string, codecs: VideoCodecs): Promise<VideoFile> {
    try {
      const samples = await readVideoSamples(file, name);
      const entry = readSampleEntry(samples.sampleEntry, name);
      if (entry.width * entry.height > MAX_PIXELS) {
        throw new BiddenError("bad-dataset", `${name} claims ${entry.width} x ${entry.height} pixels.`, { file: name });
      }
      const decoder = await codecs.create(entry.codec, entry.configuration);
      if (decoder === null) {
        throw new BiddenError(
          "unsupported",
          `${name} is a video of codec ${codecName(entry.codec)}; bidden decodes AV1 (av01) and H.264 (avc1). Numbers and tasks can be read without.`,
          { file: name, codec: entry.codec },
        );
      }
      return new VideoFile(file, name, samples, entry, decoder);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many are shown. */
  get frames(): number {
    return this.#frameAt.size;
  }

  /** The frame shown at a time. */
  frameAt(seconds: number): Promise<Image> {
    const fps = this.#samples.timescale / this.#samples.delta;
    const place = Math.round(seconds * fps);
    if (this.#frameAt.has(place) && Math.abs(place - seconds * fps) <= TIME_TOLERANCE) return this.frame(place);
    return Promise.reject(
      new BiddenError(
        "bad-dataset",
        `${this.name} has no frame at ${seconds.toFixed(4)} s; it has ${this.frames}, one every ${(1 / fps).toFixed(4)} s.`,
        { file: this.name, rule: "from-timestamp-drift" },
      ),
    );
  }

  /** @param place counted in the order of showing. */
  async frame(place: number): Promise<Image> {
    const planes = await this.planes(place);
    return rgbFromPlanes(planes, this.#entry.matrix, this.#entry.fullRange);
  }

  /** As decoded, before any change of colours. */
  planes(place: number): Promise<Planes> {
    const result = this.#turn.then(() => this.#decode(place));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    await this.#turn;
    this.#decoder.close();
    await this.#file.close();
  }

  async #decode(place: number): Promise<Planes> {
    const target = this.#frameAt.get(place);
    if (target === undefined) {
      throw new BiddenError("bad-dataset", `${this.name} has ${this.frames} frames, none at ${place}.`, {
        file: this.name,
        rule: "video-frame-count",
      });
    }
    const inOrder = place === this.#last + 1;
    this.#last = place;
    const kept = this.#kept.get(place);
    if (kept !== undefined) return kept;
    const key = this.#keyBefore(target);
    if (this.#next < 0 || target < this.#next || key > this.#next) this.#restart(key);
    const ahead = inOrder ? READ_BYTES : this.#endOf(target) - (this.#samples.offsets[this.#next] as number);
    while (this.#next <= target) await this.#push(ahead);
    // Pictures may wait for others that are shown before them; reading in order, those are wanted next anyway.
    const until = inOrder ? Math.min(this.#samples.count, target + REORDERED) : 0;
    while (!this.#kept.has(place) && this.#next < until) await this.#push(ahead);
    if (!this.#kept.has(place)) {
      this.#decoder.flush();
      this.#keep();
      this.#next = -1;
    }
    const planes = this.#kept.get(place);
    if (planes === undefined) throw this.#bad(target, "it was not shown");
    return planes;
  }

  /** The last keyframe that is neither decoded nor shown after a frame. */
  #keyBefore(target: number): number {
    const { keys, shown } = this.#samples;
    for (let frame = target; frame > 0; frame--) {
      if (keys[frame] === 1 && (shown[frame] as number) <= (shown[target] as number)) return frame;
    }
    return 0;
  }

  #restart(key: number): void {
    this.#decoder.reset();
    this.#next = key;
  }

  async #push(ahead: number): Promise<void> {
    const frame = this.#next;
    const bytes = await this.#bytesOf(frame, ahead);
    try {
      this.#decoder.push(bytes, frame);
    } catch (error) {
      this.#next = -1;
      throw error instanceof BiddenError && error.code === "unsupported"
        ? error
        : this.#bad(frame, messageOf(error), error);
    }
    this.#next = frame + 1;
    this.#keep();
  }

  #keep(): void {
    for (const [frame, planes] of this.#decoder.take()) {
      const place = this.#samples.shown[frame];
      // Not to be shown, or a number that was never handed in.
      if (place === undefined || place < 0) continue;
      this.#kept.set(place, planes);
      this.#keptBytes += planes.y.length * 1.5;
    }
    for (const [place, planes] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES || this.#kept.size <= 2) break;
      this.#kept.delete(place);
      this.#keptBytes -= planes.y.length * 1.5;
    }
  }

  #endOf(frame: number): number {
    return (this.#samples.offsets[frame] as number) + (this.#samples.sizes[frame] as number);
  }

  /** @param ahead bytes that are read at once where the frame is not in memory; no more than READ_BYTES beyond the frame. */
  async #bytesOf(frame: number, ahead: number): Promise<Uint8Array> {
    const offset = this.#samples.offsets[frame] as number;
    const size = this.#samples.sizes[frame] as number;
    const inside = ({ start, bytes }: Loaded): boolean => offset >= start && offset + size <= start + bytes.length;
    if (!inside(this.#loaded)) {
      const end = Math.min(this.#file.byteLength, offset + Math.max(size, Math.min(ahead, READ_BYTES)));
      this.#loaded = { start: offset, bytes: new Uint8Array(await this.#file.slice(offset, end)) };
    }
    const at = offset - this.#loaded.start;
    return this.#loaded.bytes.subarray(at, at + size);
  }

  #bad(frame: number, what: string, cause?: unknown): BiddenError {
    const offset = this.#samples.offsets[frame] ?? 0;
    return new BiddenError(
      "bad-dataset",
      `${this.name}: frame ${this.#samples.shown[frame]} at offset ${offset} cannot be decoded (${what}).`,
      { file: this.name, offset, rule: "video-frame" },
      cause,
    );
  }
}
