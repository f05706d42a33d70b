/** Object headers: the messages that say what an object is (HDF5 File Format Specification 3.0, IV.A). */

import { Cursor, type H5File } from "./bytes.ts";

export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFill: 0x04,
  fill: 0x05,
  link: 0x06,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

export type Message = { readonly type: number; readonly shared: boolean; readonly body: Cursor };

const MOST_BLOCKS = 4096;
const MOST_MESSAGES = 65_536;
/** The longest head of a version 2 header. */
const HEAD_BYTES = 40;

export async function readHeader(file: H5File, address: number): Promise<Message[]> {
  if (!Number.isFinite(address)) throw file.bad("address", 0, "an object has no address");
  const head = await file.upTo(address, HEAD_BYTES);
  return head.bytes[0] === 1 ? readVersion1(file, address, head) : readVersion2(file, address, head);
}

type Block = { readonly address: number; readonly length: number };

async function readVersion1(file: H5File, address: number, head: Cursor): Promise<Message[]> {
  head.skip(2);
  const count = head.u16();
  head.skip(4);
  const blocks: Block[] = [{ address: address + 16, length: head.u32() }];
  const messages: Message[] = [];
  for (let i = 0; i < blocks.length && messages.length < count; i++) {
    const block = blocks[i] as Block;
    const cursor = await file.at(block.address, block.length);
    while (cursor.left >= 8 && messages.length < count) {
      const [type, size, flags] = [cursor.u16(), cursor.u16(), cursor.u8()];
      cursor.skip(3);
      addMessage(file, { type, shared: (flags & 2) !== 0, body: cursor.sub(size) }, messages, blocks);
    }
  }
  return messages;
}

async function readVersion2(file: H5File, address: number, head: Cursor): Promise<Message[]> {
  head.signature("OHDR");
  if (head.u8() !== 2) throw head.bad("version", "an object header of an unknown version");
  const flags = head.u8();
  if (flags & 0x20) head.skip(16);
  if (flags & 0x10) head.skip(4);
  const length = head.uint(1 << (flags & 3));
  const blocks: Block[] = [{ address: address + head.at, length }];
  const messages: Message[] = [];
  for (let i = 0; i < blocks.length; i++) {
    const block = blocks[i] as Block;
    const cursor = await file.at(block.address, block.length);
    // What continues it has a signature of its own, and a checksum behind.
    if (i > 0) cursor.signature("OCHK");
    const end = i > 0 ? 4 : 0;
    const headBytes = flags & 4 ? 6 : 4;
    while (cursor.left >= headBytes + end) {
      const [type, size, own] = [cursor.u8(), cursor.u16(), cursor.u8()];
      if (flags & 4) cursor.skip(2);
      addMessage(file, { type, shared: (own & 2) !== 0, body: cursor.sub(size) }, messages, blocks);
    }
  }
  return messages;
}

function addMessage(file: H5File, message: Message, messages: Message[], blocks: Block[]): void {
  if (message.type !== MESSAGE.continuation) {
    if (messages.length >= MOST_MESSAGES) throw message.body.bad("header", "too many messages");
    messages.push(message);
    return;
  }
  const block = { address: message.body.address(), length: message.body.length() };
  const seen = blocks.some((own) => own.address === block.address);
  if (seen || blocks.length >= MOST_BLOCKS || !(block.length <= file.byteLength))
    throw message.body.bad("header", "an object header does not end");
  blocks.push(block);
}

/** The message of a type; one that is shared is fetched from the object that holds it. */
export async function findMessage(file: H5File, messages: readonly Message[], type: number): Promise<Cursor | null> {
  const message = messages.find((own) => own.type === type);
  if (message === undefined) return null;
  const body = new Cursor(message.body.bytes, file.widths, 0, file);
  return message.shared ? sharedMessage(file, body, type) : body;
}

/** @param body of a message that only says where the real one is. */
export async function sharedMessage(file: H5File, body: Cursor, type: number): Promise<Cursor> {
  const version = body.u8();
  const kind = body.u8();
  if (version === 1) body.skip(6);
  if (version === 3 && kind === 1) throw body.bad("shared-message", "messages in a shared heap are not read");
  const messages = await readHeader(file, body.address());
  const found = messages.find((own) => own.type === type && !own.shared);
  if (found === undefined) throw body.bad("shared-message", "a shared message leads nowhere");
  return found.body;
}
