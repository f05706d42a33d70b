/** Sessions and trainers on onnxruntime-node. */
import { InferenceSession, listSupportedBackends, Tensor as OrtTensor } from "onnxruntime-node";
import type { TrainStep } from "./optim/train-step.ts";
import type { Engine, SessionOptions } from "./session/engine.ts";
import { openSession, type Session } from "./session/session.ts";
import { openTrainer, type ParameterMap, type Trainer } from "./session/trainer.ts";

const engine: Engine = {
  name: "onnxruntime-node",
  providers: () => [...new Set(["cpu", ...listSupportedBackends().map((backend) => backend.name)])],
  open: (model, options) => InferenceSession.create(model, options),
  Tensor: OrtTensor,
  fillsOutputs: true,
};

/** Names of the execution providers of this machine's onnxruntime-node. */
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
