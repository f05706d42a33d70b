/**
 * What the tabletop policy's graph is fed with: names, shapes and units, and how an observation becomes them.
 */
import { BiddenError, type Observation } from "@bidden/runtime";
import { patchCount, projectPatches, windowBytes, windowCount, windowCutter } from "../image/patches.ts";
import type { TabletopConfig } from "./config.ts";

/** Sizes that follow from the configuration. */
export type TabletopSizes = {
  /** Patches of all cameras together. */
  readonly patches: number;
  /** Windows of all cameras together, and bytes of one. */
  readonly windows: number;
  readonly windowBytes: number;
  /** Numbers in the proprioception vector: the state, and some of it for every earlier step. */
  readonly proprio: number;
};

/** Names in the state of which the history is kept. */
const HISTORY_NAMES = ["toolXM", "toolYM", "toolZM", "gripperWidthM", "gripperCommand"] as const;
/** What one unit of a normalised state means: subtract the first, divide by the second. */
const STATE_SCALES: Readonly<Record<string, readonly [number, number]>> = {
  toolXM: [0.5, 0.15],
  toolYM: [0, 0.2],
  toolZM: [0.12, 0.12],
  toolRxRad: [0, 0.3],
  toolRyRad: [0, 0.3],
  toolRzRad: [0, 0.3],
  gripperWidthM: [0.04, 0.04],
  gripperCommand: [0.5, 0.5],
  toolSpeedMS: [0.1, 0.15],
};

export function tabletopSizes(config: TabletopConfig): TabletopSizes {
  const grids = config.cameras.map((camera) => camera.grid);
  const bytes = new Set(grids.map(windowBytes));
  if (bytes.size !== 1) {
    throw new BiddenError("bad-checkpoint", "The cameras of a tabletop policy must share one window.");
  }
  return {
    patches: grids.reduce((sum, grid) => sum + patchCount(grid), 0),
    windows: grids.reduce((sum, grid) => sum + windowCount(grid), 0),
    windowBytes: [...bytes][0] as number,
    proprio: config.stateNames.length + config.historyLength * HISTORY_NAMES.length,
  };
}

/** One row of the graph's input, all arrays row-major. */
export type TabletopRow = {
  /** uint8[windows, windowBytes] */
  readonly windows: Uint8Array;
  /** float32[patches, 3]: x, y (m, base frame), ray length (m). */
  readonly rays: Float32Array;
  /** float32[proprio], normalised. */
  readonly proprio: Float32Array;
  /** float32[3]: the tool's position, m, base frame. */
  readonly tool: Float32Array;
};

/** Turns observations into rows; knows the grids and the order of the state. */
export type RowMaker = {
  readonly sizes: TabletopSizes;
  allocate(): TabletopRow;
  /** Fills windows and rays of one camera from its view. */
  look(row: TabletopRow, camera: number, view: Observation["cameras"][string]): void;
  /** Fills proprioception from the present state and earlier ones, oldest first (padded with the oldest known). */
  feel(row: TabletopRow, state: ArrayLike<number>, history: readonly ArrayLike<number>[]): void;
  fill(row: TabletopRow, observation: Observation): void;
};

export function createRowMaker(config: TabletopConfig): RowMaker {
  const sizes = tabletopSizes(config);
  const look = lookerOf(config, sizes);
  const feel = feelerOf(config);
  return {
    sizes,
    allocate: () => ({
      windows: new Uint8Array(sizes.windows * sizes.windowBytes),
      rays: new Float32Array(sizes.patches * 3),
      proprio: new Float32Array(sizes.proprio),
      tool: new Float32Array(3),
    }),
    look,
    feel,
    fill(row, observation) {
      config.cameras.forEach((camera, i) => {
        const view = observation.cameras[camera.name];
        if (view === undefined) {
          throw new BiddenError(
            "embodiment-mismatch",
            `The policy needs the camera "${camera.name}", which is missing.`,
            { camera: camera.name },
          );
        }
        look(row, i, view);
      });
      feel(row, observation.state, observation.history);
    },
  };
}

function lookerOf(config: TabletopConfig, sizes: TabletopSizes): RowMaker["look"] {
  const cameras = config.cameras.map(({ grid }, camera) => {
    const before = config.cameras.slice(0, camera).map((one) => one.grid);
    return {
      grid,
      cut: windowCutter(grid),
      firstPatch: before.reduce((sum, one) => sum + patchCount(one), 0),
      firstWindow: before.reduce((sum, one) => sum + windowCount(one), 0),
    };
  });
  return (row, camera, view) => {
    const { grid, cut, firstPatch, firstWindow } = cameras[camera] as (typeof cameras)[number];
    cut(view.image, row.windows, firstWindow * sizes.windowBytes);
    projectPatches(view, grid, row.rays, firstPatch * 3);
  };
}

function feelerOf(config: TabletopConfig): RowMaker["feel"] {
  const place = (name: string): number => {
    const at = config.stateNames.indexOf(name);
    if (at < 0) {
      throw new BiddenError("embodiment-mismatch", `The policy needs "${name}" in the robot's state.`, { name });
    }
    return at;
  };
  const historyPlaces = HISTORY_NAMES.map(place);
  const toolPlaces = [place("toolXM"), place("toolYM"), place("toolZM")];
  const scales = config.stateNames.map((name) => STATE_SCALES[name] ?? ([0, 1] as const));
  const normalised = (state: ArrayLike<number>, at: number): number => {
    const [middle, unit] = scales[at] as readonly [number, number];
    return ((state[at] as number) - middle) / unit;
  };
  return (row, state, history) => {
    let k = 0;
    for (let i = 0; i < config.stateNames.length; i++) row.proprio[k++] = normalised(state, i);
    for (let h = 0; h < config.historyLength; h++) {
      const back = config.historyLength - h;
      const past = history[Math.max(0, history.length - back)] ?? state;
      for (const at of historyPlaces) row.proprio[k++] = normalised(past, at);
    }
    toolPlaces.forEach((at, i) => {
      row.tool[i] = state[at] as number;
    });
  };
}
