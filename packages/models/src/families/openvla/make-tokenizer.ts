/**
 * A tokenizer in the form of Llama 2's: bytes, letters and the space, so that every text has ids, and as many of the words of
 * prompts as there is room for, so that instructions become about as many tokens as Llama 2 makes of them.
 */
import type { JsonObject } from "../../checkpoint/json.ts";

const WORDS = [
  ..."In What action should the robot take to Out a an and it of put pick up place push pull move stack lift grasp".split(
    " ",
  ),
  ..."open close turn off on in into onto from under left right front back top bottom near next behind between".split(
    " ",
  ),
  ..."red green blue yellow orange purple white black small large block cube can ball bowl plate cup pot".split(" "),
  ..."spoon fork knife towel carrot corn drawer door table sink square basket object arm gripper".split(" "),
];

/** @param vocabulary ids of the text vocabulary; the padding piece follows them */
export function llamaTokenizer(vocabulary: number): JsonObject {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
  const letters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i));
  const letterPieces = ["<unk>", "<s>", "</s>", ...bytes, "▁", ...letters];
  const { pieces, merges } = withWords(letterPieces, vocabulary);
  const special = (id: number, content: string): JsonObject => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>"), special(vocabulary, "<PAD>")],
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
    },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: "<unk>",
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges,
    },
  };
}

/** Words grow from their first letter on, one more letter a merge; those that came first have room first. */
function withWords(letters: readonly string[], room: number): { pieces: readonly string[]; merges: readonly string[] } {
  const pieces = new Set(letters);
  const merges: string[] = [];
  for (const word of WORDS) {
    let grown = "▁";
    const own: [string, string][] = [];
    for (const letter of word) {
      own.push([grown, letter]);
      grown += letter;
    }
    const missing = own.filter(([left, right]) => !pieces.has(left + right));
    if (pieces.size + missing.length > room) break;
    for (const [left, right] of missing) {
      pieces.add(left + right);
      merges.push(`${left} ${right}`);
    }
  }
  return { pieces: [...pieces], merges };
}
