/** The episode that is being recorded: checks each frame and keeps its own copy of it. */

import { BiddenError, type Image, messageOf } from "@bidden/runtime";
import { createNumbers, elementsOf, isNumberArray, isNumberDtype, setNumber } from "../dataset/columns.ts";
import type { Feature, Features, NumberArray, NumberDtype } from "../dataset/types.ts";
import { type Deflate, encodePng } from "../image/png.ts";
import { ImageStats } from "../stats/stats.ts";
import type { VideoRecording } from "../video/picture-encoder.ts";
import { CaptureLog } from "./capture.ts";
import { isDefaultFeature } from "./features.ts";

/** A picture that is stored as it is: PNG or JPEG bytes, and what they show (for the statistics). */
export type EncodedPicture = { readonly encoded: Uint8Array; readonly image: Image };

/** What a frame may hold: numbers, text, pictures. */
export type FrameValue =
  | NumberArray
  | readonly number[]
  | readonly boolean[]
  | number
  | boolean
  | bigint
  | string
  | Image
  | EncodedPicture;

export type RecordedColumn =
  | { readonly kind: "numbers"; readonly dtype: NumberDtype; readonly size: number; values: NumberArray }
  | { readonly kind: "text"; readonly values: string[] }
  | { readonly kind: "images"; readonly png: Uint8Array[]; readonly stats: ImageStats };

/** A camera whose pictures become a video as they come. */
export type RecordedVideo = { readonly track: VideoRecording; readonly stats: ImageStats };

/** What turns frames into bytes. */
export type FrameEncoders = {
  readonly deflate: Deflate;
  /** Begins the video of a camera; absent where no feature is one. */
  readonly startVideo?: (feature: Feature) => VideoRecording;
};

export class RunningEpisode {
  readonly extra: Readonly<Record<string, unknown>>;
  readonly columns = new Map<string, RecordedColumn>();
  readonly videos = new Map<string, RecordedVideo>();
  /** The task sentence of every frame. */
  readonly tasks: string[] = [];
  task: string;
  readonly capture = new CaptureLog();
  readonly #features: Features;
  readonly #deflate: Deflate;

  readonly #finished = new Map<string, Uint8Array>();
  /** A frame of a video could not be kept: the episode cannot be either. */
  #lost: BiddenError | null = null;

  constructor(features: Features, task: string, extra: Readonly<Record<string, unknown>>, encoders: FrameEncoders) {
    const { deflate, startVideo } = encoders;
    this.#features = features;
    this.#deflate = deflate;
    this.task = task;
    this.extra = extra;
    for (const [name, feature] of Object.entries(features)) {
      if (feature.dtype === "video" && startVideo !== undefined)
        this.videos.set(name, { track: startVideo(feature), stats: new ImageStats(3) });
      else if (!isDefaultFeature(name)) this.columns.set(name, createColumn(feature));
    }
  }

  get length(): number {
    return this.tasks.length;
  }

  /** Nothing is kept of a frame that is refused. */
  add(frame: Readonly<Record<string, FrameValue>>): void {
    if (this.#lost !== null) throw this.#lost;
    for (const name of Object.keys(frame)) {
      if (!this.columns.has(name) && !this.videos.has(name)) {
        const known = [...this.columns.keys(), ...this.videos.keys()].join(", ");
        throw new BiddenError("bad-argument", `Frame has "${name}", which was not declared; declared are ${known}.`, {
          name,
        });
      }
    }
    for (const name of [...this.columns.keys(), ...this.videos.keys()])
      checkValue(name, this.#features[name] as Feature, frame[name]);
    for (const [name, video] of this.videos) this.#film(name, video, frame[name] as FrameValue);
    for (const [name, column] of this.columns) this.#append(column, frame[name] as FrameValue);
    this.tasks.push(this.task);
  }

  #film(name: string, { track, stats }: RecordedVideo, value: FrameValue): void {
    const image = isEncoded(value) ? value.image : (value as Image);
    try {
      track.add(image);
    } catch (error) {
      this.#lost = new BiddenError("bad-dataset", `"${name}": ${messageOf(error)}`, { feature: name }, error);
      throw this.#lost;
    }
    stats.add(image.data);
  }

  /** The MP4 file of each camera, every frame of which was compared with its picture. */
  finishVideos(): Map<string, Uint8Array> {
    if (this.#lost !== null) throw this.#lost;
    for (const [name, { track }] of this.videos)
      if (!this.#finished.has(name)) this.#finished.set(name, track.finish());
    return this.#finished;
  }

  /** Gives back what the encoders hold. */
  close(): void {
    for (const { track } of this.videos.values()) track.close();
  }

  #append(column: RecordedColumn, value: FrameValue): void {
    switch (column.kind) {
      case "text":
        column.values.push(value as string);
        return;
      case "images":
        if (isEncoded(value)) {
          column.png.push(value.encoded.slice());
          column.stats.add(value.image.data);
        } else {
          column.png.push(encodePng(value as Image, this.#deflate));
          column.stats.add((value as Image).data);
        }
        return;
      case "numbers": {
        const at = this.length * column.size;
        if (at + column.size > column.values.length) {
          const grown = createNumbers(column.dtype, Math.max(64 * column.size, column.values.length * 2));
          grown.set(column.values as never);
          column.values = grown;
        }
        if (typeof value === "object") {
          for (let i = 0; i < column.size; i++) {
            setNumber(column.values, at + i, (value as NumberArray)[i] as number | bigint | boolean);
          }
        } else setNumber(column.values, at, value as number | bigint | boolean);
        return;
      }
      default:
        column satisfies never;
    }
  }
}

function isEncoded(value: FrameValue): value is EncodedPicture {
  return typeof value === "object" && "encoded" in value;
}

function createColumn({ dtype, shape }: Feature): RecordedColumn {
  if (dtype === "image") return { kind: "images", png: [], stats: new ImageStats(3) };
  if (isNumberDtype(dtype)) {
    return { kind: "numbers", dtype, size: elementsOf(shape), values: createNumbers(dtype, 0) };
  }
  return { kind: "text", values: [] };
}

function checkValue(name: string, { dtype, shape }: Feature, value: FrameValue | undefined): void {
  const bad = (expected: string, came: string): BiddenError =>
    new BiddenError("bad-argument", `Frame: "${name}" must be ${expected}; got ${came}.`, { name });
  if (value === undefined) throw bad(`${dtype} [${shape.join(", ")}]`, "nothing");
  if (dtype === "string") {
    if (typeof value !== "string") throw bad("text", typeof value);
    return;
  }
  if (dtype === "image" || dtype === "video") {
    const [height, width] = shape;
    const image: Partial<Image> = isEncoded(value) ? value.image : (value as Partial<Image>);
    if (typeof value !== "object" || !(image.data instanceof Uint8Array)) throw bad("an image", typeof value);
    if (image.width !== width || image.height !== height || image.data.length !== elementsOf(shape)) {
      throw bad(`${width} x ${height} pixels`, `${image.width} x ${image.height} (${image.data.length} bytes)`);
    }
    return;
  }
  const size = elementsOf(shape);
  if (typeof value === "string") throw bad(dtype, "text");
  if (typeof value !== "object") {
    if (size !== 1) throw bad(`${size} numbers`, "one");
    return;
  }
  if (!isNumberArray(value) && !Array.isArray(value)) throw bad(`${size} numbers`, "an object");
  if ((value as ArrayLike<unknown>).length !== size) {
    throw bad(`${size} numbers`, `${(value as ArrayLike<unknown>).length}`);
  }
}
