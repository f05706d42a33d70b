/** Data files of a rewritten dataset: many episodes a file in v3.0 (one row group each), one in v2.1. */

import type { SchemaElement } from "hyparquet";
import { elementsOf } from "../dataset/columns.ts";
import type { Column, Features } from "../dataset/types.ts";
import type { WritableStore } from "../files/store.ts";
import { ImageStats } from "../stats/stats.ts";
import { cells } from "./encode.ts";
import { DATA_TEMPLATE, fillTemplate } from "./info.ts";
import { encodeTable, featureSchema, huggingFaceMetadata, type TableColumn, textCells } from "./parquet.ts";
import type { RewriteOptions } from "./rewrite.ts";
import type { RecordedColumn } from "./running-episode.ts";

export const DATA_TEMPLATE_V21 = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet";

const PER_CHUNK = 1000;
/** LeRobot's default. */
const DATA_FILE_BYTES = 100 << 20;
/** The rows of a file are held in memory until it is full. */
const MAX_FRAMES = 100_000;

export type DataPlace = { readonly chunk: number; readonly file: number };

export class DataFiles {
  readonly #store: WritableStore;
  readonly #features: Features;
  readonly #version: RewriteOptions["version"];
  readonly #limit: number;
  /** Features that are laid out as in the source. */
  readonly #schemas: ReadonlyMap<string, readonly SchemaElement[]>;
  #cells = new Map<string, unknown[]>();
  #groups: number[] = [];
  #frames = 0;
  #bytes = 0;
  #file = 0;

  constructor(
    store: WritableStore,
    features: Features,
    { version, dataFileBytes = DATA_FILE_BYTES }: RewriteOptions,
    schemas: ReadonlyMap<string, readonly SchemaElement[]>,
  ) {
    this.#store = store;
    this.#features = features;
    this.#version = version;
    this.#limit = dataFileBytes;
    this.#schemas = schemas;
  }

  /** One episode after the other. @returns where its rows stand. */
  async add(columns: ReadonlyMap<string, Column>, frames: number): Promise<DataPlace> {
    const full = this.#version === "v2.1" || this.#bytes >= this.#limit || this.#frames + frames > MAX_FRAMES;
    if (full) await this.flush();
    for (const [name, column] of columns) {
      const rows = this.#cells.get(name) ?? [];
      this.#cells.set(name, rows);
      const feature = this.#features[name];
      if (feature === undefined) continue;
      const added =
        column.kind === "json"
          ? textCells(this.#schemas.get(name) ?? [], column.values)
          : cells(feature, recordedOf(column), frames);
      for (const cell of added) rows.push(cell);
      this.#bytes += bytesOf(column);
    }
    this.#groups.push(frames);
    this.#frames += frames;
    return { chunk: Math.floor(this.#file / PER_CHUNK), file: this.#file % PER_CHUNK };
  }

  async flush(): Promise<void> {
    if (this.#groups.length === 0) return;
    const table = [...this.#cells].map(([name, data]): TableColumn => {
      const feature = this.#features[name];
      const schema = this.#schemas.get(name) ?? (feature === undefined ? [] : featureSchema(name, feature));
      return { name, schema: [...schema], data };
    });
    // `datasets` knows no type for language annotations; LeRobot writes none then either.
    const metadata = this.#schemas.size > 0 ? [] : [huggingFaceMetadata(this.#features)];
    await this.#store.write(this.#path(), encodeTable(table, metadata, this.#groups));
    this.#cells = new Map();
    this.#groups = [];
    this.#frames = 0;
    this.#bytes = 0;
    this.#file++;
  }

  #path(): string {
    const chunk = Math.floor(this.#file / PER_CHUNK);
    return this.#version === "v2.1"
      ? fillTemplate(DATA_TEMPLATE_V21, { episode_chunk: chunk, episode_index: this.#file })
      : fillTemplate(DATA_TEMPLATE, { chunk_index: chunk, file_index: this.#file % PER_CHUNK });
  }
}

function recordedOf(column: Exclude<Column, { kind: "json" }>): RecordedColumn {
  switch (column.kind) {
    case "numbers":
      return { kind: "numbers", dtype: column.dtype, size: elementsOf(column.shape), values: column.values };
    case "text":
      return { kind: "text", values: [...column.values] };
    case "images":
      return {
        kind: "images",
        png: Array.from({ length: column.length }, (_, frame) => column.encoded(frame) ?? new Uint8Array(0)),
        stats: new ImageStats(3),
      };
    default:
      return column satisfies never;
  }
}

function bytesOf(column: Column): number {
  if (column.kind === "numbers") return column.values.byteLength;
  if (column.kind !== "images") return column.values.length * 16;
  let bytes = 0;
  for (let frame = 0; frame < column.length; frame++) bytes += column.encoded(frame)?.length ?? 0;
  return bytes;
}
