/**
 * Tokenizers for made checkpoints: laid out like PaliGemma's and FAST's, with one piece a letter. The published ones come with
 * their own licence, and are not made up here.
 */
import { BiddenError } from "@bidden/runtime";
import { charOfByte } from "../../tokenizers/decode.ts";

const SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"];

/** Pieces that PaliGemma's vocabulary ends with. */
const SEGMENTS = 128;

/** `tokenizer.json` of a vocabulary of `size` pieces: special tokens, bytes, letters, and places and segments at the end. */
export function gemmaTokenizer(size: number): object {
  const letters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((letter) => letter !== "|");
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const fixed = [...SPECIAL, "\n", "|", ...bytes, "▁", ...letters];
  if (size < fixed.length) {
    throw new BiddenError("bad-argument", `vocab_size: expected at least ${fixed.length}; came ${size}.`, { size });
  }
  const rest = size - fixed.length;
  const segments = Math.min(SEGMENTS, rest);
  const pieces = [
    ...fixed,
    ...Array.from({ length: rest - segments }, (_, i) => `<loc${String(i).padStart(4, "0")}>`),
    ...Array.from({ length: segments }, (_, i) => `<seg${String(i).padStart(3, "0")}>`),
  ];
  return {
    version: "1.0",
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
    pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: {
      type: "BPE",
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: [],
    },
  };
}

/** `tokenizer.json` of FAST: one token a byte, then pairs of the coefficients around zero. */
export function fastTokenizer(size: number, minToken: number): object {
  if (size < charOfByte.length) {
    throw new BiddenError("bad-argument", `fast.vocab_size: expected at least ${charOfByte.length}; came ${size}.`);
  }
  const around = Array.from({ length: 64 }, (_, i) => charOfByte[-minToken - 32 + i] as string);
  const merges = around.flatMap((a) => around.map((b) => [a, b] as const)).slice(0, size - charOfByte.length);
  const pieces = [...charOfByte, ...merges.map(([a, b]) => a + b)];
  const level = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: level,
    post_processor: null,
    decoder: level,
    model: { type: "BPE", vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges },
  };
}
