/** One episode of one camera as a video file of its own, for players: packets are copied, nothing is decoded. */

import type { Dataset } from "../dataset/types.ts";
import { joinPieces } from "../media/mp4-copy.ts";
import { LeRobotReader } from "./reader.ts";
import { pieceOf, SampleCache } from "./rewrite-videos.ts";

/** Null where the camera is no video of a LeRobot dataset. */
export async function episodeVideo(dataset: Dataset, episode: number, camera: string): Promise<Uint8Array | null> {
  if (!(dataset instanceof LeRobotReader) || dataset.features[camera]?.dtype !== "video") return null;
  const { length } = await dataset.episode(episode);
  return joinPieces([await pieceOf({ source: dataset, episode, from: 0, to: length }, camera, new SampleCache())]);
}
