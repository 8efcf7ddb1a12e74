import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { LayerOutcome } from '../../../server/analyses/analyze.js';
import { cachedOutcomes, cacheOutcomes, isUnchanged, modelDigest } from '../../../server/analyses/resultCache.js';
import { analyzeLayer } from '../../../server/analyses/weights/analyzeLayer.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { Cache } from '../../../server/runtime/cache.js';
import { denseLayer } from './support.js';

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

describe('cache of results', () => {
  let folder: string;
  let cache: Cache;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sigmascope-results-'));
    cache = new Cache(path.join(folder, 'cache'));
    file = path.join(folder, 'model.onnx');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('remembers the digest of a file that was written this instant', async () => {
    await writeFile(file, 'first');
    assert.equal(await modelDigest([file], cache, { rememberedOnly: true }), null);
    const digest = await modelDigest([file], cache);
    assert.equal(digest?.sha256, sha256('first'));
    assert.deepEqual(await modelDigest([file], cache, { rememberedOnly: true }), digest);
    assert.equal(await isUnchanged(digest.identities), true);
  });

  it('does not take a changed file of the same size and time for the old one', async () => {
    await writeFile(file, 'first');
    const before = await modelDigest([file], cache);
    const { atime, mtime } = await stat(file);
    await writeFile(file, 'other');
    await utimes(file, atime, mtime);
    assert.ok(before !== null && !(await isUnchanged(before.identities)));
    assert.equal(await modelDigest([file], cache, { rememberedOnly: true }), null);
    assert.equal((await modelDigest([file], cache))?.sha256, sha256('other'));
  });

  it('tells every version of a file that is rewritten again and again at the same size', async () => {
    for (let version = 10; version < 18; version++) {
      await writeFile(file, `version ${version}`);
      assert.equal((await modelDigest([file], cache))?.sha256, sha256(`version ${version}`));
    }
  });

  it('does not remember a file whose time lies in the future', async () => {
    await writeFile(file, 'first');
    const later = new Date(Date.now() + 60_000);
    await utimes(file, later, later);
    assert.equal((await modelDigest([file], cache))?.sha256, sha256('first'));
    assert.equal(await modelDigest([file], cache, { rememberedOnly: true }), null);
  });

  it('has one content for all files of a model, and the sha256 of the first', async () => {
    const data = path.join(folder, 'model.data');
    await writeFile(file, 'graph');
    await writeFile(data, 'weights');
    const whole = await modelDigest([file, data], cache);
    assert.equal(whole?.sha256, sha256('graph'));
    assert.notEqual(whole.content, (await modelDigest([file], cache))?.content);
    await appendFile(data, '!');
    assert.equal(await modelDigest([file, data], cache, { rememberedOnly: true }), null);
    const changed = await modelDigest([file, data], cache);
    assert.equal(changed?.sha256, whole.sha256);
    assert.notEqual(changed.content, whole.content);
    assert.equal(await isUnchanged([...whole.identities, { ...whole.identities[0], path: path.join(folder, 'gone') }]), false);
  });

  it('works without a cache, and rejects for a file that is not there', async () => {
    await writeFile(file, 'first');
    assert.equal(await modelDigest([file], null, { rememberedOnly: true }), null);
    assert.equal((await modelDigest([file], null))?.sha256, sha256('first'));
    await assert.rejects(modelDigest([path.join(folder, 'none')], cache), { code: 'ENOENT' });
  });

  it('gives outcomes back as they were, under the same content and settings alone', async () => {
    const settings = { operator: 'norms', seed: 0, weightWatcher: true, threads: 2 } as const;
    const layer = denseLayer('fc1', 12, 12, Array.from({ length: 144 }, (_, i) => Math.sin(i * i)));
    const result = await analyzeLayer(layer, { ...settings, memoryLimitBytes: 2 ** 30 }, await MatrixWorkspace.create(), {});
    const outcomes = new Map<string, LayerOutcome>([
      ['fc1', { state: 'done', result }],
      ['fc2', { state: 'refused', reason: 'needs more memory' }],
      ['fc3', { state: 'failed', code: 'lost', reason: 'its process ended' }],
    ]);
    await cacheOutcomes(cache, 'content', settings, outcomes);
    const found = await cachedOutcomes(cache, 'content', settings);
    assert.deepEqual(found, new Map([['fc1', outcomes.get('fc1')]]));
    for (const other of [{ ...settings, seed: 1 }, { ...settings, operator: 'none' as const }, { ...settings, weightWatcher: false }, { ...settings, threads: 1 }]) {
      assert.equal((await cachedOutcomes(cache, 'content', other)).size, 0);
    }
    assert.equal((await cachedOutcomes(cache, 'other content', settings)).size, 0);
  });

  it('keeps nothing where nothing was computed', async () => {
    const settings = { operator: 'norms', seed: 0, weightWatcher: false, threads: 2 } as const;
    await cacheOutcomes(cache, 'content', settings, new Map([['fc2', { state: 'refused', reason: 'needs more memory' }]]));
    assert.deepEqual(await cache.clear(), { entries: 0, bytes: 0 });
  });
});
