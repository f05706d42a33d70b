/** The hub's listing of a repository: which files there are at a revision, how large, with which hash. */
import { BiddenError, messageOf } from "@bidden/runtime";
import { isJsonObject } from "../checkpoint/json.ts";

export type Remote = { readonly endpoint: string; readonly token: string | null };

export type HubFile = {
  readonly path: string;
  readonly size: number;
  readonly hash: string;
  /** Large files are named by their content's sha256, others as git blobs. */
  readonly algorithm: "sha256" | "git-sha1";
};

const TIMEOUT_MS = 20_000;
const MAX_PAGES = 100;
/** What a checkpoint is read from; pictures, videos and states of optimisers are left where they are. */
const WANTED = /\.(json|safetensors|model|pt|txt|md)$|^(LICENSE|NOTICE)[^/]*$/;
const UNWANTED = /(^|\/)(optimizer|scheduler|training_state|\.)[^/]*/;

export async function listRepository(
  remote: Remote,
  repository: string,
  revision: string,
): Promise<{ readonly revision: string; readonly files: readonly HubFile[] }> {
  const base = `${remote.endpoint}/api/models/${repository}`;
  const facts = (await ask(remote, `${base}/revision/${encodeURIComponent(revision)}`)).value;
  const sha =
    isJsonObject(facts) && typeof facts.sha === "string" && /^[\w.-]+$/.test(facts.sha) ? facts.sha : revision;
  const files: HubFile[] = [];
  let url: string | null = `${base}/tree/${sha}?recursive=true`;
  for (let page = 0; url !== null && page < MAX_PAGES; page++) {
    const { value, next } = await ask(remote, url);
    if (!Array.isArray(value))
      throw new BiddenError("bad-file", `${url} answered something else than a list of files.`);
    files.push(...value.flatMap((entry: unknown) => fileOf(entry, repository)));
    url = next;
  }
  const wanted = files.filter(({ path }) => WANTED.test(path) && !UNWANTED.test(path));
  if (wanted.length === 0) {
    throw new BiddenError("not-found", `${repository} at ${revision} holds no files of a checkpoint.`, { repository });
  }
  return { revision: sha, files: wanted };
}

function fileOf(entry: unknown, repository: string): HubFile[] {
  if (!isJsonObject(entry) || entry.type !== "file") return [];
  const { path, size, oid, lfs } = entry;
  if (typeof path !== "string" || typeof size !== "number" || !isInside(path)) {
    throw new BiddenError("bad-file", `${repository} lists a file that no checkpoint has: ${JSON.stringify(path)}.`);
  }
  if (isJsonObject(lfs) && typeof lfs.oid === "string") {
    const large = typeof lfs.size === "number" ? lfs.size : size;
    return [{ path, size: large, hash: lfs.oid, algorithm: "sha256" }];
  }
  return [{ path, size, hash: typeof oid === "string" ? oid : "", algorithm: "git-sha1" }];
}

/** A path within the folder, and nothing else. */
function isInside(path: string): boolean {
  return (
    path.length < 400 &&
    !/^\/|\\|\0|:/.test(path) &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}

async function ask(remote: Remote, url: string): Promise<{ readonly value: unknown; readonly next: string | null }> {
  let response: Response;
  try {
    response = await fetch(url, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: remote.token === null ? {} : { authorization: `Bearer ${remote.token}` },
    });
  } catch (error) {
    throw new BiddenError("timeout", `${remote.endpoint} cannot be reached (${reasonOf(error)}).`, { url }, error);
  }
  if (response.status === 401 || response.status === 403) {
    throw new BiddenError(
      "no-permission",
      `${url} answered ${response.status}: the repository does not exist, is private, or its licence must be accepted on its page first; then put a token of yours into HF_TOKEN.`,
      { url },
    );
  }
  if (response.status >= 500) {
    throw new BiddenError("timeout", `${remote.endpoint} answered ${response.status}.`, { url });
  }
  if (!response.ok)
    throw new BiddenError("not-found", `${url} answered ${response.status}: there is no such repository or revision.`, {
      url,
    });
  const next = /<([^>]+)>\s*;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1] ?? null;
  try {
    const sameHost = next !== null && new URL(next, url).origin === new URL(url).origin;
    return { value: await response.json(), next: sameHost ? new URL(next, url).href : null };
  } catch (error) {
    throw new BiddenError("bad-file", `${url} answered something else than JSON: ${messageOf(error)}.`, { url }, error);
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : messageOf(cause);
}
