/**
 * The console's web server: the built page over HTTP, the live session over one WebSocket. It runs on the main thread
 * and only passes messages; nothing here waits for physics or for the policy, so Stop always gets through.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { encodeFrame, MAX_MESSAGE_BYTES, PROTOCOL_VERSION, type PageMessage, readPageMessage } from "@bidden/console";
import { BiddenError, messageOf } from "@bidden/runtime";
import { type RawData, WebSocketServer } from "ws";
import { refusalOf } from "./origin.ts";
import { type Page, Pages, tell, tellStatus } from "./pages.ts";
import type { LiveSession } from "./session.ts";
import { sameToken } from "./token.ts";

const STATUS_PERIOD_MS = 100;
const PING_PERIOD_MS = 1000;
const MAX_UNANSWERED_PINGS = 3;
const MAX_PAGES = 32;

export type SiteFile = { readonly type: string; readonly body: Uint8Array; readonly lasting: boolean };

export type ConsoleServerOptions = {
  readonly session: LiveSession;
  /** By URL path, "/" included; what is not in it does not exist. */
  readonly site: ReadonlyMap<string, SiteFile>;
  readonly token: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** How long the last page that may operate can be gone before a moving arm is held, ms. */
  readonly absenceMs?: number;
};

export type ConsoleServer = { readonly port: number; close(): Promise<void> };

/** @throws BiddenError("port-in-use" | "no-permission" | "bad-argument") when it cannot listen there. */
export async function serveConsole(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const { session, host, absenceMs = 2000 } = options;
  const http = createServer((request, response) => answer(request, response, options));
  await listen(http, host, options.port);
  const pages = new Pages();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, clientTracking: false });
  http.on("upgrade", (request, socket, head) => {
    const refusal =
      refusalOf(request, host) ?? (pages.size >= MAX_PAGES ? `${MAX_PAGES} pages are open already.` : null);
    if (refusal !== null || request.url !== "/live") {
      socket.end(`HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n${refusal ?? "Only /live speaks WebSocket."}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => attend(pages.add(webSocket), pages, options));
  });
  session.listen({
    onScene: (scene) => pages.tellAll(scene),
    onLog: (entry) => pages.tellAll({ type: "log", fresh: false, entries: [entry] }),
    onTrace: (samples) => pages.tellTrace(samples),
    onFrame: (frame) => pages.showAll(frame),
  });
  let watched = false;
  const timers = [
    setInterval(() => {
      if (watched !== pages.size > 0) session.watched((watched = pages.size > 0));
    }, STATUS_PERIOD_MS),
    setInterval(() => pages.ping(MAX_UNANSWERED_PINGS), PING_PERIOD_MS),
    setInterval(() => pages.tellStatus(statusOf(session, pages)), STATUS_PERIOD_MS),
    watchAbsence(session, pages, absenceMs),
  ];
  return {
    port: (http.address() as AddressInfo).port,
    close: () => {
      timers.forEach(clearInterval);
      pages.closeAll();
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
}

export function listen(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
    http.listen(port, host, () => {
      http.removeAllListeners("error");
      resolve();
    });
  });
}

/** What could not be listened on, and what to do. */
export function listenError(cause: NodeJS.ErrnoException, host: string, port: number): BiddenError {
  const fields = { host, port };
  const next = port < 65_535 ? port + 1 : port - 1;
  switch (cause.code ?? "") {
    case "EADDRINUSE": {
      const todo = `Stop the program that uses it (perhaps another console), or choose another port: npm start -- --port ${next}`;
      return new BiddenError("port-in-use", `Port ${port} on ${host} is in use. ${todo}`, fields, cause);
    }
    case "EACCES": {
      const sentence = `This user may not listen on port ${port}. Choose one above 1023: npm start -- --port 7070`;
      return new BiddenError("no-permission", sentence, fields, cause);
    }
    default: {
      const sentence = `The console cannot listen on ${host}, port ${port}: ${cause.message}. --host takes an address of this machine.`;
      return new BiddenError("bad-argument", sentence, fields, cause);
    }
  }
}

/** Holds a moving arm when nobody who may operate it has been connected for `absenceMs`. */
function watchAbsence(session: LiveSession, pages: Pages, absenceMs: number): NodeJS.Timeout {
  const seconds = absenceMs / 1000;
  let lastSeenMs = performance.now();
  let held = false;
  return setInterval(
    () => {
      const nowMs = performance.now();
      if (pages.operators > 0) [lastSeenMs, held] = [nowMs, false];
      else if (!held && nowMs - lastSeenMs > absenceMs) {
        held = true;
        session.hold(`The last page that may operate the arm has been gone for more than ${seconds} s.`);
      }
    },
    Math.min(100, absenceMs / 4),
  );
}

function statusOf(
  session: LiveSession,
  pages: Pages,
): ReturnType<LiveSession["status"]> & { watchers: number; operators: number } {
  return { ...session.status(), watchers: pages.watchers, operators: pages.operators };
}

function attend(page: Page, pages: Pages, options: ConsoleServerOptions): void {
  page.socket.on("pong", () => {
    page.unanswered = 0;
  });
  page.socket.on("close", () => pages.remove(page));
  // ws closes the connection itself (1009 too big, 1007 not UTF-8); without a listener the error would end the process.
  page.socket.on("error", () => page.socket.terminate());
  page.socket.on("message", (data: RawData, isBinary: boolean) => {
    try {
      if (isBinary || !Buffer.isBuffer(data))
        throw new BiddenError("bad-argument", "The console reads text messages only; this one was binary.");
      obey(readPageMessage(data.toString("utf8")), page, pages, options);
    } catch (thrown) {
      tell(page, { type: "fault", sentence: messageOf(thrown) });
    }
  });
}

function obey(message: PageMessage, page: Page, pages: Pages, options: ConsoleServerOptions): void {
  const { session } = options;
  if (message.type === "hello") {
    greet(message, page, pages, options);
    return;
  }
  if (message.type === "seen") {
    page.seen = Math.min(message.count, page.sent);
    return;
  }
  if (message.type === "stop") {
    session.stop(page.name);
    return;
  }
  if (!page.mayOperate) {
    throw new BiddenError(
      "not-authorised",
      "This page may watch and stop, but not move the arm: open the link that the command printed.",
    );
  }
  switch (message.type) {
    case "instruct":
      return session.instruct(message.text, page.name);
    case "choose":
      return session.choose(message.entry, message.candidate, page.name);
    case "release":
      return session.release(page.name);
    case "shuffle":
      return session.shuffle(message.seed, page.name);
    default:
      return message satisfies never;
  }
}

function greet(hello: PageMessage & { type: "hello" }, page: Page, pages: Pages, options: ConsoleServerOptions): void {
  const { session, token } = options;
  if (hello.version !== PROTOCOL_VERSION) {
    throw new BiddenError("unsupported", "This page comes from another version of the console: reload it.");
  }
  page.greeted = true;
  page.mayOperate = sameToken(token, hello.token);
  const reason = page.mayOperate ? "" : watchReason(hello.token);
  const { driver, cameras } = session;
  tell(page, { type: "welcome", version: PROTOCOL_VERSION, mayOperate: page.mayOperate, reason, driver, cameras });
  tell(page, session.scene());
  tell(page, { type: "log", fresh: true, entries: session.log() });
  tellStatus(page, statusOf(session, pages));
  for (const frame of session.latestFrames()) page.socket.send(encodeFrame(frame));
}

function watchReason(token: string | null): string {
  return token === null
    ? "You can watch and stop. To operate the arm, open the link that the command printed."
    : "This link belongs to an earlier start. To operate the arm, open the link that the command printed last.";
}

function answer(request: IncomingMessage, response: ServerResponse, { site, host }: ConsoleServerOptions): void {
  const refusal = refusalOf(request, host);
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const file = site.get(path);
  if (refusal !== null) send(response, 403, "text/plain; charset=utf-8", Buffer.from(refusal));
  else if (request.method !== "GET" && request.method !== "HEAD")
    send(response, 405, "text/plain", Buffer.from("GET or HEAD only."));
  else if (file === undefined)
    send(response, 404, "text/plain; charset=utf-8", Buffer.from("There is no such page; the console is at /."));
  else send(response, 200, file.type, request.method === "HEAD" ? new Uint8Array() : file.body, file.lasting);
}

function send(response: ServerResponse, code: number, type: string, body: Uint8Array, lasting = false): void {
  response.writeHead(code, {
    "content-type": type,
    "cache-control": lasting ? "public, max-age=31536000, immutable" : "no-store",
    "content-security-policy":
      "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  response.end(body);
}
