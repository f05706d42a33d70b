/** What opens ONNX models: bound to onnxruntime-node or onnxruntime-web by the entry points. */
import type { Session, SessionOptions } from "@bidden/tensor";

export type Engine = {
  readonly openSession: (model: Uint8Array, options: SessionOptions) => Promise<Session>;
  /** Provider and threads of every session of a policy. */
  readonly options: SessionOptions;
  /** Where values that must be computed are kept between openings; left out: in memory only. */
  readonly kept?: KeptValues;
};

/** Files of our own beside the weights, which the engine can map as it maps the weights. */
export interface KeptValues {
  /** Values that must be converted stay in memory when all of a graph's are fewer bytes. */
  readonly atLeast: number;
  /**
   * Path below `root` of a file that holds a value; made when it is not there yet.
   * @param key names what the value is computed from and how
   * @returns null where nothing can be written
   */
  file(root: string, key: string, bytes: number, make: () => Promise<Uint8Array>): Promise<string | null>;
  /** The bytes of such a file. */
  read(root: string, path: string): Promise<Uint8Array>;
}
