/** The page's files, built by Vite when they are missing or older than their sources, and held in memory. */
import { buildPage } from "@bidden/console/node";
import type { SiteFile } from "./server.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  woff2: "font/woff2",
};

/** By URL path. What Vite puts into assets/ carries its digest in its name and never changes. */
export async function buildSite(): Promise<Map<string, SiteFile>> {
  const site = new Map<string, SiteFile>();
  for (const [path, body] of await buildPage()) {
    const type = TYPES[path.split(".").at(-1) ?? ""] ?? "application/octet-stream";
    site.set(`/${path}`, { type, body, lasting: path.startsWith("assets/") });
  }
  const index = site.get("/index.html");
  if (index !== undefined) site.set("/", index);
  return site;
}
