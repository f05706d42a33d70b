/**
 * What experts and judges see: everything. A plain value, so that the control laws are pure functions of it and can be
 * tested without physics.
 */

import { BiddenError } from "@bidden/runtime";
import type { ObjectState, Scene, SceneObject, Vec3 } from "../types.ts";

export type FullState = {
  readonly scene: Scene;
  /** Now, in the order of `scene.objects`. */
  readonly objects: readonly ObjectState[];
  /** Metres a second, in the order of `scene.objects`. */
  readonly speeds: readonly number[];
  readonly drawerM: number;
  /** Tool centre point, base frame, metres. */
  readonly tool: Vec3;
  /** Rotation vector from pointing straight down at home, rad. */
  readonly toolRotation: Vec3;
  readonly toolSpeedMS: number;
  /** Opening between the fingers, metres. */
  readonly gripperWidthM: number;
  /** Id of what is between both fingers, or null. */
  readonly held: string | null;
  /** Whether the gripper (either finger or the hand) touches the object. */
  readonly gripped: (id: string) => boolean;
  /** Whether two things touch; ids of objects, or "table". */
  readonly touching: (a: string, b: string) => boolean;
};

/** A thing: what it is and where it is now. */
export type Thing = {
  readonly object: SceneObject;
  readonly position: Vec3;
  readonly quaternion: ObjectState["quaternion"];
  readonly speedMS: number;
};

/** The thing with this id. */
export function thingOf(state: FullState, id: string): Thing {
  const index = state.scene.objects.findIndex((candidate) => candidate.id === id);
  const object = state.scene.objects[index];
  const now = state.objects[index];
  if (object === undefined || now === undefined) {
    const ids = state.scene.objects.map((candidate) => candidate.id);
    throw new BiddenError(
      "bad-argument",
      `expected the id of an object of this scene (${ids.join(", ")}), got "${id}"`,
      {
        id,
      },
    );
  }
  return { object, position: now.position, quaternion: now.quaternion, speedMS: state.speeds[index] ?? 0 };
}

/** Fingers closer together than this hold nothing, they only touch it, metres. */
const LEAST_HELD_M = 0.028;

/** Id of what is gripped (not merely touched by both fingers, as in pushing), or null. */
export function grippedIn(state: FullState): string | null {
  return state.gripperWidthM > LEAST_HELD_M ? state.held : null;
}
