import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { hashFile } from '../formats/hash.js';
import { fileIdentity, sameIdentity, type Cache, type FileIdentity } from '../runtime/cache.js';
import { toolVersion } from '../runtime/version.js';
import type { LayerOutcome } from './analyze.js';
import type { UnitSettings } from './plan.js';

/** Content of a model at one moment. */
export interface ModelDigest {
  /** SHA-256 of the model's own file. */
  sha256: string;
  /** One digest of all its files. */
  content: string;
  /** State of the files when they were hashed. */
  identities: FileIdentity[];
}

/** A file hashed sooner than this after a change may be changed again within the same tick of its clock, unnoticed. */
const racyMilliseconds = 20;

/**
 * Digests of a model's files. Files whose path, size, times and inode are as the cache remembers are not read again.
 * @param files every file of the model, its own first
 * @param rememberedOnly answers null instead of reading a file
 */
export async function modelDigest(files: readonly string[], cache: Cache | null, options: { signal?: AbortSignal; rememberedOnly?: boolean } = {}): Promise<ModelDigest | null> {
  const identities: FileIdentity[] = [];
  const digests: string[] = [];
  for (const file of files) {
    const identity = await fileIdentity(file);
    let digest = await recall(cache, identity);
    if (digest === null) {
      if (options.rememberedOnly === true) return null;
      const settled = await settle(identity);
      digest = await hashFile(file, options.signal);
      if (cache !== null && settled && sameIdentity(identity, await fileIdentity(file))) await cache.put(memoKey(identity.path), { identity, digest });
    }
    identities.push(identity);
    digests.push(digest);
  }
  return { sha256: digests[0], content: createHash('sha256').update(digests.join('\n')).digest('hex'), identities };
}

/** Whether the files are still in that state. */
export async function isUnchanged(identities: readonly FileIdentity[]): Promise<boolean> {
  for (const identity of identities) {
    const now = await fileIdentity(identity.path).catch(() => null);
    if (now === null || !sameIdentity(now, identity)) return false;
  }
  return true;
}

/** Outcomes of layers of this content under these settings, from earlier runs, whole or cut off; empty without any. */
export async function cachedOutcomes(cache: Cache, content: string, settings: UnitSettings): Promise<Map<string, LayerOutcome>> {
  const entry = await cache.get(resultKey(content, settings));
  return new Map(isOutcomeList(entry) ? entry : []);
}

/** Keeps what was computed; refusals and failures depend on the machine and the moment, and are not kept. */
export async function cacheOutcomes(cache: Cache, content: string, settings: UnitSettings, outcomes: ReadonlyMap<string, LayerOutcome>): Promise<void> {
  const done = [...outcomes].filter(([, outcome]) => outcome.state === 'done');
  if (done.length > 0) await cache.put(resultKey(content, settings), done);
}

/** Waits until a file that has just been written is old enough for its time to tell a later change; false where the time lies in the future. */
async function settle(identity: FileIdentity): Promise<boolean> {
  const age = Date.now() - Number(BigInt(identity.mtimeNanoseconds) / 1_000_000n);
  if (age >= 0 && age <= racyMilliseconds) await setTimeout(racyMilliseconds - age + 1);
  return age >= 0;
}

async function recall(cache: Cache | null, identity: FileIdentity): Promise<string | null> {
  const memo = (await cache?.get(memoKey(identity.path))) as { identity: FileIdentity; digest: string } | undefined;
  return memo !== undefined && sameIdentity(memo.identity, identity) ? memo.digest : null;
}

function memoKey(path: string): string {
  return `memo\n${path}`;
}

/** The choice of layers is not part of the key: but for the last digits, a result of one layer does not depend on the others. */
function resultKey(content: string, settings: UnitSettings): string {
  return `weights\n${toolVersion}\n${content}\n${settings.operator}\n${settings.seed}\n${settings.weightWatcher}\n${settings.threads}`;
}

function isOutcomeList(entry: unknown): entry is [string, LayerOutcome][] {
  return Array.isArray(entry);
}
