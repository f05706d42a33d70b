/** The scene as it stands now: language speaks of where things are, not of where they started. */
import type { ObjectState, Scene } from "../types.ts";

/** A scene whose `start` positions are those of the given states (same ids; others stay). */
export function sceneNow(scene: Scene, states: readonly ObjectState[]): Scene {
  const positions = new Map(states.map(({ id, position }) => [id, position]));
  return {
    ...scene,
    objects: scene.objects.map((object) => ({ ...object, start: positions.get(object.id) ?? object.start })),
  };
}
