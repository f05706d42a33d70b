import * as fs from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { catEpisode } from "../inspect/cat.ts";
import { hashSink } from "../inspect/sinks.node.ts";
import { GOLDEN } from "../golden.test-kit.ts";
import { openDataset } from "../open.node.ts";
import { openHub, parseHubAddress } from "./hub-store.node.ts";
import { openRanges } from "./ranges.ts";

/** What the server does beside answering. */
const server = {
  listings: false,
  ranges: true,
  faults: 0,
  breakAfter: 0,
  requests: [] as string[],
  bytes: 0,
  token: "",
};
const base = fs.mkdtempSync(join(tmpdir(), "bidden-sources-"));
const http = createServer(answer);
let origin = "";

beforeAll(async () => {
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});
afterAll(() => {
  http.close();
  http.closeAllConnections();
  fs.rmSync(base, { recursive: true, force: true });
});

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
  server.requests.push(`${request.method} ${path}`);
  if (server.faults-- > 0) return void response.writeHead(503).end();
  if (server.token !== "" && request.headers.authorization !== `Bearer ${server.token}`)
    return void response.writeHead(401).end();
  if (path.startsWith("/api/datasets/")) return hub(path, response);
  const file = resolve(GOLDEN, `.${path.replace(/^\/datasets\/me\/arm\/resolve\/abc123/, "/lerobot/arm-images")}`);
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true && server.listings) {
    const links = fs
      .readdirSync(file, { withFileTypes: true })
      .map((entry) => `<a href="${entry.name}${entry.isDirectory() ? "/" : ""}">x</a>`);
    return void response.writeHead(200, { "content-type": "text/html" }).end(`<a href="../">up</a>${links.join("")}`);
  }
  if (stat?.isFile() !== true) return void response.writeHead(404).end();
  send(fs.readFileSync(file), request, response);
}

function send(whole: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const [, from = "0", to = ""] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
  const partial = request.headers.range !== undefined && server.ranges;
  const end = to === "" ? whole.length : Math.min(Number(to) + 1, whole.length);
  const body = partial ? whole.subarray(Number(from), end) : whole;
  server.bytes += body.length;
  const range = partial ? { "content-range": `bytes ${from}-${end - 1}/${whole.length}` } : {};
  response.writeHead(partial ? 206 : 200, { "content-length": String(body.length), etag: '"x"', ...range });
  if (request.method === "HEAD") return void response.end();
  if (server.breakAfter > 0 && body.length > server.breakAfter) {
    response.write(body.subarray(0, server.breakAfter), () => response.destroy());
    server.breakAfter = 0;
  } else response.end(body);
}

function hub(path: string, response: ServerResponse): void {
  if (!path.startsWith("/api/datasets/me/arm/")) return void response.writeHead(404).end("{}");
  const folder = join(GOLDEN, "lerobot/arm-images");
  const files = fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => fs.statSync(join(folder, file)).isFile());
  const json = path.includes("/tree/")
    ? files.map((file) => ({ type: "file", path: file, size: fs.statSync(join(folder, file)).size, oid: "0" }))
    : { _id: "1", id: "me/arm", sha: "abc123", lastModified: new Date(0).toISOString() };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(json));
}

async function steps(path: string, episode: number): Promise<unknown[]> {
  const dataset = await openDataset(path);
  const out: unknown[] = [];
  for await (const step of catEpisode(dataset, episode, hashSink, { to: 3 })) out.push(step);
  await dataset.close();
  return out;
}

describe("datasets over HTTP", () => {
  it.each([
    ["lerobot/arm-images", false],
    ["lerobot/arm-images", true],
    ["lerobot/arm-v21-images", false],
    ["rlds/libero_spatial_no_noops/1.0.0", false],
    ["rlds/libero_spatial_no_noops", true],
    ["zarr/replay_raw.zarr", true],
    ["mcap/ros2-chunked-zstd.mcap", false],
    ["hdf5/robomimic.hdf5", false],
  ])("%s, listings %s: the same as from the disk", async (name, listings) => {
    server.listings = listings;
    expect(await steps(`${origin}/${name}`, 0)).toEqual(await steps(join(GOLDEN, name), 0));
  });

  it("fetches the parts that are needed, not the whole", async () => {
    server.listings = false;
    const whole = fs
      .readdirSync(join(GOLDEN, "rlds/libero_spatial_no_noops/1.0.0"))
      .reduce((sum, file) => sum + fs.statSync(join(GOLDEN, "rlds/libero_spatial_no_noops/1.0.0", file)).size, 0);
    const path = join(GOLDEN, "rlds/libero_spatial_no_noops/1.0.0");
    const shard = fs.readdirSync(path).find((file) => file.includes("tfrecord")) as string;
    server.bytes = 0;
    const file = await openRanges(`${origin}/rlds/libero_spatial_no_noops/1.0.0/${shard}`);
    expect(new Uint8Array(await file.slice(100, 228))).toEqual(
      new Uint8Array(fs.readFileSync(join(path, shard)).subarray(100, 228)),
    );
    expect(server.bytes).toBe(129);
    expect(whole).toBeGreaterThan(1000);
  });

  it("tries again what passes, and says what does not", async () => {
    server.faults = 1;
    expect(await steps(`${origin}/lerobot/arm-images`, 1)).toHaveLength(3);
    server.faults = 0;
    await expect(openDataset(`${origin}/nothing`)).rejects.toThrow(/is empty or does not exist/);
    server.ranges = false;
    await expect(openDataset(`${origin}/lerobot/arm-images`)).rejects.toThrow(/does not send parts of files/);
    server.ranges = true;
    await expect(openRanges("http://127.0.0.1:9/x", { attempts: 1 })).rejects.toThrow(/cannot be reached \(/);
  });
});

describe("datasets of the Hub", () => {
  const arm = parseHubAddress("hf://me/arm@main") as NonNullable<ReturnType<typeof parseHubAddress>>;
  const options = () => ({ endpoint: origin, cache: join(base, "cache"), token: null, offline: false });
  const file = "data/chunk-000/file-000.parquet";

  it("addresses", () => {
    expect(parseHubAddress("hf://datasets/a/b@v3.0/sub/folder/")).toEqual({
      repo: "a/b",
      revision: "v3.0",
      folder: "sub/folder",
    });
    expect(parseHubAddress("/a/b")).toBeNull();
    for (const bad of ["hf://a", "hf://a/b/../c", "hf://../b"])
      expect(() => parseHubAddress(bad)).toThrow(/is no dataset of the Hub/);
  });

  it("fetches into a cache, goes on after a break, and asks once", async () => {
    const store = await openHub(arm, options());
    expect(await store.list("meta")).toContain("info.json");
    server.breakAfter = 200_000;
    const truth = fs.readFileSync(join(GOLDEN, "lerobot/arm-images", file));
    server.requests.length = 0;
    server.bytes = 0;
    expect(Buffer.from((await store.read(file)) ?? [])).toEqual(truth);
    expect(server.requests.filter((line) => line.endsWith(file))).toHaveLength(2);
    expect(server.bytes).toBeLessThan(truth.length * 2);
    server.requests.length = 0;
    await (await openHub(arm, options())).read(file);
    expect(server.requests.filter((line) => line.endsWith(file))).toEqual([]);
  });

  it("without a connection: what is in the cache, and a sentence for the rest", async () => {
    const store = await openHub(arm, { ...options(), offline: true, endpoint: "http://127.0.0.1:9" });
    expect((await store.read(file))?.length).toBeGreaterThan(1000);
    await expect(store.read("meta/stats.json")).rejects.toThrow(/HF_HUB_OFFLINE is set: unset it/);
    await expect(openHub({ ...arm, revision: "v9" }, { ...options(), offline: true })).rejects.toThrow(
      /me\/arm@v9 is not in the cache/,
    );
    await expect(openHub(arm, { ...options(), endpoint: "http://127.0.0.1:9" })).rejects.toThrow(
      /set HF_HUB_OFFLINE=1 to use/,
    );
  });

  it("sends the token, and says when it wants one", async () => {
    server.token = "hf_secret";
    await expect(openHub(arm, { ...options(), cache: join(base, "other") })).rejects.toThrow(/give one in HF_TOKEN/);
    const store = await openHub(arm, { ...options(), cache: join(base, "other"), token: "hf_secret" });
    expect((await store.read("meta/info.json"))?.length).toBeGreaterThan(100);
    server.token = "";
  });
});
