/** Sessions and trainers on onnxruntime-web: WebAssembly in any browser, WebGPU where there is one. */
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { bindEngine } from "./session/bind-engine.ts";

export const { availableProviders, createSession, createTrainer } = bindEngine({
  name: "onnxruntime-web",
  providers: () => ("gpu" in (globalThis.navigator ?? {}) ? ["wasm", "webgpu"] : ["wasm"]),
  open: (model, options) => InferenceSession.create(model, options),
  Tensor,
  fillsOutputs: false,
});

/** Where the engine's .wasm files are served; call before the first session. */
export function setWasmPath(prefix: string): void {
  env.wasm.wasmPaths = prefix;
}

/** Threads of WebAssembly; more than one needs a page that is cross-origin isolated. Call before the first session. */
export function setWasmThreads(threads: number): void {
  env.wasm.numThreads = threads;
}
