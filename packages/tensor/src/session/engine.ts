/** What a session needs from ONNX Runtime; onnxruntime-node and onnxruntime-web both are one (their common API). */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";

export interface Engine {
  /** Shown in errors: "onnxruntime-node", "onnxruntime-web". */
  readonly name: string;
  /** Names of the execution providers that this build has. */
  providers(): readonly string[];
  open(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  readonly Tensor: typeof OrtTensor;
  /** Whether a run writes into the arrays that it is given for its outputs; otherwise it makes new ones. */
  readonly fillsOutputs: boolean;
}

export type SessionOptions = {
  /** Where the graph runs; "cpu" in Node and "wasm" in a browser when left out. */
  readonly provider?: string;
  /** Threads of one operator; left out: as many as there are cores. */
  readonly threads?: number;
  /** Settings of ONNX Runtime that are passed on as they are. */
  readonly engine?: InferenceSession.SessionOptions;
};
