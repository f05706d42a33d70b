/** Something that an implementation does otherwise than the contract says. An empty list is a pass. */
export type Finding = {
  /** Such as "chunk.values". */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
};

/** Collects findings; `expect` answers whether the condition held. */
export class Findings {
  readonly list: Finding[] = [];

  expect(holds: boolean, what: string, expected: string, found: unknown): boolean {
    if (!holds) this.list.push({ what, expected, found: typeof found === "string" ? found : plain(found) });
    return holds;
  }
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? `${item}n` : item)) ?? "undefined";
}
