/**
 * Messages of MCAP files (@mcap/core), decoded: ROS 2 CDR, protobuf with its descriptors, JSON. Files are read front to back,
 * so that those without a summary or cut short give every message that is whole. Checksums are compared.
 */

import { createFileRegistry, fromBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { BiddenError, messageOf } from "@bidden/runtime";
import * as rosmsg from "@foxglove/rosmsg";
import * as rosmsg2 from "@foxglove/rosmsg2-serialization";
import { McapStreamReader, type McapTypes } from "@mcap/core";
import { decompress as decompressZstd } from "fzstd";
import { decompressLz4Frame } from "../bytes/lz4.ts";
import type { RandomAccess } from "../files/store.ts";

export type McapMessage = {
  readonly topic: string;
  /** Empty where the channel has no schema. */
  readonly schema: string;
  readonly encoding: string;
  readonly sequence: number;
  readonly logTimeNs: bigint;
  readonly publishTimeNs: bigint;
  readonly data: Uint8Array;
  /** Plain values; protobuf as its JSON mapping. Throws `bad-dataset` for bytes that do not fit the schema. */
  decode(): unknown;
};

export type McapFile = {
  readonly profile: string;
  readonly messages: readonly McapMessage[];
  readonly metadata: readonly { readonly name: string; readonly values: Readonly<Record<string, string>> }[];
  readonly attachments: readonly { readonly name: string; readonly mediaType: string; readonly data: Uint8Array }[];
  /** A sentence where the file is damaged or cut short; the messages before it are whole. */
  readonly damage: string | null;
};

const READ_BYTES = 1 << 20;
/** A chunk may claim any size: at most this many bytes for one of its own. */
const MAX_RATIO = 1100;

type Schema = McapTypes.TypedMcapRecords["Schema"];
type Channel = McapTypes.TypedMcapRecords["Channel"];
type Decoder = (data: Uint8Array) => unknown;

/** In the order of the file, all of it in memory. */
export async function readMcap(file: RandomAccess, name: string): Promise<McapFile> {
  const messages: McapMessage[] = [];
  const rest = await visitMcap(file, name, new McapDecoders(name), (message) => void messages.push(message));
  return { ...rest, messages };
}

/** Front to back; what `visit` does not keep is not kept. */
export async function visitMcap(
  file: RandomAccess,
  name: string,
  decoders: McapDecoders,
  visit: (message: McapMessage) => void,
): Promise<Omit<McapFile, "messages">> {
  const metadata: { name: string; values: Record<string, string> }[] = [];
  const attachments: { name: string; mediaType: string; data: Uint8Array }[] = [];
  let profile = "";
  const take = (record: McapTypes.TypedMcapRecord): void => {
    if (record.type === "Header") profile = record.profile;
    else if (record.type === "Schema") decoders.schemas.set(record.id, record);
    else if (record.type === "Channel") decoders.channels.set(record.id, record);
    else if (record.type === "Metadata")
      metadata.push({ name: record.name, values: Object.fromEntries(record.metadata) });
    else if (record.type === "Attachment") {
      attachments.push({ name: record.name, mediaType: record.mediaType, data: record.data.slice() });
    } else if (record.type === "Message") visit(decoders.message(record));
  };
  const damage = await readRecords(file, take, name);
  return { profile, metadata, attachments, damage };
}

/** What a file's channels and schemas say of its messages. */
export class McapDecoders {
  readonly schemas = new Map<number, Schema>();
  readonly channels = new Map<number, Channel>();
  readonly #decoders = new Map<number, Decoder>();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  /** Copies the record's bytes. */
  message(record: McapTypes.TypedMcapRecords["Message"]): McapMessage {
    const channel = this.channels.get(record.channelId);
    if (channel === undefined) throw new BiddenError("bad-dataset", `message of unknown channel ${record.channelId}`);
    return messageFrom(record, channel, this.schemas.get(channel.schemaId), this.#decoders, this.#name);
  }
}

/** Of chunks; what they claim to become is bounded by what they are. */
export function decompressHandlers(name: string): McapTypes.DecompressHandlers {
  const bounded =
    (decompress: (bytes: Uint8Array, size: number) => Uint8Array) => (bytes: Uint8Array, claimed: bigint) => {
      const size = Number(claimed);
      if (size > bytes.length * MAX_RATIO + 1024)
        throw new BiddenError("bad-dataset", `a chunk of ${bytes.length} bytes claims ${size}`);
      return decompress(bytes, size);
    };
  return {
    lz4: bounded((bytes, size) => decompressLz4Frame(bytes, size, name)),
    zstd: bounded((bytes, size) => decompressZstd(bytes, new Uint8Array(size))),
  };
}

/** @returns what was wrong, or null. */
async function readRecords(
  file: RandomAccess,
  take: (record: McapTypes.TypedMcapRecord) => void,
  name: string,
): Promise<string | null> {
  const reader = new McapStreamReader({ validateCrcs: true, decompressHandlers: decompressHandlers(name) });
  let offset = 0;
  try {
    for (; offset < file.byteLength && !reader.done(); offset += READ_BYTES) {
      reader.append(new Uint8Array(await file.slice(offset, Math.min(offset + READ_BYTES, file.byteLength))));
      for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) take(record);
    }
  } catch (error) {
    return `${name} is damaged before offset ${Math.min(offset + READ_BYTES, file.byteLength)}: ${messageOf(error)}`;
  }
  return reader.done() ? null : `${name} is cut short: its footer is missing`;
}

function messageFrom(
  record: McapTypes.TypedMcapRecords["Message"],
  channel: Channel,
  schema: Schema | undefined,
  decoders: Map<number, Decoder>,
  name: string,
): McapMessage {
  const data = record.data.slice();
  return {
    topic: channel.topic,
    schema: schema?.name ?? "",
    encoding: channel.messageEncoding,
    sequence: record.sequence,
    logTimeNs: record.logTime,
    publishTimeNs: record.publishTime,
    data,
    decode: () => {
      try {
        let decoder = decoders.get(channel.id);
        if (decoder === undefined) decoders.set(channel.id, (decoder = decoderFor(channel, schema)));
        return decoder(data);
      } catch (error) {
        throw new BiddenError(
          "bad-dataset",
          `${name}: message ${record.sequence} of ${channel.topic} does not decode as ${schema?.name ?? channel.messageEncoding} (${messageOf(error)}).`,
          { topic: channel.topic },
          error,
        );
      }
    },
  };
}

function decoderFor(channel: Channel, schema: Schema | undefined): Decoder {
  const text = (): string => new TextDecoder().decode(schema?.data);
  if (channel.messageEncoding === "json") return (data) => JSON.parse(new TextDecoder().decode(data)) as unknown;
  if (channel.messageEncoding === "cdr" && schema?.encoding === "ros2msg") {
    const reader = new rosmsg2.MessageReader(rosmsg.parse(text(), { ros2: true }));
    return (data) => reader.readMessage(data);
  }
  if (channel.messageEncoding === "protobuf" && schema?.encoding === "protobuf") {
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, schema.data));
    const message = registry.getMessage(schema.name);
    if (message !== undefined)
      return (data) => toJson(message, fromBinary(message, data), { registry, useProtoFieldName: true });
  }
  throw new BiddenError(
    "unsupported",
    `bidden decodes cdr with ros2msg, protobuf with descriptors and json; this is ${channel.messageEncoding} with ${schema?.encoding ?? "no schema"}`,
  );
}
