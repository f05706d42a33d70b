/** A parquet file with some columns exchanged; the others keep their values, types and order, the file its row groups. */

import type { FileStore } from "../files/store.ts";
import { encodeTable, openTable, type Table, type TableColumn, textCells } from "./parquet.ts";

/** New values by column, one a row; a function is told how many rows there are. */
export type Replacements = Readonly<Record<string, readonly unknown[]>>;

export async function replaceColumns(
  source: Table | { readonly store: FileStore; readonly path: string },
  replace: Replacements | ((rows: number) => Replacements),
): Promise<Uint8Array> {
  if (!("store" in source)) return replaced(source, replace);
  const table = await openTable(await source.store.open(source.path), `${source.store.root}/${source.path}`);
  try {
    return await replaced(table, replace);
  } finally {
    await table.close();
  }
}

async function replaced(table: Table, replace: Replacements | ((rows: number) => Replacements)): Promise<Uint8Array> {
  const fresh = typeof replace === "function" ? replace(table.rows) : replace;
  const columns: TableColumn[] = [];
  for (const name of table.columns) {
    const schema = table.schemaOf(name);
    const data = fresh[name] ?? textCells(schema, await table.read(name));
    columns.push({ name, schema, data: [...data] });
  }
  // The Arrow schema would have to agree to the letter with what is written here; readers do without it.
  const metadata = (table.metadata.key_value_metadata ?? []).flatMap(({ key, value }) =>
    key === "ARROW:schema" || value === undefined ? [] : [{ key, value }],
  );
  return encodeTable(columns, metadata, table.rowGroups);
}
