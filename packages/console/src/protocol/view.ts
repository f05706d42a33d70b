/** What the page that shows a dataset asks its server for, as JSON. */

export type ViewCamera = {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** `video`: one file an episode; `images`: one picture a frame. */
  readonly kind: "video" | "images";
};

/** GET /api/dataset */
export type ViewDataset = {
  readonly path: string;
  readonly format: string;
  readonly robot: string | null;
  readonly fps: number;
  /** The dataset does not say its rate; `fps` is a guess. */
  readonly guessedFps: boolean;
  readonly cameras: readonly ViewCamera[];
  /** All sentences; episodes name them by index. */
  readonly tasks: readonly string[];
  readonly episodes: readonly { readonly length: number; readonly tasks: readonly number[] }[];
};

export type ViewColumn = {
  readonly name: string;
  /** One name a line. */
  readonly lines: readonly string[];
  /** By line, then frame; null: not finite. */
  readonly values: readonly (readonly (number | null)[])[];
};

/** GET /api/episode/N */
export type ViewEpisode = {
  readonly index: number;
  readonly length: number;
  /** The sentence from each frame on. */
  readonly tasks: readonly { readonly from: number; readonly text: string }[];
  /** State and action first. */
  readonly columns: readonly ViewColumn[];
};

/** GET /api/findings: what lint found; null where the format has no rules. */
export type ViewFindings =
  | readonly {
      readonly rule: string;
      readonly severity: "error" | "warning" | "info";
      readonly episode?: number;
      readonly frame?: number;
      readonly column?: string;
      readonly evidence: string;
    }[]
  | null;
