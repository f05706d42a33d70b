/** Gathers the frames of one episode into stacked columns. */
import { BiddenError, type CameraView } from "@bidden/runtime";
import type { ShardArray, ShardWriter } from "@bidden/data/node";
import type { TabletopConfig } from "@bidden/models";
import type { ObjectState } from "@bidden/sim";
import { type EpisodeMeta, frameColumns, MAX_OBJECTS, VIEW_SIZE } from "./columns.ts";

export type FrameParts = {
  readonly cameras: Readonly<Record<string, CameraView & { readonly segmentation?: Uint8Array }>>;
  readonly objects: readonly ObjectState[];
  readonly state: Float32Array;
  readonly action: Float32Array;
  readonly done: boolean;
  readonly finished: boolean;
  readonly disturbed: boolean;
};

export class FrameBuffer {
  readonly #config: TabletopConfig;
  readonly #columns: Map<string, ShardArray[]> = new Map();
  #length = 0;

  constructor(config: TabletopConfig) {
    this.#config = config;
  }

  get length(): number {
    return this.#length;
  }

  add(parts: FrameParts): void {
    if (parts.objects.length > MAX_OBJECTS) {
      throw new BiddenError(
        "bad-argument",
        `A training frame holds ${MAX_OBJECTS} objects, the scene has ${parts.objects.length}.`,
      );
    }
    const views = new Float32Array(this.#config.cameras.length * VIEW_SIZE);
    const covers: Uint8Array[] = [];
    this.#config.cameras.forEach(({ name, grid }, index) => {
      const view = parts.cameras[name];
      if (view?.segmentation === undefined) {
        throw new BiddenError("bad-argument", `A training frame needs camera "${name}" with its segmentation.`);
      }
      this.#push(name, view.image.data.slice());
      views.set(view.baseFromCamera, index * VIEW_SIZE);
      views[index * VIEW_SIZE + 12] = view.fovY;
      covers.push(coverOf(view.segmentation, grid));
    });
    const objects = new Float32Array(MAX_OBJECTS * 3);
    parts.objects.forEach((object, i) => objects.set(object.position, i * 3));
    this.#push("cover", concatBytes(covers));
    this.#push("views", views);
    this.#push("objects", objects);
    this.#push("state", parts.state.slice());
    this.#push("action", parts.action.slice());
    this.#push("flags", Uint8Array.of(Number(parts.done), Number(parts.finished), Number(parts.disturbed)));
    this.#length++;
  }

  /** Writes what was gathered as one episode and starts anew. */
  flush(writer: ShardWriter, meta: EpisodeMeta): void {
    const stacked: Record<string, ShardArray> = {};
    for (const { name, dtype } of frameColumns(this.#config)) {
      const parts = this.#columns.get(name) ?? [];
      stacked[name] = dtype === "uint8" ? concatBytes(parts as Uint8Array[]) : concatFloats(parts as Float32Array[]);
    }
    writer.addEpisode(meta, stacked);
    this.#columns.clear();
    this.#length = 0;
  }

  #push(name: string, values: ShardArray): void {
    const list = this.#columns.get(name);
    if (list === undefined) this.#columns.set(name, [values]);
    else list.push(values);
  }
}

/** uint8[cells, MAX_OBJECTS]: how many pixels of each object lie in each cell of the grid. */
function coverOf(segmentation: Uint8Array, grid: { width: number; height: number; stride: number }): Uint8Array {
  const { width, height, stride } = grid;
  const columns = width / stride;
  const cover = new Uint8Array(columns * (height / stride) * MAX_OBJECTS);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const id = segmentation[y * width + x] as number;
      if (id === 0) continue;
      const cell = Math.floor(y / stride) * columns + Math.floor(x / stride);
      const at = cell * MAX_OBJECTS + id - 1;
      cover[at] = (cover[at] as number) + 1;
    }
  }
  return cover;
}

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  return gather(parts, new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0)));
}

function concatFloats(parts: readonly Float32Array[]): Float32Array {
  return gather(parts, new Float32Array(parts.reduce((sum, part) => sum + part.length, 0)));
}

function gather<A extends Uint8Array | Float32Array>(parts: readonly A[], out: A): A {
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
