/**
 * A dataset on a web server. HTTP cannot list folders: where the server answers with a page of links, that is read; elsewhere the
 * numbered files that the formats use are tried one after the other.
 */

import { BiddenError } from "@bidden/runtime";
import type { FileStore, RandomAccess } from "../files/store.ts";
import { type HttpOptions, openRanges, request } from "./ranges.ts";

/** Names by which a format is known, and the folder or file that stands for each in a listing. */
const MARKERS: Readonly<Record<string, string>> = {
  "meta/info.json": "meta/",
  "dataset_info.json": "dataset_info.json",
  "features.json": "features.json",
  ".zgroup": ".zgroup",
  ".zmetadata": ".zmetadata",
  "zarr.json": "zarr.json",
};
/** Files in a row that a chunk of LeRobot may hold. */
const MAX_FILES = 1000;
const MAX_LISTING = 8 << 20;

export function createHttpStore(address: string, options: HttpOptions = {}): FileStore {
  return new HttpStore(address.endsWith("/") ? address : `${address}/`, options);
}

class HttpStore implements FileStore {
  readonly root: string;
  readonly #base: string;
  readonly #options: HttpOptions;
  readonly #listings = new Map<string, Promise<string[]>>();

  constructor(base: string, options: HttpOptions) {
    this.#base = base;
    this.root = base.replace(/\/$/, "");
    this.#options = options;
  }

  /** A dataset's own templates must not lead out of it. */
  #url(path: string): string {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..") || path.startsWith("/"))
      throw new BiddenError("bad-dataset", `Path "${path}" leads out of the dataset ${this.root}.`, { path });
    return this.#base + parts.map(encodeURIComponent).join("/");
  }

  async read(path: string): Promise<Uint8Array | null> {
    const response = await request(this.#url(path), {}, this.#options);
    if (response.status !== 404) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    return null;
  }

  open(path: string): Promise<RandomAccess> {
    return openRanges(this.#url(path), this.#options);
  }

  list(folder: string): Promise<string[]> {
    const key = folder.replace(/\/$/, "");
    const known = this.#listings.get(key) ?? this.#list(key);
    this.#listings.set(key, known);
    return known;
  }

  async #list(folder: string): Promise<string[]> {
    return (await this.#linked(folder)) ?? (await this.#tried(folder));
  }

  /** Null where the server shows no page of links. */
  async #linked(folder: string): Promise<string[] | null> {
    const own = `${this.#url(folder)}${folder === "." ? "" : "/"}`;
    const response = await request(own, {}, { ...this.#options, attempts: 1 }).catch(() => null);
    const html = response?.ok === true && (response.headers.get("content-type") ?? "").includes("text/html");
    const length = Number(response?.headers.get("content-length") ?? 0);
    if (response === null || !html || length > MAX_LISTING) {
      await response?.body?.cancel();
      return null;
    }
    const names = new Set<string>();
    for (const [, href = ""] of (await response.text()).matchAll(/<a\s[^>]*href="([^"]+)"/gi)) {
      const url = URL.canParse(href, own) ? new URL(href, own).href.replace(/[?#].*$/, "") : "";
      const name = url.startsWith(own) ? decodeURIComponent(url.slice(own.length)) : "";
      if (/^[^/\\]+\/?$/.test(name) && !name.startsWith("..")) names.add(name);
    }
    return names.size === 0 ? null : [...names].sort();
  }

  async #tried(folder: string): Promise<string[]> {
    if (folder === ".") {
      const here = Object.entries(MARKERS).map(async ([path, name]) => ((await this.#exists(path)) ? [name] : []));
      return (await Promise.all(here)).flat().sort();
    }
    if (folder === "meta") return (await this.#exists("meta/info.json")) ? ["info.json"] : [];
    if (folder === "meta/episodes" || folder === "data") {
      const first = (chunk: string): Promise<boolean> => this.#exists(`${folder}/${chunk}file-000.parquet`);
      return this.#counted((n) => `chunk-${pad(n, 3)}/`, first);
    }
    if (/^(meta\/episodes|data)\/chunk-\d+$/.test(folder)) {
      const there = (file: string): Promise<boolean> => this.#exists(`${folder}/${file}`);
      return this.#counted((n) => `file-${pad(n, 3)}.parquet`, there);
    }
    return [];
  }

  /** Names from 0 on, until the first that is not there. */
  async #counted(name: (n: number) => string, there: (name: string) => Promise<boolean>): Promise<string[]> {
    const out: string[] = [];
    while (out.length < MAX_FILES && (await there(name(out.length)))) out.push(name(out.length));
    return out;
  }

  async #exists(path: string): Promise<boolean> {
    const response = await request(this.#url(path), { method: "HEAD" }, this.#options).catch(() => null);
    return response?.ok === true;
  }
}

function pad(n: number, digits: number): string {
  return String(n).padStart(digits, "0");
}
