/** Turns what an operating system answers into sentences a person can act on. */

import { BiddenError, messageOf } from "@bidden/runtime";

/** Anything with a `code`, such as Node's system errors. */
function systemCode(thrown: unknown): string {
  const code = typeof thrown === "object" && thrown !== null ? (thrown as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

/** @param doing what was going on: "writing", "reading", "creating". */
export function fileError(thrown: unknown, doing: string, path: string): BiddenError {
  if (thrown instanceof BiddenError) return thrown;
  const systemError = systemCode(thrown);
  const fields = { path, systemError };
  switch (systemError) {
    case "ENOSPC":
    case "EDQUOT":
      return new BiddenError(
        "disk-full",
        `The disk is full (${systemError}) while ${doing} ${path}. Episodes that were ended before are safe; free some space and start again.`,
        fields,
        thrown,
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new BiddenError(
        "no-permission",
        `No permission (${systemError}) for ${doing} ${path}. Choose another folder or change its rights.`,
        fields,
        thrown,
      );
    case "ENOENT":
    case "ENOTDIR":
      return new BiddenError("not-found", `Not found while ${doing} ${path} (${systemError}).`, fields, thrown);
    default:
      return new BiddenError("bad-file", `Failed while ${doing} ${path}: ${messageOf(thrown)}.`, fields, thrown);
  }
}
