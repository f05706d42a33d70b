/** Tokenizers against recorded ids: Hugging Face's, SentencePiece's and FAST's. Ids and texts must be equal. */
import { EXACT, type GoldenCheck } from "../checkpoint/golden.ts";
import type { Fields, JsonObject } from "../checkpoint/json.ts";
import { parseJson } from "../checkpoint/json.ts";
import type { CheckpointSource } from "../checkpoint/source.ts";
import { createFastTokenizer } from "../tokenizers/fast.ts";
import { createSentencePiece } from "../tokenizers/sentencepiece.ts";
import { createTokenizer, type TextTokenizer } from "../tokenizers/tokenizer.ts";
import { type GoldenKind, readAll, readJson, readText } from "./set.ts";

/** Recorded ids, and the tokenizer files that may have given them. */
const SETS: readonly { readonly golden: string; readonly models: readonly string[] }[] = [
  { golden: "hf_goldens.json", models: ["tokenizer.json"] },
  { golden: "hf_nonlegacy_goldens.json", models: ["tokenizer_nonlegacy.json"] },
  { golden: "sentencepiece_goldens.json", models: ["tokenizer.model", "spiece.model"] },
];

export const tokenizers: GoldenKind = {
  name: "tokenizer",
  matches: (files) =>
    SETS.some(({ golden }) => files.includes(golden)) ||
    (files.includes("goldens.json") && files.includes("processor_config.json")),
  async check(source, check) {
    const files = await source.list();
    for (const { golden, models } of SETS) {
      const model = models.find((file) => files.includes(file));
      if (files.includes(golden) && model !== undefined) {
        checkTexts(await openTokenizer(source, model), await readJson(source, golden), golden, check);
      }
    }
    if (files.includes("processor_config.json")) await checkFast(source, check);
  },
};

async function openTokenizer(source: CheckpointSource, model: string): Promise<TextTokenizer> {
  if (model.endsWith(".model")) return createSentencePiece(await readAll(source, model), model);
  const config =
    (await source.size("tokenizer_config.json")) === null ? "{}" : await readText(source, "tokenizer_config.json");
  return createTokenizer(await parsed(source, model), parseJson(config, "tokenizer_config.json"), model);
}

async function parsed(source: CheckpointSource, file: string): Promise<JsonObject> {
  return parseJson(await readText(source, file), file);
}

function checkTexts(tokenizer: TextTokenizer, facts: Fields, file: string, check: GoldenCheck): void {
  const wrong: string[] = [];
  const texts = facts.objects("texts");
  let special = 0;
  for (const row of texts) {
    const text = row.text("text");
    const ids = row.has("ids_specials_as_text") ? row.numbers("ids_specials_as_text") : row.numbers("ids");
    const came = tokenizer.encode(text);
    if (came.join() !== ids.join()) wrong.push(JSON.stringify(text.slice(0, 60)));
    special += came.filter((id) => tokenizer.specialIds.has(id) && !ids.includes(id)).length;
  }
  check.holds(
    `${file}: ids of ${texts.length} texts`,
    wrong.length === 0,
    `other ids for ${wrong.slice(0, 5).join(", ")}`,
  );
  check.holds(`${file}: no typed special token`, special === 0, `${special} special ids came out of texts`);
  const rows = [
    ...texts.map((row) => ({ ids: row.numbers("ids"), text: row.text("decoded") })),
    ...facts.objects("decode").map((row) => ({ ids: row.numbers("ids"), text: row.text("text") })),
  ];
  const withSpecial = !file.startsWith("sentencepiece");
  const misread = rows.filter(({ ids, text }) => tokenizer.decode(ids, { special: withSpecial }) !== text);
  check.holds(
    `${file}: text of ${rows.length} id lists`,
    misread.length === 0,
    `other texts for ${misread
      .slice(0, 3)
      .map(({ ids }) => `[${ids.slice(0, 12).join()}]`)
      .join(", ")}`,
  );
}

async function checkFast(source: CheckpointSource, check: GoldenCheck): Promise<void> {
  const processor = await readJson(source, "processor_config.json");
  const fast = createFastTokenizer(await parsed(source, "tokenizer.json"), processor);
  const facts = check.golden.facts;
  for (const row of facts.objects("encode")) {
    const [steps, dim, name] = [row.whole("T"), row.whole("D"), row.text("name")];
    const flat = rowsOf(row, "actions");
    const actions = row.text("dtype") === "float64" ? Float64Array.from(flat) : Float32Array.from(flat);
    const { ids, coefficients } = fast.encode(actions, steps, dim);
    check.equal(`encode ${name}: coefficients`, coefficients, rowsOf(row, "dct_quantised"));
    check.equal(`encode ${name}: ids`, ids, row.numbers("ids"));
    const back = fast.decodeActions(row.numbers("ids"), steps, dim);
    check.equal(`encode ${name}: decoded`, back.actions, rowsOf(row, "decoded"), { relMax: 1e-6 });
  }
  for (const row of facts.objects("decode_edge")) {
    const [steps, dim, name] = [row.whole("T"), row.whole("D"), row.text("name")];
    const ids = row.numbers("ids");
    const points = Array.from(fast.decode(ids), (char) => char.codePointAt(0) as number);
    check.equal(`decode ${name}: characters`, points, row.numbers("text_codepoints"), EXACT);
    const { actions, problems } = fast.decodeActions(ids, steps, dim);
    check.equal(`decode ${name}: actions`, actions, rowsOf(row, "decoded"), { relMax: 1e-6 });
    const whole = points.length === steps * dim && !points.includes(0xfffd);
    check.holds(`decode ${name}: reported`, whole === (problems.length === 0), `problems: ${problems.join(" ")}`);
  }
}

/** A list of lists as one list. */
function rowsOf(row: Fields, key: string): number[] {
  const rows = row.raw(key);
  if (!Array.isArray(rows)) throw row.bad(key, "a list of lists of numbers");
  return rows.flat().map(Number);
}
