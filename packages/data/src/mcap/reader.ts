/**
 * An MCAP file as one episode. MCAP knows no steps: the topic with joint states (else the one with most messages) sets them,
 * every other topic holds its last value. Columns are `topic/field`; real times are in "log_time_ns".
 */

import { BiddenError, type Image } from "@bidden/runtime";
import { isNumberArray } from "../dataset/columns.ts";
import { ColumnarDataset, type SourceColumn, type SourceEpisode } from "../dataset/columnar.ts";
import type { Dataset, Feature } from "../dataset/types.ts";
import type { RandomAccess } from "../files/store.ts";
import { decodeImage } from "../image/decode.ts";
import { type McapMessage, readMcap } from "./messages.ts";

/** Takes over `file`. Damaged files are refused; `readMcap` gives what is whole. */
export async function openMcap(file: RandomAccess, path: string): Promise<Dataset> {
  const mcap = await readMcap(file, path).finally(() => file.close());
  if (mcap.damage !== null) {
    throw new BiddenError("bad-dataset", `${mcap.damage}; ${mcap.messages.length} messages before that are whole.`, {
      path,
      messages: mcap.messages.length,
    });
  }
  const byTopic = new Map<string, McapMessage[]>();
  for (const message of mcap.messages) {
    const list = byTopic.get(message.topic);
    if (list === undefined) byTopic.set(message.topic, [message]);
    else list.push(message);
  }
  for (const list of byTopic.values()) list.sort((a, b) => Number(a.logTimeNs - b.logTimeNs));
  const metadata = Object.fromEntries(mcap.metadata.map(({ name, values }) => [name, values]));
  const clock = clockTopic(byTopic);
  const episodes = clock === null ? [] : [episodeOf(byTopic, clock, metadata)];
  return new ColumnarDataset({
    format: "mcap",
    path,
    robotType: null,
    fps: clock === null ? null : rateOf(byTopic.get(clock) ?? []),
    episodes,
    close: () => Promise.resolve(),
  });
}

function clockTopic(byTopic: ReadonlyMap<string, readonly McapMessage[]>): string | null {
  const rank = (list: readonly McapMessage[]): number =>
    list.length + (/JointStates?$/.test(list[0]?.schema ?? "") ? 1e12 : 0);
  let best: string | null = null;
  for (const [topic, list] of byTopic) {
    if (best === null || rank(list) > rank(byTopic.get(best) ?? [])) best = topic;
  }
  return best;
}

/** Median rate, messages a second, to three digits. */
function rateOf(messages: readonly McapMessage[]): number | null {
  const gaps = messages
    .slice(1)
    .map((message, i) => Number(message.logTimeNs - (messages[i] as McapMessage).logTimeNs));
  gaps.sort((a, b) => a - b);
  const median = gaps[Math.floor(gaps.length / 2)];
  return median === undefined || median <= 0 ? null : Number((1e9 / median).toPrecision(3));
}

function episodeOf(
  byTopic: ReadonlyMap<string, readonly McapMessage[]>,
  clock: string,
  metadata: Readonly<Record<string, unknown>>,
): SourceEpisode {
  const times = (byTopic.get(clock) ?? []).map((message) => message.logTimeNs);
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
  for (const [topic, messages] of byTopic) {
    const held = holdAt(messages, times);
    const first = messages[0]?.decode();
    for (const [field, value] of fieldsOf(first)) {
      columns.set(field === "" ? topic : `${topic}/${field}`, columnOf(held, field, value));
      if (task === "" && typeof value === "string" && /task|instruction/.test(`${topic}/${field}`)) task = value;
    }
  }
  return { length: times.length, task, extra: { metadata, clock }, columns };
}

/** The last message at or before each time; the first one before any came. */
function holdAt(messages: readonly McapMessage[], times: readonly bigint[]): McapMessage[] {
  let next = 0;
  return times.map((time) => {
    while (next + 1 < messages.length && (messages[next + 1] as McapMessage).logTimeNs <= time) next++;
    return messages[next] as McapMessage;
  });
}

/** Fields that make a column, by path: numbers, lists of numbers, text, bytes of a picture; the rest as it is. */
function fieldsOf(value: unknown, path = "", depth = 0): [string, unknown][] {
  const leaf = typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value);
  if (leaf || depth >= 4) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) =>
    fieldsOf(inner, path === "" ? name : `${path}/${name}`, depth + 1),
  );
}

function fieldAt(message: McapMessage, field: string): unknown {
  let value = message.decode();
  if (field === "") return value;
  for (const name of field.split("/")) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}

function columnOf(held: readonly McapMessage[], field: string, first: unknown): SourceColumn {
  const value = (i: number): unknown => fieldAt(held[i] as McapMessage, field);
  const picture = pictureBytes(first);
  if (picture !== null && picture.length > 8 && (picture[0] === 0xff || picture[0] === 0x89)) return pictures(value);
  if (typeof first === "string") {
    return {
      feature: { dtype: "string", shape: [1], names: null },
      read: (from, to) => Promise.resolve({ kind: "text", values: rows(from, to, (i) => textOf(value(i))) }),
    };
  }
  const size = typeof first === "number" ? 1 : numbersIn(first)?.length;
  if (size !== undefined && size > 0 && held.every((_, i) => (numbersIn(value(i))?.length ?? 1) === size)) {
    const feature: Feature = { dtype: "float64", shape: [size], names: null };
    return {
      feature,
      read: (from, to) => {
        const values = new Float64Array((to - from) * size);
        for (let i = from; i < to; i++) values.set(numbersIn(value(i)) ?? [Number(value(i))], (i - from) * size);
        return Promise.resolve({ kind: "numbers", dtype: "float64", shape: [size], values });
      },
    };
  }
  return {
    feature: { dtype: "json", shape: [1], names: null },
    read: (from, to) => Promise.resolve({ kind: "json", values: rows(from, to, value) }),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function rows<T>(from: number, to: number, value: (i: number) => T): T[] {
  return Array.from({ length: to - from }, (_, i) => value(from + i));
}

function numbersIn(value: unknown): number[] | null {
  if (isNumberArray(value) && !(value instanceof Uint8Array)) return Array.from(value as ArrayLike<number>, Number);
  return Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "number") ? value : null;
}

/** Protobuf's JSON mapping has bytes as base64. */
function pictureBytes(value: unknown): Uint8Array | null {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string" || value.length < 64 || !/^(\/9j\/|iVBOR)[A-Za-z0-9+/]+=*$/.test(value)) return null;
  return Uint8Array.from(atob(value), (c) => c.charCodeAt(0));
}

function pictures(value: (i: number) => unknown): SourceColumn {
  return {
    feature: {
      dtype: "image",
      shape: [0, 0, 3],
      names: ["height", "width", "channels"],
      info: { encoding: "compressed" },
    },
    read: (from, to) =>
      Promise.resolve({
        kind: "images",
        length: to - from,
        encoded: (frame) => pictureBytes(value(from + frame)),
        image: (frame): Promise<Image> =>
          decodeImage(pictureBytes(value(from + frame)) ?? new Uint8Array(0), `message ${from + frame}`),
      }),
  };
}
