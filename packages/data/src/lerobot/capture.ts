/**
 * When things really happened: the capture time of every frame, and sensors that run at rates of their own (force at 500 Hz beside
 * cameras at 30). LeRobot knows only frame / fps, and that stays in its columns; this lies beside it, one parquet file an episode
 * that LeRobot does not look at: `sensor`, `time_ns`, `values`, a row a sample.
 */

import { BiddenError } from "@bidden/runtime";
import type { FileStore } from "../files/store.ts";
import { textFrom } from "./convert.ts";
import { columnSchema, encodeTable, openTable } from "./parquet.ts";

/** Under this name stand the times of the frames, without values. */
const FRAMES = "bidden/frames";

export type SensorTrack = {
  /** Not falling. */
  readonly timesNs: BigInt64Array;
  /** Numbers of a sample. */
  readonly size: number;
  /** float64[samples, size]. */
  readonly values: Float64Array;
};

export type Capture = {
  /** Of each frame; null where only sensors were recorded. */
  readonly frameTimesNs: BigInt64Array | null;
  readonly sensors: Readonly<Record<string, SensorTrack>>;
};

export function capturePath(episode: number): string {
  return `meta/bidden/capture/episode-${String(episode).padStart(6, "0")}.parquet`;
}

/** Collects while an episode runs. */
export class CaptureLog {
  readonly #frameTimes: bigint[] = [];
  readonly #sensors = new Map<string, { size: number; times: bigint[]; values: number[] }>();
  #frames = 0;

  get empty(): boolean {
    return this.#frameTimes.length === 0 && this.#sensors.size === 0;
  }

  /** Checks before anything is kept, so that a frame can still be refused. */
  checkFrame(timeNs: bigint | undefined): void {
    if (this.#frames > 0 && (timeNs === undefined) !== (this.#frameTimes.length === 0)) {
      throw new BiddenError("bad-argument", "Either every frame of an episode has a capture time, or none.");
    }
    if (timeNs !== undefined) checkTime(timeNs, this.#frameTimes.at(-1), "A frame");
  }

  addFrame(timeNs: bigint | undefined): void {
    this.#frames++;
    if (timeNs !== undefined) this.#frameTimes.push(timeNs);
  }

  addSample(sensor: string, timeNs: bigint, values: ArrayLike<number>): void {
    if (sensor === "" || sensor === FRAMES) {
      throw new BiddenError("bad-argument", `A sensor cannot be named ${JSON.stringify(sensor)}.`);
    }
    const known = this.#sensors.get(sensor);
    if (known !== undefined && known.size !== values.length) {
      throw new BiddenError(
        "bad-shape",
        `Sensor "${sensor}" gave ${known.size} numbers before and ${values.length} now.`,
      );
    }
    checkTime(timeNs, known?.times.at(-1), `A sample of "${sensor}"`);
    const track = known ?? { size: values.length, times: [], values: [] };
    track.times.push(timeNs);
    for (let i = 0; i < values.length; i++) track.values.push(values[i] as number);
    this.#sensors.set(sensor, track);
  }

  encode(): Uint8Array {
    const tracks = [[FRAMES, { size: 0, times: this.#frameTimes, values: [] as number[] }] as const, ...this.#sensors];
    const [names, times, values]: [string[], bigint[], number[][]] = [[], [], []];
    for (const [name, track] of tracks) {
      for (const [i, time] of track.times.entries()) {
        names.push(name);
        times.push(time);
        values.push(track.values.slice(i * track.size, (i + 1) * track.size));
      }
    }
    const columns = [
      { name: "sensor", schema: columnSchema("sensor", "string", 0), data: names },
      { name: "time_ns", schema: columnSchema("time_ns", "int64", 0), data: times },
      { name: "values", schema: columnSchema("values", "float64", 1), data: values },
    ];
    return encodeTable(columns, [], [times.length]);
  }
}

function checkTime(timeNs: bigint, before: bigint | undefined, what: string): void {
  if (timeNs < -(2n ** 63n) || timeNs >= 2n ** 63n) {
    throw new BiddenError("bad-argument", `${what} has time ${timeNs}, which does not fit 64 bits.`);
  }
  if (before !== undefined && timeNs < before) {
    throw new BiddenError(
      "bad-argument",
      `${what} was captured at ${timeNs} ns, before the one before it (${before}).`,
    );
  }
}

/** Null where nothing was kept. */
export async function readCapture(store: FileStore, episode: number): Promise<Capture | null> {
  const path = capturePath(episode);
  if (!(await store.list("meta/bidden/capture")).includes(path.slice(path.lastIndexOf("/") + 1))) return null;
  const table = await openTable(await store.open(path), `${store.root}/${path}`);
  try {
    const names = await table.read("sensor");
    const times = await table.read("time_ns");
    const values = await table.read("values");
    const tracks = new Map<string, { times: bigint[]; rows: number[][] }>();
    for (let row = 0; row < table.rows; row++) {
      const name = textFrom(names[row], `${path}, row ${row}`);
      const track = tracks.get(name) ?? { times: [], rows: [] };
      track.times.push(BigInt(times[row] as bigint | number));
      track.rows.push(Array.from((values[row] as ArrayLike<number> | null) ?? [], Number));
      tracks.set(name, track);
    }
    const frames = tracks.get(FRAMES);
    tracks.delete(FRAMES);
    const sensors = Object.fromEntries([...tracks].map(([name, track]) => [name, trackFrom(name, track, path)]));
    return { frameTimesNs: frames === undefined ? null : BigInt64Array.from(frames.times), sensors };
  } finally {
    await table.close();
  }
}

function trackFrom(
  name: string,
  { times, rows }: { readonly times: readonly bigint[]; readonly rows: readonly (readonly number[])[] },
  path: string,
): SensorTrack {
  const size = rows[0]?.length ?? 0;
  const odd = rows.findIndex((row) => row.length !== size);
  if (odd >= 0) {
    throw new BiddenError(
      "bad-dataset",
      `${path}: sensor "${name}" has ${size} numbers in its first sample and ${rows[odd]?.length} in number ${odd}.`,
      { file: path, rule: "capture-size" },
    );
  }
  return { timesNs: BigInt64Array.from(times), size, values: Float64Array.from(rows.flat()) };
}
