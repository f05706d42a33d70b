/** Sessions and trainers on onnxruntime-web: WebAssembly in any browser, WebGPU where there is one. */
import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-web";
import type { TrainStep } from "./optim/train-step.ts";
import type { Engine, SessionOptions } from "./session/engine.ts";
import { openSession, type Session } from "./session/session.ts";
import { openTrainer, type ParameterMap, type Trainer } from "./session/trainer.ts";

const engine: Engine = {
  name: "onnxruntime-web",
  providers: () => ("gpu" in (globalThis.navigator ?? {}) ? ["wasm", "webgpu"] : ["wasm"]),
  open: (model, options) => InferenceSession.create(model, options),
  Tensor: OrtTensor,
  fillsOutputs: false,
};

/** Where the engine's .wasm files are served; call before the first session. */
export function setWasmPath(prefix: string): void {
  env.wasm.wasmPaths = prefix;
}

/** Threads of WebAssembly; more than one needs a page that is cross-origin isolated. Call before the first session. */
export function setWasmThreads(threads: number): void {
  env.wasm.numThreads = threads;
}

export function availableProviders(): readonly string[] {
  return engine.providers();
}

export function createSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  return openSession(engine, model, options);
}

export function createTrainer(
  step: TrainStep,
  parameters: ParameterMap,
  options: SessionOptions = {},
): Promise<Trainer> {
  return openTrainer(engine, step, parameters, options);
}
