/**
 * A dataset of the Hugging Face Hub, `hf://OWNER/NAME@REVISION`. Files are fetched when they are needed, whole, into a cache; a stopped
 * download goes on where it was. The revision is pinned to a commit, so that one run never mixes two states.
 */

import { createWriteStream } from "node:fs";
import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BiddenError, messageOf } from "@bidden/runtime";
import { fileError } from "../files/errors.ts";
import type { FileStore, RandomAccess } from "../files/store.ts";
import { createFolderStore } from "../files/store.node.ts";
import { within } from "../files/within.ts";
import { request } from "./ranges.ts";

export type HubOptions = {
  /** HF_ENDPOINT, or the Hub itself. */
  readonly endpoint?: string;
  /** HF_TOKEN. */
  readonly token?: string | null;
  /** HF_HUB_OFFLINE: only what is in the cache. */
  readonly offline?: boolean;
  /** BIDDEN_CACHE, or bidden/hub in the user's cache folder. */
  readonly cache?: string;
};

type Settings = Required<HubOptions>;

export type HubAddress = {
  readonly repo: string;
  readonly revision: string;
  /** A dataset within the repository; "" for the whole. */
  readonly folder: string;
};

/** Null for what is no address of the Hub. */
export function parseHubAddress(address: string): HubAddress | null {
  if (!address.startsWith("hf://")) return null;
  const [, repo, revision = "main", folder = ""] =
    /^hf:\/\/(?:datasets\/)?([\w.-]+\/[\w.-]+)(?:@([\w.%-]+))?(?:\/(.*?))?\/?$/.exec(address) ?? [];
  const parts = `${repo}/${folder}`.split("/");
  if (repo === undefined || parts.includes("..") || parts.includes(".") || /[\\\0:]/.test(folder)) {
    throw new BiddenError(
      "bad-argument",
      `"${address}" is no dataset of the Hub: expected hf://OWNER/NAME, hf://OWNER/NAME@REVISION or hf://OWNER/NAME/FOLDER.`,
      { address },
    );
  }
  return { repo, revision: decodeURIComponent(revision), folder };
}

function settings(options: HubOptions): Settings {
  const { env } = process;
  const yes = (value: string | undefined): boolean => /^(1|true|yes|on)$/i.test(value ?? "");
  const caches = env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return {
    endpoint: (options.endpoint ?? env["HF_ENDPOINT"] ?? "https://huggingface.co").replace(/\/$/, ""),
    token: options.token ?? env["HF_TOKEN"] ?? env["HUGGING_FACE_HUB_TOKEN"] ?? null,
    offline: options.offline ?? yes(env["HF_HUB_OFFLINE"]),
    cache: options.cache ?? env["BIDDEN_CACHE"] ?? join(caches, "bidden", "hub"),
  };
}

type Listing = { readonly commit: string; readonly files: Readonly<Record<string, number>> };

export async function openHub(address: HubAddress, options: HubOptions = {}): Promise<FileStore> {
  const own = settings(options);
  const folder = join(own.cache, `datasets--${address.repo.replace("/", "--")}`);
  const listing = own.offline ? await keptListing(address, folder) : await freshListing(address, folder, own);
  const store = new HubStore(address, listing, folder, own);
  return address.folder === "" ? store : within(store, address.folder);
}

function listingFile(folder: string, revision: string): string {
  return join(folder, "refs", `${encodeURIComponent(revision)}.json`);
}

async function keptListing({ repo, revision }: HubAddress, folder: string): Promise<Listing> {
  try {
    return JSON.parse(await fs.readFile(listingFile(folder, revision), "utf8")) as Listing;
  } catch {
    throw new BiddenError(
      "not-found",
      `${repo}@${revision} is not in the cache (${folder}), and HF_HUB_OFFLINE is set: unset it, or run the same command once with a connection.`,
      { repo, revision },
    );
  }
}

async function freshListing({ repo, revision }: HubAddress, folder: string, own: Settings): Promise<Listing> {
  const { datasetInfo, listFiles } = await import("@huggingface/hub");
  const access = { hubUrl: own.endpoint, fetch: stubborn, ...(own.token === null ? {} : { accessToken: own.token }) };
  try {
    const { sha } = await datasetInfo({ name: repo, revision, additionalFields: ["sha"], ...access });
    const files: Record<string, number> = {};
    for await (const file of listFiles({
      repo: { type: "dataset", name: repo },
      revision: sha,
      recursive: true,
      ...access,
    }))
      if (file.type === "file") files[file.path] = file.size;
    const listing = { commit: sha, files };
    const path = listingFile(folder, revision);
    await fs.mkdir(dirname(path), { recursive: true });
    await fs.writeFile(`${path}.new`, JSON.stringify(listing));
    await fs.rename(`${path}.new`, path);
    return listing;
  } catch (error) {
    throw hubError(error, `${repo}@${revision}`, own);
  }
}

/** A connection that was lost is tried again. */
const stubborn: typeof fetch = async (input, init) => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetch(input, init);
    } catch (error) {
      if (attempt === 3) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * attempt));
    }
  }
};

function hubError(error: unknown, what: string, { endpoint, token, offline }: Settings): BiddenError {
  if (error instanceof BiddenError) return error;
  const status = (error as { statusCode?: unknown }).statusCode;
  const fields = { address: what, endpoint };
  if (status === 401 || status === 403 || status === 404) {
    const hint =
      token === null
        ? "no token is set: give one in HF_TOKEN if it is private"
        : "the token in HF_TOKEN does not open it";
    return new BiddenError(
      status === 404 ? "not-found" : "no-permission",
      `${endpoint} has no dataset ${what}, or does not show it (${status}); ${hint}.`,
      fields,
      error,
    );
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
  const advice = offline ? "" : " Without a connection, set HF_HUB_OFFLINE=1 to use what is in the cache.";
  return new BiddenError("not-found", `${what} cannot be asked for at ${endpoint} (${cause}).${advice}`, fields, error);
}

class HubStore implements FileStore {
  readonly root: string;
  readonly #address: HubAddress;
  readonly #listing: Listing;
  /** Files of this commit, in the cache. */
  readonly #folder: string;
  readonly #settings: Settings;
  readonly #fetching = new Map<string, Promise<void>>();

  constructor(address: HubAddress, listing: Listing, folder: string, own: Settings) {
    this.#address = address;
    this.#listing = listing;
    this.#settings = own;
    if (!/^[\w-]{1,64}$/.test(listing.commit))
      throw new BiddenError("bad-dataset", `The Hub names a strange commit of ${address.repo}.`);
    this.#folder = join(folder, "snapshots", listing.commit);
    this.root = `hf://${address.repo}@${address.revision}`;
  }

  async read(path: string): Promise<Uint8Array | null> {
    if (this.#listing.files[path] === undefined) return null;
    await this.#have(path);
    return createFolderStore(this.#folder).read(path);
  }

  async open(path: string): Promise<RandomAccess> {
    if (this.#listing.files[path] === undefined)
      throw new BiddenError("not-found", `Not found while opening ${this.root}/${path}.`, { path });
    await this.#have(path);
    return createFolderStore(this.#folder).open(path);
  }

  list(folder: string): Promise<string[]> {
    const prefix = folder === "." ? "" : `${folder.replace(/\/$/, "")}/`;
    const names = new Set<string>();
    for (const path of Object.keys(this.#listing.files)) {
      if (!path.startsWith(prefix)) continue;
      const [name = "", ...deeper] = path.slice(prefix.length).split("/");
      names.add(deeper.length > 0 ? `${name}/` : name);
    }
    return Promise.resolve([...names].sort());
  }

  /** Makes sure that the file is in the cache, whole. */
  #have(path: string): Promise<void> {
    const fetching = this.#fetching.get(path) ?? this.#fetch(path);
    this.#fetching.set(path, fetching);
    fetching.catch(() => this.#fetching.delete(path));
    return fetching;
  }

  async #fetch(path: string): Promise<void> {
    if (path.split("/").includes("..") || /[\\\0]/.test(path) || path.startsWith("/"))
      throw new BiddenError("bad-dataset", `Path "${path}" leads out of the dataset ${this.root}.`, { path });
    const target = join(this.#folder, path);
    const size = this.#listing.files[path] ?? 0;
    if ((await lengthOf(target)) === size) return;
    const { offline, endpoint, token } = this.#settings;
    if (offline) {
      throw new BiddenError(
        "not-found",
        `${this.root}/${path} is not in the cache, and HF_HUB_OFFLINE is set: unset it, or run the same command once with a connection.`,
        { path },
      );
    }
    const url = `${endpoint}/datasets/${this.#address.repo}/resolve/${this.#listing.commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
    try {
      await fs.mkdir(dirname(target), { recursive: true });
      await download(url, target, size, token === null ? {} : { authorization: `Bearer ${token}` });
    } catch (error) {
      throw (error as { code?: unknown }).code === undefined ? error : fileError(error, "fetching", target);
    }
  }
}

/** Goes on with the part that an earlier attempt left; the whole file appears at once. */
async function download(url: string, target: string, size: number, headers: Record<string, string>): Promise<void> {
  const part = `${target}.part`;
  for (let attempt = 0; attempt < 3; attempt++) {
    const have = Math.max(0, await lengthOf(part));
    if (have > size) await fs.rm(part, { force: true });
    if (have === size) break;
    const range = have > 0 && have < size ? { range: `bytes=${have}-` } : {};
    const response = await request(url, { headers: range }, { headers, timeoutMs: 600_000 });
    if (response.status === 404 || response.body === null)
      throw new BiddenError("not-found", `Not found while fetching ${url}.`, { url });
    const goesOn = response.status === 206;
    // A connection that breaks leaves a longer part; the next attempt goes on behind it.
    await pipeline(
      Readable.fromWeb(response.body as never),
      createWriteStream(part, { flags: goesOn ? "a" : "w" }),
    ).catch((error: unknown) => {
      if (attempt === 2)
        throw new BiddenError(
          "not-found",
          `${url} broke off (${messageOf(error)}); the same command goes on with it.`,
          { url },
          error,
        );
    });
  }
  const got = await lengthOf(part);
  if (size === 0 && got < 0) await fs.writeFile(part, "");
  else if (got !== size)
    throw new BiddenError("bad-dataset", `${url} has ${got} bytes instead of the ${size} that the Hub lists.`, { url });
  await fs.rename(part, target);
}

async function lengthOf(path: string): Promise<number> {
  try {
    return (await fs.stat(path)).size;
  } catch {
    return -1;
  }
}
