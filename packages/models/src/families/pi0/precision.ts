/** How π's matrices are held: float32 as stored, or fewer bits for those of the transformers. */
import { Net } from "../../blocks/net.ts";
import { formsFor, halfForm, int8Form, type Precision } from "../../blocks/quantised.ts";
import type { OpenOptions } from "../../checkpoint/weights.ts";
import type { NetOn } from "./graphs.ts";
import { HEAD } from "./names.ts";

export type PiForms = {
  readonly netOn: NetOn;
  /** How sessions are opened: products of 8 and 4 bits run on rearranged matrices only. */
  readonly session: OpenOptions;
};

/**
 * int8 and int4 as for all policies (blocks/quantised.ts); the output matrix, whose best row is the next word, keeps 8 bits.
 * The modulations of π0.5 are computed once, and stay as they are.
 */
export function formsOf(precision: Precision = "fp32"): PiForms {
  const form = formsFor(precision);
  if (form === undefined) return { netOn: (graph) => new Net(graph, { forwardOnly: true }), session: {} };
  const head = precision === "fp16" ? halfForm : int8Form(true);
  return {
    netOn: (graph) => new Net(graph, { forwardOnly: true, form: (name) => (name === HEAD ? head : form(name)) }),
    session: { prepack: precision !== "fp16" },
  };
}
