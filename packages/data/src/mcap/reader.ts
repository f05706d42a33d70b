/**
 * An MCAP file as one episode. MCAP knows no steps: the topic with joint states (else the one with most messages) sets them,
 * every other topic holds its last value. Columns are `topic/field`; real times are in "log_time_ns".
 */

import { BiddenError, type Image } from "@bidden/runtime";
import { ColumnarDataset, type SourceColumn, type SourceEpisode } from "../dataset/columnar.ts";
import type { Dataset, Feature } from "../dataset/types.ts";
import type { RandomAccess } from "../files/store.ts";
import { decodeImage } from "../image/decode.ts";
import { type Entry, type FieldFacts, fieldOf, type McapTopics, numbersIn, readTopics, type Topic } from "./topics.ts";

/** Takes over `file`. Damaged files are refused; `readMcap` gives what is whole. */
export async function openMcap(file: RandomAccess, path: string): Promise<Dataset> {
  const mcap = await readTopics(file, path).catch(async (error: unknown) => {
    await file.close();
    throw error;
  });
  if (mcap.damage !== null) {
    await file.close();
    throw new BiddenError("bad-dataset", `${mcap.damage}; ${mcap.messages} messages before that are whole.`, {
      path,
      messages: mcap.messages,
    });
  }
  const clock = clockTopic(mcap);
  return new ColumnarDataset({
    format: "mcap",
    path,
    robotType: null,
    fps: clock === null ? null : rateOf(clock.entries),
    episodes: clock === null ? [] : [episodeOf(mcap, clock)],
    close: () => file.close(),
  });
}

function clockTopic({ topics }: McapTopics): Topic | null {
  const rank = ({ entries, schema }: Topic): number => entries.length + (/JointStates?$/.test(schema) ? 1e12 : 0);
  let best: Topic | null = null;
  for (const topic of topics.values()) if (best === null || rank(topic) > rank(best)) best = topic;
  return best;
}

/** Median rate, messages a second, to three digits. */
function rateOf(entries: readonly Entry[]): number | null {
  const gaps = entries.slice(1).map((entry, i) => Number(entry.logTimeNs - (entries[i] as Entry).logTimeNs));
  gaps.sort((a, b) => a - b);
  const median = gaps[Math.floor(gaps.length / 2)];
  return median === undefined || median <= 0 ? null : Number((1e9 / median).toPrecision(3));
}

function episodeOf(mcap: McapTopics, clock: Topic): SourceEpisode {
  const times = clock.entries.map((entry) => entry.logTimeNs);
  const columns = new Map<string, SourceColumn>();
  columns.set("log_time_ns", {
    feature: { dtype: "int64", shape: [1], names: null },
    read: (from, to) =>
      Promise.resolve({
        kind: "numbers",
        dtype: "int64",
        shape: [1],
        values: BigInt64Array.from(times.slice(from, to)),
      }),
  });
  let task = "";
  for (const topic of mcap.topics.values()) {
    const held = holdAt(topic.entries, times);
    for (const [field, facts] of topic.fields) {
      const values = async (from: number, to: number): Promise<unknown[]> =>
        (await mcap.load(topic, held.slice(from, to))).map((message) => fieldOf(message.decode(), field));
      columns.set(field === "" ? topic.name : `${topic.name}/${field}`, columnOf(values, facts));
      const { first } = facts;
      if (task === "" && typeof first === "string" && /task|instruction/.test(`${topic.name}/${field}`)) task = first;
    }
  }
  return { length: times.length, task, extra: { metadata: mcap.metadata, clock: clock.name }, columns };
}

/** The last message at or before each time; the first one before any came. */
function holdAt(entries: readonly Entry[], times: readonly bigint[]): Entry[] {
  let next = 0;
  return times.map((time) => {
    while (next + 1 < entries.length && (entries[next + 1] as Entry).logTimeNs <= time) next++;
    return entries[next] as Entry;
  });
}

/** Values of frames [from, to). */
type Values = (from: number, to: number) => Promise<unknown[]>;

function columnOf(values: Values, { first, size }: FieldFacts): SourceColumn {
  const picture = pictureBytes(first);
  if (picture !== null && picture.length > 8 && (picture[0] === 0xff || picture[0] === 0x89)) return pictures(values);
  if (typeof first === "string") {
    return {
      feature: { dtype: "string", shape: [1], names: null },
      read: async (from, to) => ({ kind: "text", values: (await values(from, to)).map(textOf) }),
    };
  }
  if (size !== null) {
    const feature: Feature = { dtype: "float64", shape: [size], names: null };
    return {
      feature,
      read: async (from, to) => {
        const out = new Float64Array((to - from) * size);
        for (const [i, value] of (await values(from, to)).entries())
          out.set(numbersIn(value) ?? [Number(value)], i * size);
        return { kind: "numbers", dtype: "float64", shape: [size], values: out };
      },
    };
  }
  return {
    feature: { dtype: "json", shape: [1], names: null },
    read: async (from, to) => ({ kind: "json", values: await values(from, to) }),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Protobuf's JSON mapping has bytes as base64. */
function pictureBytes(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string" || value.length < 64 || !/^(\/9j\/|iVBOR)[A-Za-z0-9+/]+=*$/.test(value)) return null;
  return Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
}

function pictures(values: Values): SourceColumn {
  return {
    feature: {
      dtype: "image",
      shape: [0, 0, 3],
      names: ["height", "width", "channels"],
      info: { encoding: "compressed" },
    },
    read: async (from, to) => {
      const all = (await values(from, to)).map(pictureBytes);
      return {
        kind: "images",
        length: to - from,
        encoded: (frame) => all[frame] ?? null,
        image: (frame): Promise<Image> => decodeImage(all[frame] ?? new Uint8Array(0), `message ${from + frame}`),
      };
    },
  };
}
