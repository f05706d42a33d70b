/** The web server of `bidden data view`: the built page, and the dataset read-only beside it. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BiddenError, messageOf } from "@bidden/runtime";
import { refusalOf } from "../console/origin.ts";
import { type ConsoleServer, listen, type SiteFile } from "../console/server.ts";
import type { Blob, ViewAnswers } from "./answers.ts";

export type ViewServerOptions = {
  readonly answers: ViewAnswers;
  readonly site: ReadonlyMap<string, SiteFile>;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
};

export async function serveView(options: ViewServerOptions): Promise<ConsoleServer> {
  const http = createServer((request, response) => void answer(request, response, options));
  await listen(http, options.host, options.port);
  return {
    port: (http.address() as AddressInfo).port,
    close: () => {
      http.closeAllConnections();
      return new Promise((resolve) => http.close(() => resolve()));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ViewServerOptions): Promise<void> {
  const refusal = refusalOf(request, options.host);
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  if (refusal !== null) return send(response, 403, text(refusal));
  if (request.method !== "GET") return send(response, 405, text("GET only."));
  const file = options.site.get(path === "/" ? "/view.html" : path);
  if (file !== undefined) return send(response, 200, file, file.lasting);
  try {
    const blob = await lookUp(path, options.answers);
    if (blob === null) send(response, 404, text("There is no such page; the dataset is at /."));
    else send(response, 200, blob, path.includes("/picture/") || path.includes("/video/"));
  } catch (thrown) {
    const code = thrown instanceof BiddenError && thrown.code === "not-found" ? 404 : 422;
    send(response, code, text(messageOf(thrown)));
  }
}

async function lookUp(path: string, answers: ViewAnswers): Promise<Blob | null> {
  const parts = path.split("/").slice(1).map(decoded);
  const [api = "", what = "", first = "", camera = "", frame = ""] = parts;
  const index = /^\d{1,9}$/.test(first) ? Number(first) : -1;
  if (api !== "api") return null;
  if (what === "dataset" && parts.length === 2) return json(await answers.describe());
  if (what === "findings" && parts.length === 2) return json(await answers.findings());
  if (what === "episode" && parts.length === 3 && index >= 0) return json(await answers.episode(index));
  if (what === "video" && parts.length === 4 && index >= 0) return answers.video(index, camera);
  const picture = what === "picture" && parts.length === 5 && index >= 0 && /^\d{1,9}$/.test(frame);
  return picture ? answers.picture(index, camera, Number(frame)) : null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function json(value: unknown): Blob {
  return { type: "application/json", body: Buffer.from(JSON.stringify(value)) };
}

function text(sentence: string): Blob {
  return { type: "text/plain; charset=utf-8", body: Buffer.from(sentence) };
}

function send(response: ServerResponse, code: number, { type, body }: Blob, lasting = false): void {
  response.writeHead(code, {
    "content-type": type,
    "content-length": body.length,
    // A dataset may change under the same address: its pictures are kept for this visit only.
    "cache-control": lasting ? "private, max-age=600" : "no-store",
    "content-security-policy":
      "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  response.end(body);
}
