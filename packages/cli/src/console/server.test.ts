import type { Frame, LogEntry, ServerMessage } from "@bidden/console";
import { MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from "@bidden/console";
import { BiddenError } from "@bidden/runtime";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type ConsoleServer, serveConsole } from "./server.ts";
import type { LiveSession, SessionListener } from "./session.ts";

const TOKEN = "the-operator-token";
const SCENE = { type: "scene", seed: 7, objects: [], tries: ["pick up the red can"], geoms: [], bodies: 0 } as const;
const ENTRY: LogEntry = { id: 1, who: "you", tone: "plain", text: "hello", candidates: [], atMs: 0 };

/** Writes down what it is asked for. */
class NotedSession implements LiveSession {
  readonly acts: string[] = [];
  listener: SessionListener | null = null;
  readonly driver = { kind: "expert", name: "scripted expert", digest: "" } as const;
  readonly cameras = [];
  scene = () => SCENE;
  log = () => [ENTRY];
  latestFrames = (): readonly Frame[] => [{ kind: "path", points: new Float32Array(6) }];
  watched = () => undefined;
  close = () => Promise.resolve();
  status = () => ({
    phase: "ready" as const,
    mode: "nominal" as const,
    verdict: { kind: "ok" as const },
    instruction: "",
    stageMs: {},
    pointing: { act: null, place: null },
    done: 0,
    tickLateMs: 0,
    recording: null,
  });
  listen(listener: SessionListener): void {
    this.listener = listener;
  }
  instruct(text: string, by: string): void {
    if (text === "") throw new BiddenError("bad-instruction", "The instruction is empty.");
    this.acts.push(`${by}: ${text}`);
  }
  choose = (entry: number, candidate: number, by: string) => void this.acts.push(`${by}: choose ${entry} ${candidate}`);
  stop = (by: string) => void this.acts.push(`${by}: stop`);
  hold = (reason: string) => void this.acts.push(`hold: ${reason}`);
  release = (by: string) => void this.acts.push(`${by}: release`);
  shuffle = (seed: number | null, by: string) => void this.acts.push(`${by}: shuffle ${seed}`);
}

/** A page without a browser. */
class Client {
  readonly heard: ServerMessage[] = [];
  readonly frames: Buffer[] = [];
  readonly socket: WebSocket;
  closed: number | null = null;

  constructor(port: number, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers });
    this.socket.on("message", (data: Buffer, binary) => {
      if (binary) this.frames.push(data);
      else this.heard.push(JSON.parse(data.toString()) as ServerMessage);
    });
    this.socket.on("close", (code) => {
      this.closed = code;
    });
  }

  async open(token: string | null): Promise<this> {
    await new Promise((resolve, reject) => {
      this.socket.on("open", resolve).on("error", reject);
    });
    this.say({ type: "hello", version: PROTOCOL_VERSION, token });
    await this.hears("status");
    return this;
  }

  say(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  async hears<T extends ServerMessage["type"]>(type: T): Promise<Extract<ServerMessage, { type: T }>> {
    return until(() => this.heard.findLast((message) => message.type === type)) as Promise<
      Extract<ServerMessage, { type: T }>
    >;
  }

  async fault(): Promise<string> {
    return (await this.hears("fault")).sentence;
  }
}

async function until<T>(look: () => T | undefined | null | false): Promise<T> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== null && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("the console's server", () => {
  const open: { servers: ConsoleServer[]; clients: Client[] } = { servers: [], clients: [] };
  afterEach(async () => {
    for (const client of open.clients.splice(0)) client.socket.terminate();
    await Promise.all(open.servers.splice(0).map((server) => server.close()));
  });

  async function serve(absenceMs = 60_000): Promise<{ session: NotedSession; port: number }> {
    const session = new NotedSession();
    const site = new Map([["/", { type: "text/html", body: Buffer.from("<p>page"), lasting: false }]]);
    const server = await serveConsole({ session, site, token: TOKEN, host: "127.0.0.1", port: 0, absenceMs });
    open.servers.push(server);
    return { session, port: server.port };
  }

  function connect(port: number, headers?: Record<string, string>): Client {
    const client = new Client(port, headers);
    open.clients.push(client);
    return client;
  }

  test("greets with everything a page needs to begin", async () => {
    const { port } = await serve();
    const client = await connect(port).open(TOKEN);
    expect(client.heard.map(({ type }) => type).slice(0, 4)).toEqual(["welcome", "scene", "log", "status"]);
    expect(client.heard[0]).toMatchObject({ mayOperate: true, reason: "", driver: { kind: "expert" } });
    expect(client.heard[2]).toEqual({ type: "log", fresh: true, entries: [ENTRY] });
    await until(() => client.frames.length === 1);
  });

  test("with the token a page may do everything", async () => {
    const { session, port } = await serve();
    const client = await connect(port).open(TOKEN);
    client.say({ type: "instruct", text: "pick up the red can" });
    client.say({ type: "choose", entry: 3, candidate: 1 });
    client.say({ type: "shuffle", seed: null });
    client.say({ type: "stop" });
    client.say({ type: "release" });
    await until(() => session.acts.length === 5);
    expect(session.acts).toEqual([
      "page 1: pick up the red can",
      "page 1: choose 3 1",
      "page 1: shuffle null",
      "page 1: stop",
      "page 1: release",
    ]);
  });

  test.each([null, "", "another-token", `${TOKEN} `])(
    "with the token %j a page may watch and stop, and nothing else",
    async (token) => {
      const { session, port } = await serve();
      const client = await connect(port).open(token);
      expect(await client.hears("welcome")).toMatchObject({ mayOperate: false });
      for (const message of [{ type: "instruct", text: "go" }, { type: "release" }, { type: "shuffle", seed: 1 }]) {
        client.heard.length = 0;
        client.say(message);
        expect(await client.fault()).toContain("may watch and stop, but not move");
      }
      client.say({ type: "stop" });
      await until(() => session.acts.length > 0);
      expect(session.acts).toEqual(["page 1: stop"]);
    },
  );

  test("a page that says nothing at first may stop all the same", async () => {
    const { session, port } = await serve();
    const client = connect(port);
    client.socket.on("open", () => client.say({ type: "stop" }));
    await until(() => session.acts.length > 0);
    expect(session.acts).toEqual(["page 1: stop"]);
  });

  test("two pages see the same and are counted", async () => {
    const { session, port } = await serve();
    const [one, two] = [await connect(port).open(TOKEN), await connect(port).open(null)];
    await until(() => {
      const latest = one.heard.findLast((message) => message.type === "status");
      return latest?.status.operators === 1 && latest.status.watchers === 1;
    });
    session.listener?.onLog({ ...ENTRY, id: 2, text: "for both" });
    for (const client of [one, two]) {
      const entry = await until(() => client.heard.find((message) => message.type === "log" && !message.fresh));
      expect(entry).toMatchObject({ entries: [{ text: "for both" }] });
    }
  });

  test("a page that does not say what it has seen is sent no more frames", async () => {
    const { session, port } = await serve();
    const [keen, lazy] = [await connect(port).open(TOKEN), await connect(port).open(TOKEN)];
    keen.socket.on("message", () => {
      const latest = keen.heard.findLast((message) => message.type === "status");
      if (latest !== undefined) keen.say({ type: "seen", count: latest.count });
    });
    await until(() => lazy.heard.filter(({ type }) => type === "status").length > 8);
    const before = lazy.frames.length;
    session.listener?.onFrame({ kind: "path", points: new Float32Array(3) });
    await until(() => keen.frames.length === 2);
    expect(lazy.frames.length).toBe(before);
  });

  test("when the last page that may operate is gone, the arm is held; a watcher does not count", async () => {
    const { session, port } = await serve(120);
    const operator = await connect(port).open(TOKEN);
    await connect(port).open(null);
    operator.socket.terminate();
    await until(() => session.acts.length > 0);
    expect(session.acts).toEqual(["hold: The last page that may operate the arm has been gone for more than 0.12 s."]);
  });

  test("a reload is not an absence", async () => {
    const { session, port } = await serve(1500);
    (await connect(port).open(TOKEN)).socket.terminate();
    await connect(port).open(TOKEN);
    await new Promise((resolve) => setTimeout(resolve, 1800));
    expect(session.acts).toEqual([]);
  });

  test("what the session refuses comes back as its sentence", async () => {
    const { port } = await serve();
    const client = await connect(port).open(TOKEN);
    client.say({ type: "instruct", text: "" });
    expect(await client.fault()).toBe("The instruction is empty.");
  });

  test("nonsense is answered, too much is cut off, and the server lives on", async () => {
    const { session, port } = await serve();
    const client = await connect(port).open(TOKEN);
    const pieces = fc.sample(fc.oneof(fc.string(), fc.json()), 100);
    for (const piece of pieces) client.socket.send(piece);
    client.socket.send(Buffer.from([1, 2, 3]));
    await until(() => client.heard.some((message) => message.type === "fault" && message.sentence.includes("binary")));
    expect(session.acts).toEqual([]);
    client.socket.send("x".repeat(MAX_MESSAGE_BYTES + 1));
    await until(() => client.closed !== null);
    expect(client.closed).toBe(1009);
    await connect(port).open(TOKEN);
  });

  test("pages of other origins and names are refused", async () => {
    const { port } = await serve();
    for (const headers of [
      { Origin: "https://example.com" },
      { Origin: "null" },
      { Host: `rebound.example:${port}` },
    ]) {
      const client = connect(port, headers);
      const error = await new Promise<Error>((resolve) => void client.socket.on("error", resolve));
      expect(error.message).toContain("403");
    }
    const rebound = await fetch(`http://127.0.0.1:${port}/`, { headers: { origin: "https://example.com" } });
    expect(rebound.status).toBe(403);
    await connect(port, { Origin: `http://127.0.0.1:${port}` }).open(TOKEN);
  });

  test("serves the page and nothing that is not in it", async () => {
    const { port } = await serve();
    const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
    const page = await get("/?fine");
    expect(await page.text()).toBe("<p>page");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    for (const path of ["/../package.json", "/%2e%2e/package.json", "/__proto__", "/index.htm"]) {
      expect((await get(path)).status).toBe(404);
    }
    expect((await get("/", { method: "POST" })).status).toBe(405);
  });

  test("a port in use is an error that names it and says what to do", async () => {
    const { session, port } = await serve();
    const second = serveConsole({ session, site: new Map(), token: TOKEN, host: "127.0.0.1", port });
    await expect(second).rejects.toMatchObject({ code: "port-in-use", fields: { port } });
    await expect(second).rejects.toThrow(new RegExp(`Port ${port} on 127.0.0.1 is in use.*--port ${port + 1}`));
  });

  test("an address that is not of this machine is an error in words", async () => {
    const { session } = await serve();
    const elsewhere = serveConsole({ session, site: new Map(), token: TOKEN, host: "192.0.2.1", port: 0 });
    await expect(elsewhere).rejects.toThrow("The console cannot listen on 192.0.2.1");
  });
});
