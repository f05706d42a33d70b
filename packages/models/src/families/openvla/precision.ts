/** How the matrices of an OpenVLA are held: float32 as stored, or fewer bits. */
import { halfForm, int4Form, int8Form } from "../../blocks/quantised.ts";
import { Net } from "../../blocks/net.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { BACKBONE, PROJECTOR } from "./config.ts";
import type { NetOn } from "./graphs.ts";

export type MatrixForms = {
  readonly netOn: NetOn;
  /** What a graph reads in one go without remembering is rounded up to this many places: one session for like lengths. */
  readonly grain: number;
  /** Quantised products run on rearranged matrices only. */
  readonly prepack: boolean;
};

/** Opening a session takes seconds where matrices are rearranged: few lengths. */
const GRAIN = 64;

const FLOAT32: MatrixForms = {
  netOn: (graph) => new Net(graph, { forwardOnly: true }),
  grain: 16,
  prepack: false,
};

/**
 * int8: every matrix, with a scale for every row of what it multiplies. int4: those of the language model; image towers and
 * projector, whose features decide where things are, keep 8 bits.
 */
export function matrixForms(precision: FamilyOptions["precision"] = "fp32"): MatrixForms {
  if (precision === "fp32") return FLOAT32;
  if (precision === "fp16") {
    return { ...FLOAT32, netOn: (graph) => new Net(graph, { form: quantisable(() => halfForm), forwardOnly: true }) };
  }
  const eight = int8Form(true);
  const isVision = (name: string): boolean => name.startsWith(`${BACKBONE}.`) || name.startsWith(`${PROJECTOR}.`);
  const form = (name: string): typeof eight => (precision === "int8" || isVision(name) ? eight : int4Form);
  return {
    netOn: (graph) => new Net(graph, { form: quantisable(form), forwardOnly: true }),
    grain: GRAIN,
    prepack: true,
  };
}

/** What conditions FiLM is one row a block, and small. */
function quantisable<Form>(form: (name: string) => Form): (name: string) => Form | null {
  return (name) => (/\.(scale|shift)\.weight$/.test(name) ? null : form(name));
}
