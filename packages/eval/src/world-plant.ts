/** The simulated world as what the virtual loop drives: it steps when told to, and is looked at when asked. */
import type { Ask, CameraView, Observation, Plant, Robot } from "@bidden/runtime";
import type { World } from "@bidden/sim";

export type CameraSizes = Readonly<Record<string, { readonly width: number; readonly height: number }>>;

/** What the tabletop policy sees, and what is recorded of a policy that sees nothing. */
export const TABLETOP_CAMERAS: CameraSizes = {
  front: { width: 112, height: 80 },
  wrist: { width: 64, height: 64 },
};

export class WorldPlant implements Plant {
  readonly #world: World;
  readonly #cameras: CameraSizes;
  readonly #drawing: { readonly segmentation: boolean };

  /**
   * @param cameras what an observation shows; a policy that needs no pictures saves the time to draw them.
   * @param drawing segmentation: views also say which thing each pixel shows, for whoever labels what a policy sees
   */
  constructor(world: World, cameras: CameraSizes, drawing = { segmentation: false }) {
    this.#world = world;
    this.#cameras = cameras;
    this.#drawing = drawing;
  }

  get robot(): Robot {
    return this.#world.robot;
  }

  get timeMs(): number {
    return this.#world.timeMs;
  }

  step(ms: number): void {
    this.#world.step(ms);
  }

  observe(ask: Ask): Observation {
    const cameras: Record<string, CameraView> = {};
    for (const [name, size] of Object.entries(this.#cameras)) {
      cameras[name] = this.#world.render(name, size, this.#drawing);
    }
    return {
      id: ask.id,
      captureNs: ask.captureNs,
      cameras,
      state: ask.state,
      history: ask.history,
      instruction: ask.instruction,
      ...(ask.hints === undefined ? {} : { hints: ask.hints }),
    };
  }
}
