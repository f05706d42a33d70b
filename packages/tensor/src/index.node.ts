/** Sessions and trainers on onnxruntime-node. */
import { InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
import { bindEngine } from "./session/bind-engine.ts";

export const { availableProviders, createSession, createTrainer } = bindEngine({
  name: "onnxruntime-node",
  providers: () => [...new Set(["cpu", ...listSupportedBackends().map((backend) => backend.name)])],
  open: (model, options) => InferenceSession.create(model, options),
  Tensor,
  fillsOutputs: true,
});
