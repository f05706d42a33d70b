/** How the matrices of an OpenVLA are held: float32 as stored, or fewer bits. */
import { halfForm, int4Form, int8Form } from "../../blocks/quantised.ts";
import { Net } from "../../blocks/net.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { BACKBONE, PROJECTOR } from "./config.ts";
import type { NetOn } from "./graphs.ts";

export type MatrixForms = {
  readonly netOn: NetOn;
  /**
   * Rows of the graph that reads tokens after others. One, beside a graph of its own for whole sequences, where both can read
   * the same mapped weights; several where the engine holds rearranged copies, of which there is memory for one.
   */
  readonly rows: number;
  /** Sequences are rounded up to this many places, so that one session serves prompts of about the same length. */
  readonly grain: number;
  /** Quantised products run on rearranged matrices only. */
  readonly prepack: boolean;
};

/** Tokens that int4 reads in one pass: more would cost a decoded token more than they save a prompt. */
const ROWS = 4;

/** Opening a session takes seconds where matrices are rearranged: few lengths. */
const GRAIN = 64;

const FLOAT32: MatrixForms = {
  netOn: (graph) => new Net(graph, { forwardOnly: true }),
  rows: 1,
  grain: 16,
  prepack: false,
};

/**
 * @param rows that products of 8 bits take at once (`rowsAtOnce`)
 *
 * int8: every matrix, with a scale for every row of what it multiplies. int4: those of the language model; image towers and
 * projector, whose features decide where things are, keep 8 bits.
 */
export function matrixForms(precision: FamilyOptions["precision"] = "fp32", rows: number = ROWS): MatrixForms {
  if (precision === "fp32") return FLOAT32;
  if (precision === "fp16") {
    return { ...FLOAT32, netOn: (graph) => new Net(graph, { form: quantisable(() => halfForm), forwardOnly: true }) };
  }
  const eight = int8Form(true);
  const isVision = (name: string): boolean => name.startsWith(`${BACKBONE}.`) || name.startsWith(`${PROJECTOR}.`);
  const form = (name: string): typeof eight => (precision === "int8" || isVision(name) ? eight : int4Form);
  return {
    netOn: (graph) => new Net(graph, { form: quantisable(form), forwardOnly: true }),
    rows: precision === "int8" ? rows : ROWS,
    grain: GRAIN,
    prepack: true,
  };
}

/** What conditions FiLM is one row a block, and small. */
function quantisable<Form>(form: (name: string) => Form): (name: string) => Form | null {
  return (name) => (/\.(scale|shift)\.weight$/.test(name) ? null : form(name));
}
