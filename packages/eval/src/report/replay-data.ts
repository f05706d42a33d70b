/** Replays as the page's script reads them: everything of an episode that is drawn, and no more. */
import { COLOUR_RGB, footprintRadiusM } from "@bidden/sim";
import type { Image } from "@bidden/runtime";
import type { EpisodeRecord } from "../episode.ts";

/** Turns a picture into a `data:` address. */
export type PictureEncoder = (image: Image) => string;

export type ReplayItem = {
  readonly group: string;
  readonly won: boolean;
  readonly cause: string | null;
  readonly said: string;
  readonly seed: number;
  readonly verdict: string;
  readonly reason: string;
  readonly judged: boolean | null;
  readonly believed: boolean;
  readonly stepS: number;
  /** x, y, z a step, mm. */
  readonly tool: readonly number[];
  readonly gripper: readonly number[];
  readonly things: readonly Thing[];
  readonly candidates: readonly (readonly [number, number])[];
  readonly first: string;
  readonly last: string;
};

type Thing = {
  readonly id: string;
  readonly kind: string;
  readonly rgb: string;
  /** Of the circle around it, mm. */
  readonly radius: number;
  readonly start: readonly [number, number];
  /** x, y, z a step, mm; absent where it stayed. */
  readonly path?: readonly number[];
};

export function replayItems(records: readonly EpisodeRecord[], encode: PictureEncoder): ReplayItem[] {
  return records.flatMap(({ plan, result, watched, success, cause, replay }) => {
    if (replay === undefined) return [];
    return {
      group: plan.kind === "ordinary" ? plan.skill : plan.unclear,
      won: success,
      cause,
      said: plan.instruction,
      seed: plan.seed,
      verdict: result.verdict,
      reason: result.question ?? result.reason,
      judged: result.judgedDone,
      believed: result.believedDone,
      stepS: replay.stepS,
      tool: replay.tool,
      gripper: replay.gripper,
      things: result.objects.map(({ id, kind, colour, size, start }) => {
        const path = replay.moved[id];
        return {
          id,
          kind,
          rgb: `rgb(${COLOUR_RGB[colour].map((share) => Math.round(share * 255)).join(" ")})`,
          radius: Math.round(footprintRadiusM(kind, size) * 1000),
          start: [Math.round(start[0] * 1000), Math.round(start[1] * 1000)] as const,
          ...(path === undefined ? {} : { path }),
        };
      }),
      candidates: watched.candidates.map(({ at }) => [Math.round(at[0] * 1000), Math.round(at[1] * 1000)] as const),
      first: encode(replay.first),
      last: encode(replay.last),
    };
  });
}
