/** What turns a sentence into the vectors that a policy reads: one vector a token, so that colours stay with their things. */
export type EncodedText = {
  /** float32[count, width] */
  readonly values: Float32Array;
  readonly count: number;
};

export interface InstructionEncoder {
  /** Numbers per token. */
  readonly width: number;
  /** Most tokens that `encode` returns; what is longer is cut. */
  readonly maxTokens: number;
  /** SHA-256 of the weights, hex. */
  readonly digest: string;
  encode(text: string): Promise<EncodedText>;
  /** The same for many texts, several at a time: for preparing a training. Equal to `encode` up to rounding. */
  encodeAll(texts: readonly string[]): Promise<EncodedText[]>;
}
