/** CRC-32 (ISO 3309, polynomial 0xEDB88320 reflected) and CRC-32C (Castagnoli, 0x82F63B78 reflected), eight bytes a step. */

type Tables = readonly Uint32Array[];

/** Table k holds the CRC of a byte followed by k zero bytes ("slicing by 8", Kounavis and Berry 2005). */
function createTables(polynomial: number): Tables {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  const first = tables[0] as Uint32Array;
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    first[i] = crc;
  }
  for (let k = 1; k < 8; k++) {
    const before = tables[k - 1] as Uint32Array;
    for (let i = 0; i < 256; i++) {
      const crc = before[i] as number;
      (tables[k] as Uint32Array)[i] = (first[crc & 0xff] as number) ^ (crc >>> 8);
    }
  }
  return tables;
}

/** Continues `crc` (0 to begin) over `bytes`. */
function update(tables: Tables, bytes: Uint8Array, crc: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let c = ~crc;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    c ^=
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24);
    c =
      (t7[c & 0xff] as number) ^
      (t6[(c >>> 8) & 0xff] as number) ^
      (t5[(c >>> 16) & 0xff] as number) ^
      (t4[c >>> 24] as number) ^
      (t3[bytes[i + 4] as number] as number) ^
      (t2[bytes[i + 5] as number] as number) ^
      (t1[bytes[i + 6] as number] as number) ^
      (t0[bytes[i + 7] as number] as number);
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ (t0[(c ^ (bytes[i] as number)) & 0xff] as number);
  return ~c >>> 0;
}

const IEEE = createTables(0xedb88320);
const CASTAGNOLI = createTables(0x82f63b78);

/** @param crc of the bytes before, to go on from. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  return update(IEEE, bytes, crc);
}

/** @param crc of the bytes before, to go on from. */
export function crc32c(bytes: Uint8Array, crc = 0): number {
  return update(CASTAGNOLI, bytes, crc);
}
