/** What opens ONNX models: bound to onnxruntime-node or onnxruntime-web by the entry points. */
import type { Session, SessionOptions } from "@bidden/tensor";

export type Engine = {
  readonly openSession: (model: Uint8Array, options: SessionOptions) => Promise<Session>;
  /** Provider and threads of every session of a policy. */
  readonly options: SessionOptions;
};
