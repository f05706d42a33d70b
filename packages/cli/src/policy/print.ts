/** Numbers and tables as people read them. */

export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

export function countText(count: number): string {
  if (count < 1e6) return `${(count / 1e3).toFixed(0)} thousand`;
  if (count < 1e9) return `${(count / 1e6).toFixed(1)} million`;
  return `${(count / 1e9).toFixed(3)} billion`;
}

export function msText(ms: number): string {
  return ms < 10_000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** Two columns, the first as wide as its widest. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = rows.reduce((max, [name]) => Math.max(max, name.length), 0);
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}
