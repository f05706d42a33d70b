/** What is in a dataset, in one plain object. */

import type { Dataset, Feature } from "../dataset/types.ts";

export type CameraReport = {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** "png" and the like for pictures, the codec for videos. */
  readonly encoding: string;
};

export type DatasetReport = {
  readonly path: string;
  readonly format: string;
  readonly robotType: string | null;
  readonly fps: number | null;
  readonly episodes: number;
  readonly frames: number;
  /** Null when the frame rate is unknown. */
  readonly hours: number | null;
  /** Frames of an episode. */
  readonly length: { readonly min: number; readonly median: number; readonly max: number } | null;
  readonly tasks: readonly string[];
  readonly cameras: readonly CameraReport[];
  readonly features: Readonly<Record<string, { dtype: string; shape: readonly number[]; names: unknown }>>;
  readonly bytes: number | null;
};

/** @param bytes size of all files, where somebody counted. */
export async function describeDataset(dataset: Dataset, bytes: number | null = null): Promise<DatasetReport> {
  const lengths: number[] = [];
  const tasks = new Set(dataset.tasks);
  for (let i = 0; i < dataset.episodeCount; i++) {
    const episode = await dataset.episode(i);
    lengths.push(episode.length);
    for (const task of episode.tasks) tasks.add(task);
  }
  const frames = lengths.reduce((sum, length) => sum + length, 0);
  lengths.sort((a, b) => a - b);
  const features = Object.entries(dataset.features);
  return {
    path: dataset.path,
    format: dataset.format,
    robotType: dataset.robotType,
    fps: dataset.fps,
    episodes: dataset.episodeCount,
    frames,
    hours: dataset.fps === null ? null : frames / dataset.fps / 3600,
    length:
      lengths.length === 0
        ? null
        : {
            min: lengths[0] as number,
            median: lengths[Math.floor(lengths.length / 2)] as number,
            max: lengths.at(-1) as number,
          },
    tasks: [...tasks],
    cameras: features.filter(([, feature]) => isCamera(feature)).map(([name, feature]) => cameraOf(name, feature)),
    features: Object.fromEntries(
      features.map(([name, { dtype, shape, names }]) => [name, { dtype, shape, names: names ?? null }]),
    ),
    bytes,
  };
}

function isCamera({ dtype }: Feature): boolean {
  return dtype === "image" || dtype === "video";
}

function cameraOf(name: string, { dtype, shape, info }: Feature): CameraReport {
  const codec = info?.["video.codec"] ?? info?.["encoding"];
  const encoding = typeof codec === "string" ? codec : dtype === "video" ? "unknown codec" : "png";
  return { name, height: shape[0] ?? 0, width: shape[1] ?? 0, encoding };
}

/** The same for people. */
export function sayReport(report: DatasetReport): string {
  const { length, hours, bytes } = report;
  const lines = [
    `${report.path}  (${report.format})`,
    `robot     ${report.robotType ?? "not said"}`,
    `rate      ${report.fps === null ? "not said" : `${report.fps} frames a second`}`,
    `episodes  ${report.episodes}${length === null ? "" : `, ${length.min} to ${length.max} frames, median ${length.median}`}`,
    `frames    ${report.frames}${hours === null ? "" : ` = ${sayDuration(hours * 3600)}`}`,
    ...(bytes === null ? [] : [`size      ${sayBytes(bytes)}`]),
    `tasks     ${report.tasks.length}`,
    ...report.tasks.slice(0, 10).map((task) => `  ${JSON.stringify(task)}`),
    ...(report.tasks.length > 10 ? [`  and ${report.tasks.length - 10} more`] : []),
    `cameras   ${report.cameras.length}`,
    ...report.cameras.map((camera) => `  ${camera.name}  ${camera.width} x ${camera.height}  ${camera.encoding}`),
    "columns",
    ...Object.entries(report.features).map(([name, { dtype, shape }]) => `  ${name}  ${dtype} [${shape.join(", ")}]`),
  ];
  return lines.join("\n");
}

function sayDuration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(2)} h`;
}

function sayBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}
