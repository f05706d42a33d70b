/**
 * What a training frame of the tabletop holds, and what an episode's JSON says. Demonstrations, still scenes and corrected
 * rollouts share one shape, so that one sampler reads them all.
 */
import type { ShardColumn } from "@bidden/data/node";
import { patchCount, type TabletopConfig } from "@bidden/models";
import type { Meanings, Skill, Task } from "@bidden/sim";

/** Most objects that a scene can have. */
export const MAX_OBJECTS = 10;
/** float64 pose [3 x 4] and field of view, as float32. */
export const VIEW_SIZE = 13;

export function frameColumns(config: TabletopConfig): ShardColumn[] {
  const patches = config.cameras.reduce((sum, camera) => sum + patchCount(camera.grid), 0);
  return [
    ...config.cameras.map(
      ({ name, grid }): ShardColumn => ({ name, dtype: "uint8", shape: [grid.height, grid.width, 3] }),
    ),
    /** Pixels of each object in each patch's own cell (stride x stride, 64). */
    { name: "cover", dtype: "uint8", shape: [patches, MAX_OBJECTS] },
    { name: "views", dtype: "float32", shape: [config.cameras.length, VIEW_SIZE] },
    { name: "objects", dtype: "float32", shape: [MAX_OBJECTS, 3] },
    { name: "state", dtype: "float32", shape: [config.stateNames.length] },
    /** The expert's action in this state. */
    { name: "action", dtype: "float32", shape: [config.actionDim] },
    /** done, finished, disturbed (what follows was not what this frame's chunk foresees). */
    { name: "flags", dtype: "uint8", shape: [3] },
  ];
}

/** A sentence over an episode's frames, with what it should make the policy think. Objects by index in the scene. */
export type Query = {
  readonly text: string;
  readonly intent: "task" | "question" | "garbage" | "forbidden" | "outside";
  readonly scene: "clear" | "ambiguous" | "missing" | "misuse" | null;
  /** Where to point; [] nowhere, null not taught. */
  readonly act: readonly number[] | null;
  readonly place: readonly number[] | null;
  readonly skill: Skill | null;
  /** What the words say of what to act on and where to put it; null where that is not taught. */
  readonly says: Meanings;
  /** Words of the answer, each one of the configured answers. */
  readonly answer: readonly string[] | null;
};

export type EpisodeMeta = {
  readonly kind: "demonstration" | "still" | "correction";
  readonly seed: number;
  readonly skill: Skill | null;
  /** What is done in the frames; left out for stills, and in data of before this was kept. */
  readonly task?: Task;
  /** Attributes of the scene's objects, in its order, by the configured attributes' names. */
  readonly things: readonly Readonly<Record<string, string>>[];
  /** What the frames' actions do; empty for stills. */
  readonly commands: readonly Query[];
  /** Sentences that are true of every frame, and teach no action. */
  readonly queries: readonly Query[];
};
