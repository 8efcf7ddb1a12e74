import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { ModelFileError } from './modelFile.js';
import { formatBytes } from './sentences.js';

/** Bytes that are read by ranges; a file today. */
export interface ByteSource {
  /** Absolute path. */
  readonly path: string;
  readonly size: number;
  /**
   * The bytes offset … offset + length − 1, as a view that stays valid and must not be written to.
   * @throws ModelFileError `model/truncated` when the range leaves the source
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A file: also reads into memory that the caller reuses. */
export interface FileSource extends ByteSource {
  /**
   * Fills `target` from byte `offset` on.
   * @throws ModelFileError `model/truncated` when the range leaves the file
   */
  readInto(target: Uint8Array, offset: number): Promise<void>;
}

/** First read after a jump: one page costs a disk the same as one byte. */
const SMALLEST_WINDOW = 4096;
/** Sequential reads double the window up to here; more would only fill memory. */
const LARGEST_WINDOW = 256 * 1024;

/**
 * Opens a regular file for reading by ranges. Small reads are served from one window that grows while reads are
 * sequential, so that a walk over headers costs few reads and little memory whatever is skipped between them.
 * @throws ModelFileError for a missing, unreadable or empty file, a directory, a device or a pipe
 */
export async function openFile(file: string): Promise<FileSource> {
  const absolute = path.resolve(file);
  await checkRegularFile(absolute);
  let handle: FileHandle;
  try {
    // Non-blocking, so that a pipe put in the file's place since the check cannot hang the open. Windows has no such flag.
    handle = await open(absolute, constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0));
  } catch (error) {
    throw fileError(absolute, error);
  }
  const { size } = await handle.stat();
  return new PagedFile(absolute, size, handle);
}

async function checkRegularFile(absolute: string): Promise<void> {
  const name = path.basename(absolute);
  let status;
  try {
    status = await stat(absolute);
  } catch (error) {
    throw fileError(absolute, error);
  }
  if (status.isDirectory()) throw new ModelFileError('model/not-recognised', `${name} is a folder, not a model file: name one of the files in it.`);
  if (!status.isFile()) throw new ModelFileError('model/not-recognised', `${name} is a device or a pipe, and only regular files can be read by ranges: save the model to a file first.`);
  if (status.size === 0) throw new ModelFileError('model/empty', `${name} is empty (0 bytes): export or download the model again.`);
}

/** The sentence for an error of the operating system. */
export function fileError(file: string, error: unknown): ModelFileError {
  if (error instanceof ModelFileError) return error;
  const name = path.basename(file);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new ModelFileError('model/not-found', `${name} does not exist in ${path.dirname(file)}: check the path.`);
    case 'EACCES':
    case 'EPERM':
      return new ModelFileError('model/not-readable', `${name} cannot be read (no permission, ${code}): give your account the right to read it.`);
    case 'ELOOP':
    case 'ENAMETOOLONG':
      return new ModelFileError('model/not-found', `${name.slice(0, 80)} does not lead to a file (${code}): check the path and its links.`);
    case 'EMFILE':
    case 'ENFILE':
      return new ModelFileError('model/not-readable', `${name} cannot be opened, as too many files are open (${code}): close other programs or raise the limit (ulimit -n).`);
    default:
      return new ModelFileError('model/not-readable', `${name} cannot be read (${code}): check the disk or copy the file again.`);
  }
}

class PagedFile implements FileSource {
  private window: Buffer = Buffer.alloc(0);
  private windowStart = 0;
  private windowLength = SMALLEST_WINDOW;

  constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this, offset, length);
    const within = offset - this.windowStart;
    if (within >= 0 && within + length <= this.window.length) return this.window.subarray(within, within + length);
    if (length >= LARGEST_WINDOW) return await this.readExactly(offset, length);
    const sequential = within >= 0 && within <= this.window.length;
    this.windowLength = sequential ? Math.min(2 * this.windowLength, LARGEST_WINDOW) : SMALLEST_WINDOW;
    this.window = await this.readExactly(offset, Math.min(Math.max(length, this.windowLength), this.size - offset));
    this.windowStart = offset;
    return this.window.subarray(0, length);
  }

  private async readExactly(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    await this.readInto(buffer, offset);
    return buffer;
  }

  async readInto(target: Uint8Array, offset: number): Promise<void> {
    checkRange(this, offset, target.length);
    let done = 0;
    while (done < target.length) {
      let bytesRead: number;
      try {
        ({ bytesRead } = await this.handle.read(target, done, target.length - done, offset + done));
      } catch (error) {
        throw fileError(this.path, error);
      }
      if (bytesRead === 0) throw new ModelFileError('model/truncated', `${path.basename(this.path)} became shorter than ${formatBytes(this.size)} while it was read: open it again once it is written.`);
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** Bytes in memory as a source, for what is not (or not yet) a file. */
export function memorySource(bytes: Uint8Array, name = 'memory'): ByteSource {
  const source: ByteSource = {
    path: path.resolve(name),
    size: bytes.length,
    read: (offset, length) =>
      Promise.resolve().then(() => {
        checkRange(source, offset, length);
        return bytes.subarray(offset, offset + length);
      }),
    close: () => Promise.resolve(),
  };
  return source;
}

function checkRange(source: ByteSource, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0 || offset + length > source.size) {
    throw new ModelFileError('model/truncated', `${path.basename(source.path)} has ${formatBytes(source.size)}, but ${formatBytes(length)} ${length === 1 ? 'is' : 'are'} expected at byte ${offset}: copy or download it again.`);
  }
}
