/** Rules about sentences, and about who recorded. */

import type { Finding, RawDataset } from "./types.ts";

export function checkWords(raw: RawDataset): Finding[] {
  return [...sentences(raw), ...sources(raw)];
}

function sentences(raw: RawDataset): Finding[] {
  const out: Finding[] = [];
  const used = new Map<number, number>();
  for (const [episode, frames] of raw.frames) {
    for (const index of frames.numbers.get("task_index")?.values ?? []) if (!used.has(index)) used.set(index, episode);
  }
  const plain = (text: string): string =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
  const first = new Map<string, string>();
  for (const { index, text } of raw.tasks) {
    const at = used.has(index) ? { episode: used.get(index) as number } : {};
    if (text.trim() === "") {
      out.push({ rule: "task-text", severity: "warning", ...at, evidence: "the instruction is empty" });
      continue;
    }
    const twin = first.get(plain(text));
    if (twin !== undefined) {
      const evidence = `${JSON.stringify(text)} differs from ${JSON.stringify(twin)} only in case, spacing or punctuation`;
      out.push({ rule: "task-text", severity: "info", ...at, evidence });
    } else if (text.length > 3 && text === text.toUpperCase() && text !== text.toLowerCase()) {
      out.push({ rule: "task-text", severity: "info", ...at, evidence: `${JSON.stringify(text)} is all in capitals` });
    }
    first.set(plain(text), twin ?? text);
  }
  return out;
}

/** Share of one collector from which the others hardly count. */
const TOO_LARGE = 0.8;

function sources(raw: RawDataset): Finding[] {
  const episodes = raw.frames.size;
  if (episodes < 10) return [];
  const columns = Object.keys(raw.features).filter((name) => raw.features[name]?.dtype === "string");
  return columns.flatMap((column): Finding[] => {
    const counts = new Map<string, number>();
    for (const frames of raw.frames.values()) {
      const values = new Set(frames.texts.get(column) ?? []);
      // What changes within episodes is no source.
      if (values.size !== 1) return [];
      for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const [value, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ["", 0];
    if (counts.size < 2 || counts.size > episodes / 2 || count < TOO_LARGE * episodes) return [];
    return [
      {
        rule: "source-imbalance",
        severity: "info",
        column,
        evidence: `${count} of ${episodes} episodes have ${column} ${JSON.stringify(value)}`,
      },
    ];
  });
}
