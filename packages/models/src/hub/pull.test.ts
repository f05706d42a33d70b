import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { receiptOf } from "./cache.node.ts";
import { pullCheckpoint } from "./pull.node.ts";

const config = Buffer.from('{"type": "made"}');
const weights = Buffer.alloc(300_000, 7);

type Hub = { readonly endpoint: string; readonly ranges: string[]; requests: number };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that speaks as the hub does; `cut` ends the first download of the weights after so many bytes. */
async function hub(options: { cut?: number; sha256?: string; ranges?: boolean; list?: unknown[] } = {}): Promise<Hub> {
  const state: { endpoint: string; ranges: string[]; requests: number } = { endpoint: "", ranges: [], requests: 0 };
  let cut = options.cut;
  const git = createHash("sha1").update(`blob ${config.length}\0`).update(config).digest("hex");
  const sha256 = options.sha256 ?? createHash("sha256").update(weights).digest("hex");
  const tree = options.list ?? [
    { type: "directory", path: "assets" },
    { type: "file", path: "assets/video.mp4", size: 10, oid: "0" },
    { type: "file", path: "config.json", size: config.length, oid: git },
    {
      type: "file",
      path: "model.safetensors",
      size: weights.length,
      oid: "1",
      lfs: { oid: sha256, size: weights.length },
    },
  ];
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    if (url.startsWith("/api/models/a/b/revision/")) response.end(JSON.stringify({ sha: "c0ffee" }));
    else if (url.startsWith("/api/models/a/b/tree/c0ffee")) response.end(JSON.stringify(tree));
    else if (url === "/a/b/resolve/c0ffee/config.json") response.end(config);
    else if (url === "/a/b/resolve/c0ffee/model.safetensors") {
      state.requests++;
      state.ranges.push(request.headers.range ?? "");
      const from = options.ranges === false ? 0 : Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": weights.length - from });
      if (cut === undefined) response.end(weights.subarray(from));
      else {
        response.write(weights.subarray(from, from + cut), () => setTimeout(() => response.destroy(), 50));
        cut = undefined;
      }
    } else response.writeHead(404).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  state.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

const folder = (): string => mkdtempSync(join(tmpdir(), "bidden-pull-"));

describe("pulling a checkpoint", () => {
  test("what was begun goes on where it broke off, and pictures stay where they are", async () => {
    const { endpoint, ranges } = await hub({ cut: 100_000 });
    const to = folder();
    const pulled = await pullCheckpoint("a/b", { endpoint, to });
    expect(readFileSync(join(to, "model.safetensors")).equals(weights)).toBe(true);
    expect(ranges[0]).toBe("");
    expect(Number(/bytes=(\d+)-/.exec(ranges[1] ?? "")?.[1])).toBeGreaterThan(0);
    expect(existsSync(join(to, "assets"))).toBe(false);
    expect(pulled).toMatchObject({ revision: "c0ffee", offline: false, bytes: config.length + weights.length });
    expect(receiptOf(to)?.files.map(({ path }) => path)).toEqual(["config.json", "model.safetensors"]);
  });

  test("a server without ranges sends all of it again", async () => {
    const { endpoint } = await hub({ cut: 100_000, ranges: false });
    const to = folder();
    await pullCheckpoint("a/b", { endpoint, to });
    expect(readFileSync(join(to, "model.safetensors")).equals(weights)).toBe(true);
  });

  test("what is there is not fetched again; what was changed is", async () => {
    const server = await hub();
    const to = folder();
    await pullCheckpoint("a/b", { endpoint: server.endpoint, to });
    expect((await pullCheckpoint("a/b", { endpoint: server.endpoint, to })).fetchedBytes).toBe(0);
    writeFileSync(join(to, "model.safetensors"), "short");
    await pullCheckpoint("a/b", { endpoint: server.endpoint, to });
    expect(server.requests).toBe(2);
    expect(readFileSync(join(to, "model.safetensors")).equals(weights)).toBe(true);
  });

  test("bytes that are not what the hub names are removed", async () => {
    const { endpoint } = await hub({ sha256: "00".repeat(32) });
    const to = folder();
    await expect(pullCheckpoint("a/b", { endpoint, to })).rejects.toThrow("expected sha256 0000");
    expect(existsSync(join(to, "model.safetensors"))).toBe(false);
    expect(existsSync(join(to, "model.safetensors.part"))).toBe(false);
    expect(receiptOf(to)).toBeNull();
  });

  test("without a network what was pulled before is used, and nothing else", async () => {
    const { endpoint } = await hub();
    const to = folder();
    await pullCheckpoint("a/b", { endpoint, to });
    const nowhere = "http://127.0.0.1:9";
    expect(await pullCheckpoint("a/b", { endpoint: nowhere, to })).toMatchObject({ offline: true, revision: "c0ffee" });
    await expect(pullCheckpoint("a/b", { endpoint: nowhere, to: folder() })).rejects.toThrow("was not pulled before");
  });

  test.each(["../../etc/passwd.json", "/etc/x.json", "a/../../x.json", "a\\x.json"])(
    "a listing that names %s is refused",
    async (path) => {
      const { endpoint } = await hub({ list: [{ type: "file", path, size: 1, oid: "0" }] });
      await expect(pullCheckpoint("a/b", { endpoint, to: folder() })).rejects.toThrow("a file that no checkpoint has");
    },
  );

  test("a name that is none, and a repository that is not there", async () => {
    await expect(pullCheckpoint("smolvla")).rejects.toThrow("Expected a repository such as");
    const { endpoint } = await hub();
    await expect(pullCheckpoint("a/c", { endpoint, to: folder() })).rejects.toThrow("answered 404");
  });
});
