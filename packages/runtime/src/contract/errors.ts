/**
 * The one error of bidden: a sentence with a code, what was expected and what came.
 * Libraries throw it, programs print it. In the control loop nothing throws: stages return a `Verdict`.
 */

/** Closed list of what can go wrong. Add a code here before throwing it. */
export type ErrorCode =
  | "bad-argument"
  | "bad-checkpoint"
  | "bad-dataset"
  | "bad-file"
  | "bad-graph"
  | "bad-instruction"
  | "bad-model-file"
  | "bad-shape"
  | "disk-full"
  | "embodiment-mismatch"
  | "engine"
  | "internal"
  | "no-permission"
  | "not-authorised"
  | "not-found"
  | "port-in-use"
  | "runtime-too-old"
  | "timeout"
  | "unsupported"
  | "worker-died";

/** Facts that belong to an error, in plain JSON values, so that a page or a log can show them. */
export type ErrorFields = Readonly<Record<string, string | number | boolean | null | readonly (string | number)[]>>;

export class BiddenError extends Error {
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  /** @param message a sentence: what was expected, what came, what to do. */
  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "BiddenError";
    this.code = code;
    this.fields = fields;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Throws an `internal` error: a bug of ours, not of the caller. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BiddenError("internal", `internal: ${message}`);
}
