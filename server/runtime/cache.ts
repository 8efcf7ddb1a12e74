import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decodeEntry, encodeEntry } from './cacheEntry.js';

/** Ends the name of every file that the cache writes: files of other programs in the folder are never touched. */
const entrySuffix = '.sigmascope-cache';

/** A temporary file this old belongs to a process that is gone. */
const abandonedMilliseconds = 60 * 60 * 1000;

/** Default bound of all entries together. */
const defaultCacheBytes = 512 * 2 ** 20;

/** A file's state on disk: while it is the same, so is its content. */
export interface FileIdentity {
  path: string;
  bytes: number;
  mtimeNanoseconds: string;
  ctimeNanoseconds: string;
  inode: string;
}

/** Identity of a file now, by one `stat`. Throws the system's error when it is gone. */
export async function fileIdentity(file: string): Promise<FileIdentity> {
  const facts = await stat(file, { bigint: true });
  return {
    path: path.resolve(file),
    bytes: Number(facts.size),
    mtimeNanoseconds: String(facts.mtimeNs),
    ctimeNanoseconds: String(facts.ctimeNs),
    inode: String(facts.ino),
  };
}

/** Whether the two are the same state of the same file. */
export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Results on disk, by key. An entry is one file, written to a temporary name and renamed, so that processes can share
 * the folder; one that is torn, or from elsewhere, fails its checksum and is removed. The least recently used entries
 * go first when `limitBytes` is passed. Nothing here ever throws on account of the disk: a cache that cannot be
 * written is a cache that is empty; the reason goes to `onProblem`.
 */
export class Cache {
  /** Whether the last entry could not be written, which has been told. */
  private refused = false;

  constructor(
    readonly folder: string,
    private readonly limitBytes = defaultCacheBytes,
    private readonly onProblem: (sentence: string) => void = () => undefined,
  ) {}

  /** The value stored under `key` (any string), or undefined. Marks it as used now. */
  async get(key: string): Promise<unknown> {
    const file = this.fileOf(key);
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch {
      return undefined;
    }
    const value = decodeEntry(bytes, key);
    if (value === undefined) {
      await rm(file, { force: true }).catch(() => undefined);
      return undefined;
    }
    const now = new Date();
    await utimes(file, now, now).catch(() => undefined);
    return value;
  }

  /** Stores plain JSON (finite numbers) under `key`. An entry larger than the bound is not stored. */
  async put(key: string, value: unknown): Promise<void> {
    const bytes = encodeEntry(key, value);
    if (bytes.length > this.limitBytes) return;
    const file = this.fileOf(key);
    const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      await makeFolder(this.folder);
      await writeFile(temporary, bytes, { flag: 'wx' });
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      if (!this.refused) this.onProblem(`The cache folder ${this.folder} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}); results are not kept.`);
      this.refused = true;
      return;
    }
    this.refused = false;
    await this.evict();
  }

  /** Removes every entry; answers how many and their size. */
  async clear(): Promise<{ entries: number; bytes: number }> {
    const files = await this.list();
    for (const file of files) await rm(file.path, { force: true }).catch(() => undefined);
    return { entries: files.filter((file) => !file.temporary).length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
  }

  private fileOf(key: string): string {
    return path.join(this.folder, createHash('sha256').update(key).digest('hex') + entrySuffix);
  }

  private async list(): Promise<{ path: string; bytes: number; used: number; temporary: boolean }[]> {
    const names = await readdir(this.folder).catch(() => []);
    const files = await Promise.all(
      names
        .filter((name) => name.includes(entrySuffix))
        .map(async (name) => {
          const at = path.join(this.folder, name);
          const facts = await stat(at).catch(() => null);
          return facts?.isFile() === true ? { path: at, bytes: facts.size, used: facts.mtimeMs, temporary: !name.endsWith(entrySuffix) } : null;
        }),
    );
    return files.filter((file) => file !== null);
  }

  private async evict(): Promise<void> {
    const files = await this.list();
    const abandoned = Date.now() - abandonedMilliseconds;
    let total = 0;
    for (const file of files.sort((a, b) => b.used - a.used)) {
      if (file.temporary && file.used > abandoned) continue;
      total += file.bytes;
      if (file.temporary || total > this.limitBytes) {
        if (!file.temporary) total -= file.bytes;
        await rm(file.path, { force: true }).catch(() => undefined);
      }
    }
  }
}

/**
 * Makes a folder and those above it that are missing. Node's own `recursive` never ends on a file system that refuses
 * a new folder with ENOENT, as /proc does.
 */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = path.dirname(folder);
    // Windows answers EPERM for the root of a disk.
    if (code === 'EEXIST' || (code === 'EPERM' && parent === folder)) return;
    if (code !== 'ENOENT' || parent === folder || (await isFolder(parent))) throw error;
    await makeFolder(parent);
    await mkdir(folder).catch((second: unknown) => {
      // Another process may have been first.
      if ((second as NodeJS.ErrnoException).code !== 'EEXIST') throw second;
    });
  }
}

async function isFolder(at: string): Promise<boolean> {
  return (await stat(at).catch(() => null))?.isDirectory() ?? false;
}
