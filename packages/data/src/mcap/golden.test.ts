import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFolderStore } from "../files/store.node.ts";
import { GOLDEN, readJson } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { type McapMessage, readMcap } from "./messages.ts";
import { readTopics } from "./topics.ts";

type ExpectedMessage = {
  topic: string;
  schema: string | null;
  log_time: string;
  publish_time: string;
  sequence: number;
  data_sha256: string;
  decoded: unknown;
};
type Expected = {
  messages: ExpectedMessage[];
  read_error: string | null;
  with_crc_validation: { messages: number; error: string | null };
  attachments?: { name: string; sha256: string }[];
  metadata?: { name: string; metadata: Record<string, string> }[];
};

const FILES = fs.readdirSync(join(GOLDEN, "mcap"));

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Values as the expected ones are stored: long bytes as a hash, integers beyond 2^53 as text, lists for typed arrays. */
function stored(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value === "number" && !Number.isFinite(value))
    return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (value instanceof Uint8Array && value.length > 16) return { bytes_sha256: sha(value), length: value.length };
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, stored);
  if (Array.isArray(value)) return value.map(stored);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, stored(inner)]));
}

async function read(name: string) {
  const file = await createFolderStore(join(GOLDEN, "mcap")).open(name);
  return readMcap(file, name).finally(() => file.close());
}

/** Envelope and bytes of a message. */
function envelope(message: McapMessage) {
  const { topic, schema, logTimeNs, publishTimeNs, sequence, data } = message;
  return [topic, schema, String(logTimeNs), String(publishTimeNs), sequence, sha(data)];
}

describe("MCAP files written by the Python library", () => {
  it.each(FILES)("%s: every whole message, bit for bit", async (name) => {
    const expected = readJson(`mcap-expected/${name}.json`) as Expected;
    const mcap = await read(name);
    const validated = expected.with_crc_validation;
    // Checksums are always compared here, as the reference does on request.
    const truth =
      validated.error?.includes("CRC") === true ? expected.messages.slice(0, validated.messages) : expected.messages;
    expect(mcap.messages.map(envelope)).toEqual(
      truth.map((m) => [m.topic, m.schema ?? "", m.log_time, m.publish_time, m.sequence, m.data_sha256]),
    );
    expect(mcap.damage === null).toBe(validated.error === null);
    expect(mcap.attachments.map((a) => [a.name, sha(a.data)])).toEqual(
      (expected.attachments ?? []).map((a) => [a.name, a.sha256]),
    );
    expect(mcap.metadata.map((m) => [m.name, m.values])).toEqual(
      (expected.metadata ?? []).map((m) => [m.name, m.metadata]),
    );
  });

  it.each(["ros2-chunked-lz4.mcap", "ros2-chunked-zstd.mcap", "ros2-unchunked.mcap"])(
    "%s: messages decode as ROS 2's reader decodes them",
    async (name) => {
      const expected = readJson(`mcap-expected/${name}.json`) as Expected;
      const mcap = await read(name);
      expect(mcap.messages.map((message) => stored(message.decode()))).toEqual(expected.messages.map((m) => m.decoded));
    },
  );

  it("protobuf and JSON messages decode as their own readers decode them", async () => {
    const name = "foxglove-protobuf-json-zstd.mcap";
    const expected = readJson(`mcap-expected/${name}.json`) as Expected;
    const mcap = await read(name);
    const decoded = mcap.messages.map((message) =>
      message.encoding === "protobuf" ? { protobuf_json: message.decode() } : message.decode(),
    );
    expect(decoded).toEqual(expected.messages.map((m) => m.decoded));
  });

  it.each(["ros2-chunked-lz4.mcap", "foxglove-protobuf-json-zstd.mcap", "out-of-order.mcap", "ros2-unchunked.mcap"])(
    "%s: messages that are not kept in memory are read again, the same",
    async (name) => {
      const store = createFolderStore(join(GOLDEN, "mcap"));
      const [whole, none] = [
        await readTopics(await store.open(name), name),
        await readTopics(await store.open(name), name, 0),
      ];
      for (const [topic, own] of none.topics) {
        const kept = whole.topics.get(topic);
        const again = await none.load(own, own.entries);
        expect(again.map(envelope)).toEqual(kept?.entries.map((entry) => entry.message as McapMessage).map(envelope));
        const last = await none.load(own, own.entries.slice(-1));
        expect(last.map(envelope)).toEqual(again.slice(-1).map(envelope));
      }
      const onDisk = [...none.topics.values()].flatMap((own) => own.entries).filter((entry) => entry.message === null);
      // Without chunks there is no index.
      expect(onDisk.length).toBe(name === "ros2-unchunked.mcap" ? 0 : none.messages);
    },
  );

  it("is an episode on the grid of its joint states", async () => {
    const dataset = await openDataset(join(GOLDEN, "mcap/ros2-chunked-lz4.mcap"));
    const { columns, length, tasks } = await dataset.read(0);
    expect([length, dataset.fps, tasks[0]]).toEqual([12, 50, "pick up the block"]);
    const position = columns["/joint_states/position"];
    expect(position?.kind === "numbers" && position.shape).toEqual([7]);
    const camera = columns["/camera/color/compressed/data"];
    expect(camera?.kind === "images" && (await camera.image(0)).width).toBeGreaterThan(0);
    await expect(openDataset(join(GOLDEN, "mcap/truncated-mid-chunk.mcap"))).rejects.toThrow(
      /11 messages before that are whole/,
    );
  });
});
