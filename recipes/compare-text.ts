/**
 * What a pretrained text encoder is worth: the policy's reading of sentences (listen) trained on the frozen encoder's tokens,
 * and on a tokenizer and embeddings trained from nothing, on the same sentences; judged on templates and words never trained on.
 *
 *   npx tsx recipes/compare-text.ts [--sentences 20000] [--steps 3000]
 */
import { parseArgs } from "node:util";
import { listen, selfLayer, SKILLS, TEXT_INTENTS, type TabletopConfig, tabletopConfig } from "@bidden/models";
import { loadMinilm } from "@bidden/models/node";
import { createRng, type Rng } from "@bidden/runtime";
import {
  askQuestion,
  COLOURS,
  createScene,
  KINDS,
  rolesOf,
  sayOutside,
  sayTask,
  sayUnclear,
  tasksOf,
} from "@bidden/sim";
import {
  add,
  buildTrainStep,
  div,
  embedding,
  Graph,
  initParameters,
  linear,
  logSoftmax,
  mul,
  neg,
  onnxModel,
  reshape,
  type Session,
  sum,
  type Tensor,
} from "@bidden/tensor";
import { createSession, createTrainer } from "@bidden/tensor/node";

const { values: flags } = parseArgs({
  options: { sentences: { type: "string", default: "20000" }, steps: { type: "string", default: "3000" } },
});
const BATCH = 96;
const WIDTH = 384;
const TOKENS = tabletopConfig.textTokens;
const MERGES = 1500;

/** What a sentence means, as far as words alone tell: class indices, -1 where it says nothing. */
const HEADS = {
  intent: TEXT_INTENTS.length,
  skill: SKILLS.length,
  actKind: KINDS.length,
  actColour: COLOURS.length,
  placeKind: KINDS.length,
} as const;
type Head = keyof typeof HEADS;
const NAMES = Object.keys(HEADS) as readonly Head[];
type Said = { readonly text: string; readonly meaning: Readonly<Record<Head, number>> };

const NOTHING: Record<Head, number> = { intent: -1, skill: -1, actKind: -1, actColour: -1, placeKind: -1 };

function say(seed: number, split: "train" | "held-out"): Said {
  const rng = createRng(seed).fork("compare");
  const scene = createScene(seed);
  const draw = rng.uniform();
  if (draw < 0.6) return sayDeed(scene, rng, split);
  const other = (intent: (typeof TEXT_INTENTS)[number], text: string): Said => ({
    text,
    meaning: { ...NOTHING, intent: TEXT_INTENTS.indexOf(intent) },
  });
  if (draw < 0.7) return other("question", askQuestion(scene, rng, { split }).text);
  if (draw < 0.8) return other("outside", sayOutside(scene, rng, { split }).text);
  const kind = draw < 0.9 ? "garbage" : "forbidden";
  return other(kind, sayUnclear(scene, kind, rng, { split })?.text ?? "");
}

function sayDeed(scene: ReturnType<typeof createScene>, rng: Rng, split: "train" | "held-out"): Said {
  const task = rng.pick(tasksOf(scene));
  const { text } = sayTask(scene, task, rng, { split });
  const roles = rolesOf(task);
  const act = scene.objects.find(({ id }) => id === roles.act);
  const place = scene.objects.find(({ id }) => id === roles.place);
  const meaning = {
    intent: TEXT_INTENTS.indexOf("task"),
    skill: SKILLS.indexOf(task.skill),
    actKind: act === undefined ? -1 : KINDS.indexOf(act.kind),
    actColour: act === undefined ? -1 : COLOURS.indexOf(act.colour),
    placeKind: place === undefined ? -1 : KINDS.indexOf(place.kind),
  };
  return { text, meaning };
}

/** Byte-pair encoding (Sennrich et al. 2016) of letters, learned from the training sentences: token strings by merge order. */
class PairEncoder {
  readonly #ranks: Map<string, number> = new Map();
  readonly #ids: Map<string, number> = new Map([["", 0]]);

  constructor(texts: readonly string[], merges: number) {
    const words = new Map<string, number>();
    for (const text of texts) for (const word of wordsIn(text)) words.set(word, (words.get(word) ?? 0) + 1);
    let pieces = [...words].map(([word, count]) => ({ parts: Array.from(word), count }));
    for (const { parts } of pieces) for (const letter of parts) this.#learn(letter);
    for (let merge = 0; merge < merges; merge++) {
      const pairs = new Map<string, number>();
      for (const { parts, count } of pieces) {
        for (let i = 1; i < parts.length; i++) {
          const pair = `${parts[i - 1]}\t${parts[i]}`;
          pairs.set(pair, (pairs.get(pair) ?? 0) + count);
        }
      }
      const best = [...pairs].reduce((a, b) => (b[1] > a[1] ? b : a), ["", 0] as [string, number]);
      if (best[1] < 2) break;
      this.#ranks.set(best[0], merge);
      this.#learn(best[0].replace("\t", ""));
      pieces = pieces.map(({ parts, count }) => ({ parts: join(parts, best[0]), count }));
    }
  }

  get size(): number {
    return this.#ids.size;
  }

  /** Ids, at most `TOKENS`; letters that were never seen are 0. */
  encode(text: string): number[] {
    const ids = wordsIn(text).flatMap((word) => {
      let parts = Array.from(word);
      for (;;) {
        const pairs = parts.slice(1).map((part, i) => `${parts[i]}\t${part}`);
        const next = pairs.filter((pair) => this.#ranks.has(pair)).sort((a, b) => this.#rank(a) - this.#rank(b))[0];
        if (next === undefined) break;
        parts = join(parts, next);
      }
      return parts.map((part) => this.#ids.get(part) ?? 0);
    });
    return ids.slice(0, TOKENS);
  }

  #rank(pair: string): number {
    return this.#ranks.get(pair) as number;
  }

  #learn(token: string): void {
    if (!this.#ids.has(token)) this.#ids.set(token, this.#ids.size);
  }
}

/** Words with the space before them, so that tokens know where words begin. */
function wordsIn(text: string): string[] {
  return (` ${text.toLowerCase()}`.match(/ ?[a-z]+|[^a-z]/g) ?? []).slice(0, 64);
}

function join(parts: readonly string[], pair: string): string[] {
  const out: string[] = [];
  for (const part of parts) {
    const last = out[out.length - 1];
    if (last !== undefined && `${last}\t${part}` === pair) out[out.length - 1] = last + part;
    else out.push(part);
  }
  return out;
}

/** The heads over what `listen` makes of the tokens. */
function readOut(graph: Graph, config: TabletopConfig, text: Tensor, textMask: Tensor): Record<Head, Tensor> {
  const heard = listen(graph, config, { text, textMask });
  const flat = reshape(heard, [heard.shape[0] as number, -1]);
  const head = (name: Head): Tensor => {
    const weight = graph.parameter(`head.${name}`, [flat.shape[1] as number, HEADS[name]], {
      kind: "normal",
      std: 0.01,
    });
    return linear(flat, weight, null);
  };
  return Object.fromEntries(NAMES.map((name) => [name, head(name)])) as Record<Head, Tensor>;
}

/** How a sentence becomes the graph's inputs: values of one sentence, and the tokens that they stand for. */
type Reader = {
  readonly config: TabletopConfig;
  /** Name and shape (without the batch axis) of the input, and what becomes of it: [batch, TOKENS, config.textWidth]. */
  readonly input: { readonly dtype: "float32" | "int64"; readonly shape: readonly number[] };
  embed(graph: Graph, input: Tensor): Tensor;
  read(text: string): { readonly values: ArrayLike<number>; readonly count: number };
};

const base: TabletopConfig = { ...tabletopConfig, stateNames: [], attributes: [], answers: [] };

async function pretrained(texts: readonly string[]): Promise<Reader> {
  const encoder = await loadMinilm({ threads: 2 });
  const known = new Map<string, { values: Float32Array; count: number }>();
  for (const text of texts) known.set(text, await encoder.encode(text));
  return {
    config: base,
    input: { dtype: "float32", shape: [TOKENS, WIDTH] },
    embed: (_, input) => input,
    read: (text) => known.get(text) as { values: Float32Array; count: number },
  };
}

function fromNothing(texts: readonly string[]): Reader {
  const encoder = new PairEncoder(texts, MERGES);
  const config = { ...base, textWidth: base.width };
  return {
    config,
    input: { dtype: "int64", shape: [TOKENS] },
    embed(graph, input) {
      const table = graph.parameter("words", [encoder.size, config.width], { kind: "normal", std: 0.5 });
      const order = graph.parameter("order", [1, TOKENS, config.width], { kind: "normal", std: 0.1 });
      // Two layers of self-attention stand in for what the pretrained encoder has learned about context.
      let words = add(embedding(table, input), order);
      for (let layer = 0; layer < 2; layer++)
        words = selfLayer(graph, `words.${layer}`, words, config.heads, config.mlpWidth);
      return words;
    },
    read(text) {
      const values = encoder.encode(text);
      return { values, count: values.length };
    },
  };
}

function fillRow(reader: Reader, text: string, row: number, out: Record<string, Float32Array | BigInt64Array>): void {
  const { values, count } = reader.read(text);
  const input = out.input as Float32Array | BigInt64Array;
  const size = input.length / BATCH;
  if (input instanceof BigInt64Array)
    for (let i = 0; i < values.length; i++) input[row * size + i] = BigInt(values[i] as number);
  else input.set(values, row * size);
  (out.mask as Float32Array).fill(0, row * TOKENS, row * TOKENS + count);
}

function emptyBatch({ input }: Reader): Record<string, Float32Array | BigInt64Array> {
  const size = BATCH * input.shape.reduce((a, b) => a * b, 1);
  const mask = new Float32Array(BATCH * TOKENS).fill(-10_000);
  return { input: input.dtype === "int64" ? new BigInt64Array(size) : new Float32Array(size), mask };
}

async function trainReader(reader: Reader, said: readonly Said[]): Promise<Session> {
  const graph = new Graph("compare-text");
  const input = graph.input("input", reader.input.dtype, [BATCH, ...reader.input.shape]);
  const mask = graph.input("mask", "float32", [BATCH, TOKENS]);
  const logits = readOut(graph, reader.config, reader.embed(graph, input), mask);
  const targets = NAMES.map((name) => graph.input(name, "float32", [BATCH, HEADS[name]]));
  const losses = NAMES.map((name, i) => {
    const target = targets[i] as Tensor;
    return div(sum(mul(neg(logSoftmax(logits[name], -1)), target)), add(sum(target), 1e-3));
  });
  for (const name of NAMES) graph.output(`${name}.logits`, logits[name]);
  const steps = Number(flags.steps);
  const loss = losses.reduce((a, b) => add(a, b));
  const schedule = { peak: 1e-3, warmupSteps: 100, decay: { kind: "cosine" as const }, totalSteps: steps, final: 0.03 };
  const step = buildTrainStep(graph, loss, { schedule, adamw: { weightDecay: 0.02 }, clipNorm: 1, emaDecay: 0.99 });
  const trainer = await createTrainer(step, initParameters(graph, createRng(1)), { threads: 2 });
  const rng = createRng(2);
  for (let at = 0; at < steps; at++) {
    const batch = emptyBatch(reader);
    for (const name of NAMES) batch[name] = new Float32Array(BATCH * HEADS[name]);
    for (let row = 0; row < BATCH; row++) {
      const { text, meaning } = rng.pick(said);
      fillRow(reader, text, row, batch);
      for (const name of NAMES)
        if (meaning[name] >= 0) (batch[name] as Float32Array)[row * HEADS[name] + meaning[name]] = 1;
    }
    const { loss: value } = await trainer.run(batch);
    if ((at + 1) % 500 === 0) console.log(`  step ${at + 1}: loss ${(value as number).toFixed(3)}`);
  }
  const model = onnxModel(graph, {
    parameters: trainer.emaParameters(),
    outputs: NAMES.map((name) => `${name}.logits`),
  });
  await trainer.close();
  return createSession(model, { threads: 2 });
}

/** Share of right answers by head, in percent. */
async function judge(reader: Reader, session: Session, said: readonly Said[]): Promise<string> {
  const right = new Map<Head, [number, number]>(NAMES.map((name) => [name, [0, 0]]));
  for (let from = 0; from + BATCH <= said.length; from += BATCH) {
    const rows = said.slice(from, from + BATCH);
    const batch = emptyBatch(reader);
    rows.forEach(({ text }, row) => fillRow(reader, text, row, batch));
    const out = await session.run(batch);
    for (const name of NAMES) {
      const logits = out[`${name}.logits`]?.data as Float32Array;
      const tally = right.get(name) as [number, number];
      rows.forEach(({ meaning }, row) => {
        if (meaning[name] < 0) return;
        const own = logits.subarray(row * HEADS[name], (row + 1) * HEADS[name]);
        tally[1]++;
        if (own.indexOf(Math.max(...own)) === meaning[name]) tally[0]++;
      });
    }
  }
  return NAMES.map((name) => {
    const [hits, all] = right.get(name) as [number, number];
    return `${name} ${((100 * hits) / all).toFixed(1)}`;
  }).join("  ");
}

const count = Number(flags.sentences);
const trained = Array.from({ length: count }, (_, i) => say(700_000 + i, "train"));
const known = Array.from({ length: 1920 }, (_, i) => say(1_200_000 + i, "train"));
const unknown = Array.from({ length: 1920 }, (_, i) => say(1_300_000 + i, "held-out"));
const readers = [
  ["from nothing", async () => fromNothing(trained.map(({ text }) => text))],
  ["all-MiniLM-L6-v2", () => pretrained([...trained, ...known, ...unknown].map(({ text }) => text))],
] as const;
for (const [name, open] of readers) {
  console.log(name);
  const reader = await open();
  const session = await trainReader(reader, trained);
  console.log(`  trained templates:  ${await judge(reader, session, known)}`);
  console.log(`  held-out templates: ${await judge(reader, session, unknown)}`);
  await session.close();
}
