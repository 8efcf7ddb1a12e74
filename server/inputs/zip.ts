import path from 'node:path';
import { Readable } from 'node:stream';
import * as yauzl from 'yauzl';
import type { ByteSource } from '../formats/byteSource.js';
import { counted, formatBytes, quote } from '../formats/sentences.js';
import { crc32 } from './crc32.js';
import { InputsError } from './inputArray.js';

/** Archives of arrays hold tens of members; the central directory of a hostile one could hold millions. */
const MOST_MEMBERS = 10_000;

/** The most that deflate can expand (zlib's technical details): a member that declares more is no deflated data. */
const LARGEST_EXPANSION = 1032;

/** Blocks of stored members: large enough for a disk, small enough to be read ahead. */
const BLOCK_BYTES = 2 ** 20;

/** Whether the bytes begin as a zip archive does, an empty one included. */
export function isZip(head: Uint8Array): boolean {
  return head.length >= 4 && head[0] === 0x50 && head[1] === 0x4b && ((head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6));
}

export interface ZipMember {
  name: string;
  /** As declared; `read` checks it. */
  size: number;
  /**
   * The member's bytes.
   * @throws InputsError `inputs/limit` where it declares more than `largest` bytes, `inputs/corrupt` where its bytes
   *   are not what the archive declares
   */
  read(largest: number): Promise<Uint8Array>;
  /** The first bytes, at most so many; unchecked. @throws InputsError `inputs/corrupt` */
  head(length: number): Promise<Uint8Array>;
}

/**
 * The members of a zip archive, in its order; nothing of their contents is read before it is asked for.
 * @throws InputsError `inputs/truncated`, `inputs/corrupt` or `inputs/limit`
 */
export async function zipMembers(source: ByteSource): Promise<ZipMember[]> {
  const archive = path.basename(source.path);
  const zip = await yauzl.fromRandomAccessReaderPromise(new SourceReader(source), source.size, { autoClose: false }).catch((error: unknown) => {
    throw damaged(archive, error);
  });
  if (zip.entryCount > MOST_MEMBERS) throw new InputsError('inputs/limit', `${archive} declares ${zip.entryCount} members, and at most ${MOST_MEMBERS} are allowed: pack fewer arrays.`);
  const members: ZipMember[] = [];
  try {
    for await (const entry of zip.eachEntry()) members.push({ name: entry.fileName, size: entry.uncompressedSize, read: (largest) => readMember(archive, zip, entry, largest), head: (length) => readHead(archive, zip, entry, length) });
  } catch (error) {
    throw damaged(archive, error);
  }
  return members;
}

async function readMember(archive: string, zip: yauzl.ZipFile, entry: yauzl.Entry, largest: number): Promise<Uint8Array> {
  const { uncompressedSize: size, compressedSize, fileName } = entry;
  const member = `${quote(fileName)} in ${archive}`;
  if (size > largest) throw new InputsError('inputs/limit', `${member} declares ${formatBytes(size)}, and at most ${formatBytes(largest)} are allowed: save fewer inputs.`);
  if (size > compressedSize * LARGEST_EXPANSION) throw new InputsError('inputs/corrupt', `${member} declares ${formatBytes(size)}, and its ${formatBytes(compressedSize)} of packed data can hold at most ${formatBytes(compressedSize * LARGEST_EXPANSION)}: write the archive again.`);
  if (entry.isEncrypted()) throw new InputsError('inputs/not-readable', `${member} is encrypted: write the archive without a password.`);
  if (!entry.canDecodeFileData()) throw new InputsError('inputs/not-readable', `${member} is packed by method ${entry.compressionMethod}, and stored and deflated members can be read: write it with numpy.savez_compressed.`);
  const bytes = new Uint8Array(size);
  let filled = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const block of stream as AsyncIterable<Uint8Array>) {
      if (filled + block.length > size) throw new Error(`more than the ${counted(size, 'declared byte')}`);
      bytes.set(block, filled);
      filled += block.length;
    }
  } catch (error) {
    throw damaged(member, error);
  }
  if (filled !== size) throw new InputsError('inputs/truncated', `${member} declares ${formatBytes(size)} and holds ${formatBytes(filled)}: copy or write the archive again.`);
  if (crc32(bytes) !== entry.crc32) throw new InputsError('inputs/corrupt', `${member} does not match its checksum (CRC-32): copy or write the archive again.`);
  return bytes;
}

async function readHead(archive: string, zip: yauzl.ZipFile, entry: yauzl.Entry, length: number): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  let filled = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const block of stream as AsyncIterable<Uint8Array>) {
      blocks.push(block);
      filled += block.length;
      if (filled >= length) break;
    }
  } catch (error) {
    throw damaged(`${quote(entry.fileName)} in ${archive}`, error);
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** The zip library reads an archive by ranges of the source. */
class SourceReader extends yauzl.RandomAccessReader {
  constructor(private readonly source: ByteSource) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const { source } = this;
    async function* blocks(): AsyncGenerator<Uint8Array> {
      for (let at = start; at < end; at += BLOCK_BYTES) yield await source.read(at, Math.min(BLOCK_BYTES, end - at));
    }
    return Readable.from(blocks(), { objectMode: false });
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: (error: Error | null) => void): void {
    this.source.read(position, length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        callback(null);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  }
}

function damaged(what: string, error: unknown): InputsError {
  if (error instanceof InputsError) return error;
  const reason = (error instanceof Error ? error.message : String(error)).replace(/[.:]?$/, '');
  const truncated = /truncated|end of file|EOF|unexpected end|expected at byte/i.test(reason);
  return new InputsError(truncated ? 'inputs/truncated' : 'inputs/corrupt', `${what} is no whole zip archive (${reason}): copy or write it again.`);
}
