/** What `@bidden/tensor/node` and `/web` export: sessions and trainers on one of ONNX Runtime's engines. */
import type { TrainStep } from "../optim/train-step.ts";
import type { Engine, SessionOptions } from "./engine.ts";
import { openSession, type Session } from "./session.ts";
import { openTrainer, type ParameterMap, type Trainer } from "./trainer.ts";

export type Backend = {
  /** Names of the execution providers that there are here. */
  readonly availableProviders: () => readonly string[];
  /** Opens an ONNX model, as `onnxModel` writes it, for inference. */
  readonly createSession: (model: Uint8Array, options?: SessionOptions) => Promise<Session>;
  /** Opens a training step, as `buildTrainStep` makes it, with the parameters that it begins from. */
  readonly createTrainer: (step: TrainStep, parameters: ParameterMap, options?: SessionOptions) => Promise<Trainer>;
};

export function bindEngine(engine: Engine): Backend {
  return {
    availableProviders: () => engine.providers(),
    createSession: (model, options = {}) => openSession(engine, model, options),
    createTrainer: (step, parameters, options = {}) => openTrainer(engine, step, parameters, options),
  };
}
