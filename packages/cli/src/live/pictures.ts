/** What the page is shown of cameras, pointing and poses: the latest of each is kept for pages that come later. */
import type { Frame } from "@bidden/console";
import type { CameraView, Pointing } from "@bidden/runtime";
import { projectPoint } from "./project.ts";

export class Pictures {
  readonly #onFrame: (frame: Frame) => void;
  readonly #latest = new Map<string, Frame>();
  #views: Readonly<Record<string, CameraView>> = {};

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  latest(): readonly Frame[] {
    return [...this.#latest.values()];
  }

  show(key: string, frame: Frame): void {
    this.#latest.set(key, frame);
    this.#onFrame(frame);
  }

  clear(): void {
    this.#latest.clear();
  }

  see(views: Readonly<Record<string, CameraView>>): void {
    this.#views = views;
    Object.entries(views).forEach(([name, { image }], camera) => {
      this.show(`picture ${name}`, {
        kind: "picture",
        camera,
        width: image.width,
        height: image.height,
        rgb: image.data,
      });
    });
  }

  /** Heat and cross of every channel in every camera. */
  point(pointing: readonly Pointing[]): void {
    const names = Object.keys(this.#views);
    for (const { channel, at, heat } of pointing) {
      names.forEach((name, camera) => {
        const view = this.#views[name];
        const { rows = 0, cols = 0, values = new Float32Array() } = heat[name] ?? {};
        const marker = at === null || view === undefined ? null : projectPoint(at, view);
        this.show(`heat ${name} ${channel}`, {
          kind: "heat",
          camera,
          channel,
          rows,
          cols,
          values: toBytes(values),
          marker,
        });
      });
    }
  }

  /** Takes the pointing away: another instruction has begun. */
  forgetPointing(): void {
    this.point([
      { channel: "act", at: null, nowhere: 1, heat: {} },
      { channel: "place", at: null, nowhere: 1, heat: {} },
    ]);
  }

  /** Where a place is in the front camera's picture. */
  inFront(at: readonly [number, number, number]): readonly [number, number] | null {
    const view = this.#views["front"];
    return view === undefined ? null : projectPoint(at, view);
  }
}

/** The strongest patch becomes 255, unless all are next to nothing. */
function toBytes(values: Float32Array): Uint8Array {
  const strongest = values.reduce((most, value) => Math.max(most, value), 0.02);
  return Uint8Array.from(values, (value) => Math.round((255 * Math.max(0, value)) / strongest));
}
