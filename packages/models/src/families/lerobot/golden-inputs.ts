/** The recorded observations of a golden set. A variant's set holds none of its own: it takes those of the set two folders above. */
import type { FamilyObservation } from "../../checkpoint/family.ts";
import type { GoldenCheck, GoldenSet } from "../../checkpoint/golden.ts";
import type { LerobotFeatures } from "./features.ts";
import { joinRows } from "../../checkpoint/floats.ts";

export class GoldenInputs {
  readonly #check: GoldenCheck;

  constructor(check: GoldenCheck) {
    this.#check = check;
  }

  has(name: string): boolean {
    return this.#check.golden.has(name) || this.#check.base?.has(name) === true;
  }

  float(name: string): Promise<Float32Array> {
    return this.#of(name).float(name);
  }

  /** The observation at `name`/image.<i>, `name`/state and `name`/environment_state. */
  async observation(name: string, features: LerobotFeatures): Promise<FamilyObservation> {
    const images: Record<string, FamilyObservation["images"][string]> = {};
    for (const [i, camera] of features.cameras.entries()) {
      const { data, shape } = await this.#of(`${name}/image.${i}`).read(`${name}/image.${i}`);
      const [height, width] = shape as readonly [number, number];
      images[camera.name] = { width, height, data: data as Uint8Array };
    }
    const state = this.has(`${name}/state`) ? await this.float(`${name}/state`) : new Float32Array(0);
    const environment = this.has(`${name}/environment_state`)
      ? await this.float(`${name}/environment_state`)
      : new Float32Array(0);
    return { images, state: joinRows([state, environment]), instruction: "" };
  }

  #of(name: string): GoldenSet {
    const { golden, base } = this.#check;
    return golden.has(name) || base === null ? golden : base;
  }
}
