/**
 * The messages of a file by topic: when each came, and what its fields are. Their bytes stay in memory as far as they are few; beyond
 * that they are read again, by the file's own index, when they are asked for.
 */

import { McapIndexedReader } from "@mcap/core";
import { isNumberArray } from "../dataset/columns.ts";
import type { RandomAccess } from "../files/store.ts";
import { decompressHandlers, McapDecoders, type McapMessage, visitMcap } from "./messages.ts";

/** Of messages kept, of one file. */
const KEPT_BYTES = 64 << 20;

export type Entry = {
  readonly logTimeNs: bigint;
  readonly sequence: number;
  /** Null: on the disk. */
  readonly message: McapMessage | null;
};

export type FieldFacts = {
  readonly first: unknown;
  /** Numbers in every message; null where that differs, or where there are none. */
  size: number | null;
};

export type Topic = {
  readonly name: string;
  readonly schema: string;
  /** By the time they were logged. */
  readonly entries: Entry[];
  readonly fields: ReadonlyMap<string, FieldFacts>;
};

export type McapTopics = {
  readonly topics: ReadonlyMap<string, Topic>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly messages: number;
  readonly damage: string | null;
  /** The messages of entries of one topic that lie close together in time. */
  load(topic: Topic, entries: readonly Entry[]): Promise<McapMessage[]>;
};

/** @param keptBytes for tests. */
export async function readTopics(file: RandomAccess, name: string, keptBytes = KEPT_BYTES): Promise<McapTopics> {
  const decoders = new McapDecoders(name);
  const topics = new Map<string, Topic>();
  const index = await openIndex(file, name);
  let kept = 0;
  let messages = 0;
  const { damage, metadata } = await visitMcap(file, name, decoders, (message) => {
    const keep = index === null || kept < keptBytes;
    kept += message.data.length;
    messages++;
    const { logTimeNs, sequence, topic } = message;
    const known = topics.get(topic) ?? startTopic(message);
    topics.set(topic, known);
    known.entries.push({ logTimeNs, sequence, message: keep ? message : null });
    for (const [field, facts] of known.fields)
      if (facts.size !== null && sizeOf(fieldOf(message.decode(), field)) !== facts.size) facts.size = null;
  });
  for (const { entries } of topics.values())
    entries.sort((a, b) => (a.logTimeNs < b.logTimeNs ? -1 : a.logTimeNs > b.logTimeNs ? 1 : 0));
  return {
    topics,
    metadata: Object.fromEntries(metadata.map(({ name: own, values }) => [own, values])),
    messages,
    damage,
    load: (topic, entries) => load(index, decoders, topic, entries),
  };
}

function startTopic(message: McapMessage): Topic {
  const fields = new Map<string, FieldFacts>();
  for (const [field, first] of fieldsOf(message.decode())) fields.set(field, { first, size: sizeOf(first) });
  return { name: message.topic, schema: message.schema, entries: [], fields };
}

/** Null for files that have none: their messages stay in memory. */
async function openIndex(file: RandomAccess, name: string): Promise<McapIndexedReader | null> {
  try {
    const reader = await McapIndexedReader.Initialize({
      readable: {
        size: () => Promise.resolve(BigInt(file.byteLength)),
        read: async (offset, size) => new Uint8Array(await file.slice(Number(offset), Number(offset + size))),
      },
      decompressHandlers: decompressHandlers(name),
    });
    return reader.chunkIndexes.length > 0 ? reader : null;
  } catch {
    // Damage is said by the pass over the whole file.
    return null;
  }
}

async function load(
  index: McapIndexedReader | null,
  decoders: McapDecoders,
  topic: Topic,
  entries: readonly Entry[],
): Promise<McapMessage[]> {
  const missing = entries.filter((entry) => entry.message === null);
  const loaded = new Map<string, McapMessage>();
  if (missing.length > 0 && index !== null) {
    const times = missing.map((entry) => entry.logTimeNs);
    const startTime = times.reduce((a, b) => (b < a ? b : a));
    const endTime = times.reduce((a, b) => (b > a ? b : a));
    for await (const record of index.readMessages({ topics: [topic.name], startTime, endTime })) {
      loaded.set(keyOf(record.logTime, record.sequence), decoders.message(record));
    }
  }
  return entries.map((entry) => (entry.message ?? loaded.get(keyOf(entry.logTimeNs, entry.sequence))) as McapMessage);
}

function keyOf(timeNs: bigint, sequence: number): string {
  return `${timeNs} ${sequence}`;
}

/** Fields that make a column, by path: numbers, lists of numbers, text, bytes of a picture; the rest as it is. */
function fieldsOf(value: unknown, path = "", depth = 0): [string, unknown][] {
  const leaf = typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value);
  if (leaf || depth >= 4) return [[path, value]];
  return Object.entries(value).flatMap(([name, inner]) =>
    fieldsOf(inner, path === "" ? name : `${path}/${name}`, depth + 1),
  );
}

export function fieldOf(value: unknown, field: string): unknown {
  if (field === "") return value;
  let own = value;
  for (const name of field.split("/")) own = (own as Record<string, unknown> | null | undefined)?.[name];
  return own;
}

export function numbersIn(value: unknown): number[] | null {
  if (isNumberArray(value) && !(value instanceof Uint8Array)) return Array.from(value as ArrayLike<number>, Number);
  return Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "number") ? value : null;
}

function sizeOf(value: unknown): number | null {
  if (typeof value === "number") return 1;
  // An empty list is no column of numbers.
  return numbersIn(value)?.length || null;
}
