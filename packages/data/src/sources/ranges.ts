/** Reading parts of files over HTTP (RFC 9110, range requests): retries, time limits, and errors that say what to do. */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { RandomAccess } from "../files/store.ts";

export type HttpOptions = {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Attempts for what may pass (a lost connection, 408, 429, 5xx). */
  readonly attempts?: number;
  readonly timeoutMs?: number;
};

type Ask = { readonly method?: "HEAD"; readonly headers?: Readonly<Record<string, string>> };

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Answers of 404 and 416 are given back; others that are no success throw. */
export async function request(url: string, init: Ask, options: HttpOptions = {}): Promise<Response> {
  const { attempts = 4, timeoutMs = 30_000, headers = {} } = options;
  let last: unknown = null;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 200 * 4 ** (attempt - 1)));
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(url, { ...init, headers: { ...headers, ...init.headers }, signal });
      if (response.ok || response.status === 404 || response.status === 416) return response;
      last = refusal(url, response);
      await response.body?.cancel();
      if (!PASSING.has(response.status)) throw last;
    } catch (error) {
      if (error instanceof BiddenError && error === last) throw error;
      last = error;
    }
  }
  if (last instanceof BiddenError) throw last;
  const late = last instanceof Error && last.name === "TimeoutError";
  const cause = last instanceof Error && last.cause instanceof Error ? last.cause.message : messageOf(last);
  throw new BiddenError(
    late ? "timeout" : "not-found",
    late ? `${url} did not answer within ${timeoutMs / 1000} s.` : `${url} cannot be reached (${cause}).`,
    { url },
    last,
  );
}

function refusal(url: string, { status, statusText }: Response): BiddenError {
  const fields = { url, status };
  if (status === 401 || status === 403)
    return new BiddenError(
      "no-permission",
      `${url} may not be read (${status}): it wants a token, or another one.`,
      fields,
    );
  return new BiddenError("not-found", `${url} cannot be read: the server answered ${status} ${statusText}.`, fields);
}

/** A file whose parts are fetched when asked for. @throws `not-found`, `unsupported` where the server knows no ranges */
export async function openRanges(url: string, options: HttpOptions = {}): Promise<RandomAccess> {
  const first = await request(url, { headers: { range: "bytes=0-0" } }, options);
  const total = Number(/\/(\d+)$/.exec(first.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
  await first.body?.cancel();
  if (first.status === 404) throw new BiddenError("not-found", `Not found while opening ${url}.`, { url });
  if (first.status === 416) return { byteLength: 0, slice: () => Promise.resolve(new ArrayBuffer(0)), close };
  if (first.status !== 206 || Number.isNaN(total)) {
    throw new BiddenError(
      "unsupported",
      `${url}: the server does not send parts of files (range requests); download the dataset first.`,
      { url },
    );
  }
  return new RangeFile(url, total, options);
}

const close = (): Promise<void> => Promise.resolve();

class RangeFile implements RandomAccess {
  readonly byteLength: number;
  readonly #url: string;
  readonly #options: HttpOptions;

  constructor(url: string, byteLength: number, options: HttpOptions) {
    this.#url = url;
    this.byteLength = byteLength;
    this.#options = options;
  }

  async slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    const stop = Math.min(end, this.byteLength);
    if (stop <= start) return new ArrayBuffer(0);
    const response = await request(this.#url, { headers: { range: `bytes=${start}-${stop - 1}` } }, this.#options);
    const total = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    const bytes = response.status === 206 ? await response.arrayBuffer() : new ArrayBuffer(0);
    if (bytes.byteLength !== stop - start || Number(total) !== this.byteLength) {
      throw new BiddenError(
        "bad-dataset",
        `${this.#url} changed while it was read: expected ${stop - start} bytes from ${start}, got ${bytes.byteLength}.`,
        { url: this.#url },
      );
    }
    return bytes;
  }

  close(): Promise<void> {
    return close();
  }
}
