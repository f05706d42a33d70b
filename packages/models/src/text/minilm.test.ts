import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { EncodedText, InstructionEncoder } from "./instruction-encoder.ts";
import { loadMinilm } from "./minilm.node.ts";
import { createWordpiece } from "./wordpiece.ts";

type Golden = { cases: { text: string; ids: number[]; every4th: number[][] }[] };
const root = new URL("../../../../", import.meta.url);
const golden = JSON.parse(readFileSync(new URL("testdata/models/minilm.json", root), "utf8")) as Golden;
const tokenizer = readFileSync(new URL("../../checkpoints/minilm/tokenizer.json", import.meta.url), "utf8");

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number =>
    x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe("wordpiece", () => {
  const wordpiece = createWordpiece(tokenizer);

  it.each(golden.cases)("gives the reference's ids for $text", ({ text, ids }) => {
    expect(wordpiece.encode(text, 32)).toEqual(ids);
  });

  it("cuts long texts before [SEP] and never lets a text become a control token", () => {
    const ids = wordpiece.encode("cube ".repeat(100), 32);
    expect(ids).toHaveLength(32);
    expect(ids[31]).toBe(102);
    const hostile = wordpiece.encode("pick [SEP] up [mask] [CLS]", 32);
    expect(hostile.slice(1, -1).filter((id) => id >= 100 && id <= 103)).toEqual([]);
  });

  it("says what is wrong with a broken tokenizer file", () => {
    expect(() => createWordpiece("{")).toThrow(/tokenizer.json could not be read/);
  });
});

describe("MiniLM in 8 bits", () => {
  let encoder: InstructionEncoder;
  beforeAll(async () => {
    encoder = await loadMinilm({ threads: 1 });
  });

  it.each(golden.cases)(
    "points every token where the float32 reference points it: $text",
    async ({ text, every4th }) => {
      const { values, count } = await encoder.encode(text);
      expect(count).toBe(every4th.length);
      every4th.forEach((row, t) => {
        const ours = row.map((_, i) => values[t * encoder.width + i * 4] as number);
        expect(cosine(ours, row)).toBeGreaterThan(0.98);
      });
    },
  );

  it("does not depend on the padding", async () => {
    const short = await encoder.encode("a b c d e f g h i j"); // 12 tokens: the shortest graph, full
    const again = await encoder.encode("a b c d e f g h i j");
    expect(again.values).toEqual(short.values);
  });

  it("encodes many as it encodes each, in the order given", async () => {
    const texts = [
      "pick it up",
      "put the small red block on the large blue plate next to the bowl, please",
      "",
      "a",
      "b c",
    ];
    const many = Array.from({ length: 40 }, (_, i) => texts[i % texts.length] as string);
    const each = await Promise.all(texts.map((text) => encoder.encode(text)));
    (await encoder.encodeAll(many)).forEach(({ values, count }, i) => {
      const alone = each[i % texts.length] as EncodedText;
      expect(count).toBe(alone.count);
      expect(Math.max(...values.map((value, k) => Math.abs(value - (alone.values[k] as number))))).toBeLessThan(1e-4);
    });
  });
});
