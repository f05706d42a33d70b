/** The recorded observations of a golden set. A variant's set holds none of its own: it takes those of the set two folders above. */
import type { Checkpoint, TensorInfo } from "../../checkpoint/checkpoint.ts";
import { readTensor, safetensorsTensors } from "../../checkpoint/checkpoint.ts";
import type { FamilyObservation } from "../../checkpoint/family.ts";
import { toFloat32 } from "../../checkpoint/floats.ts";
import type { GoldenSet } from "../../checkpoint/golden.ts";
import type { CheckpointSource } from "../../checkpoint/source.ts";
import type { LerobotFeatures } from "./features.ts";

const BASE = "../../golden.safetensors";

export class GoldenInputs {
  readonly #own: GoldenSet;
  readonly #source: CheckpointSource;
  readonly #base: ReadonlyMap<string, TensorInfo>;

  private constructor(own: GoldenSet, source: CheckpointSource, base: ReadonlyMap<string, TensorInfo>) {
    this.#own = own;
    this.#source = source;
    this.#base = base;
  }

  static async open(golden: GoldenSet, checkpoint: Checkpoint): Promise<GoldenInputs> {
    const { source } = checkpoint;
    const there = (await source.size(BASE)) !== null;
    return new GoldenInputs(golden, source, there ? await safetensorsTensors(source, BASE) : new Map());
  }

  has(name: string): boolean {
    return this.#own.has(name) || this.#base.has(name);
  }

  async float(name: string): Promise<Float32Array> {
    const { data, dtype } = await this.#read(name);
    return toFloat32(data, dtype);
  }

  /** The observation at `name`/image.<i>, `name`/state and `name`/environment_state. */
  async observation(name: string, features: LerobotFeatures): Promise<FamilyObservation> {
    const images: Record<string, FamilyObservation["images"][string]> = {};
    for (const [i, camera] of features.cameras.entries()) {
      const { data, shape } = await this.#read(`${name}/image.${i}`);
      const [height, width] = shape as readonly [number, number];
      images[camera.name] = { width, height, data: data as Uint8Array };
    }
    const state = this.has(`${name}/state`) ? await this.float(`${name}/state`) : new Float32Array(0);
    const environment = this.has(`${name}/environment_state`)
      ? await this.float(`${name}/environment_state`)
      : new Float32Array(0);
    return { images, state: joinRows([state, environment]), instruction: "" };
  }

  #read(name: string): ReturnType<typeof readTensor> {
    const info = this.#own.has(name) ? undefined : this.#base.get(name);
    return info === undefined ? this.#own.read(name) : readTensor(this.#source, info);
  }
}

/** Rows one after another. */
export function joinRows(rows: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}
