/** The rows of a model's word matrix, read one by one: it is large, and a prompt needs few of them. */
import { BiddenError } from "@bidden/runtime";
import { type Checkpoint, wrongShape } from "./checkpoint.ts";

/** Token ids to float32[ids, width]. */
export type Embed = (ids: ArrayLike<number>) => Promise<Float32Array>;

/**
 * The shape is checked at once; ids when they come. Tokenizers may know tokens that the model has no row for (PaliGemma's
 * does), so that their number alone says nothing.
 * @param table the tensor's name in the checkpoint
 */
export function wordRows(checkpoint: Checkpoint, table: string, width: number): Embed {
  const info = checkpoint.info(table);
  const [rows = 0] = info.shape;
  if (info.shape.length !== 2 || info.shape[1] !== width) throw wrongShape(info, [rows, width]);
  return (ids) => {
    const stranger = Array.from(ids).find((id) => id >= rows);
    if (stranger === undefined) return checkpoint.rows(table, ids);
    throw new BiddenError(
      "bad-checkpoint",
      `${checkpoint.label}: expected a tokenizer of ids below ${rows}, the rows of "${table}" in ${info.file}; came id ${stranger}. The tokenizer beside the weights is another model's.`,
      { file: info.file, tensor: table, expected: rows, came: stranger },
    );
  };
}
