import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { Cache } from '../../../server/runtime/cache.js';
import { decodeEntry, encodeEntry } from '../../../server/runtime/cacheEntry.js';

describe('cache entries', () => {
  const json = fc.jsonValue({ noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('$float64'));
  const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 0, maxLength: 60 });

  it('give back exactly what was put in', () => {
    fc.assert(
      fc.property(json, numbers, (value, values) => {
        // JSON knows no -0 except in the packed arrays of 16 and more.
        const exact = values.length >= 16 ? values : values.map((x) => x + 0);
        const entry = { value: JSON.parse(JSON.stringify(value)) as unknown, values: exact };
        assert.deepEqual(decodeEntry(encodeEntry('key', entry), 'key'), entry);
      }),
      { numRuns: 200 },
    );
  });

  it('are nothing when a byte is missing, changed or added, or the key is another', () => {
    const whole = encodeEntry('key', { text: 'σ', values: Array.from({ length: 40 }, (_, i) => i / 7) });
    assert.equal(decodeEntry(whole, 'another key'), undefined);
    for (let length = 0; length < whole.length; length++) assert.equal(decodeEntry(whole.subarray(0, length), 'key'), undefined);
    assert.equal(decodeEntry(Buffer.concat([whole, Buffer.of(0)]), 'key'), undefined);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] ^= 1 << (at % 8);
      assert.equal(decodeEntry(changed, 'key'), undefined, `byte ${at}`);
    }
  });
});

describe('cache', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'cache-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const entry = (kilobytes: number): number[] => new Array<number>(kilobytes * 128).fill(1);

  it('keeps values apart by key', async () => {
    const cache = new Cache(path.join(folder, 'made', 'on', 'demand'));
    assert.equal(await cache.get('a'), undefined);
    await cache.put('a', { x: 1 });
    await cache.put('b', { x: 2 });
    await cache.put('a', { x: 3 });
    assert.deepEqual([await cache.get('a'), await cache.get('b')], [{ x: 3 }, { x: 2 }]);
  });

  it('says once that a folder cannot be made, where it would lie in a file or in /proc', async () => {
    const file = path.join(folder, 'file');
    writeFileSync(file, '');
    for (const place of [path.join(file, 'cache'), ...(process.platform === 'linux' ? ['/proc/sigmascope/cache'] : [])]) {
      const problems: string[] = [];
      const cache = new Cache(place, undefined, (sentence) => problems.push(sentence));
      await cache.put('a', 1);
      await cache.put('b', 1);
      assert.equal(await cache.get('a'), undefined);
      assert.deepEqual(problems.length, 1);
      assert.match(problems[0], /cannot be written \(E[A-Z]+\)/);
    }
  });

  it('removes a torn entry and leaves the files of others alone', async () => {
    const cache = new Cache(folder);
    await cache.put('a', entry(4));
    const [name] = readdirSync(folder);
    const file = path.join(folder, name);
    writeFileSync(path.join(folder, 'notes.txt'), 'not ours');
    writeFileSync(file, readFileSync(file).subarray(0, 1000));
    assert.equal(await cache.get('a'), undefined);
    assert.deepEqual(readdirSync(folder), ['notes.txt']);
    await cache.put('a', entry(1));
    assert.deepEqual(await cache.clear().then(({ entries }) => entries), 1);
    assert.deepEqual(readdirSync(folder), ['notes.txt']);
  });

  it('removes what was used longest ago when it grows beyond its bound', async () => {
    const cache = new Cache(folder, 25 * 1024);
    for (const key of ['a', 'b']) await cache.put(key, entry(10));
    const names = new Map<string, string>();
    for (const name of readdirSync(folder)) names.set(readFileSync(path.join(folder, name)).includes('"key":"a"') ? 'a' : 'b', name);
    // Both were used yesterday; reading a makes it the newer one.
    for (const name of names.values()) utimesSync(path.join(folder, name), Date.now() / 1000 - 86400, Date.now() / 1000 - 86400);
    assert.notEqual(await cache.get('a'), undefined);
    await cache.put('c', entry(10));
    assert.deepEqual([await cache.get('b'), (await cache.get('a')) !== undefined, (await cache.get('c')) !== undefined], [undefined, true, true]);
    await cache.put('huge', entry(30));
    assert.equal(await cache.get('huge'), undefined);
    assert.notEqual(await cache.get('c'), undefined);
  });

  it('clears away temporary files of processes that are gone, not those of today', async () => {
    const cache = new Cache(folder);
    for (const [name, age] of [['old', 7200], ['new', 10]] as const) {
      const file = path.join(folder, `${name}.sigmascope-cache.1.abc.tmp`);
      writeFileSync(file, 'x');
      utimesSync(file, Date.now() / 1000 - age, Date.now() / 1000 - age);
    }
    await cache.put('a', 1);
    assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith('.tmp')), ['new.sigmascope-cache.1.abc.tmp']);
  });

  it('is empty, and says so once a write fails, where the folder cannot be made', async () => {
    const file = path.join(folder, 'a-file');
    writeFileSync(file, '');
    const problems: string[] = [];
    const cache = new Cache(path.join(file, 'below'), undefined, (sentence) => problems.push(sentence));
    await cache.put('a', 1);
    assert.equal(await cache.get('a'), undefined);
    assert.equal(problems.length, 1);
    assert.match(problems[0], /cannot be written/);
  });

  it('shows a reader one whole entry or another while several write the same key', async () => {
    const writers = [1, 2, 3].map((seed) => ({ seed, cache: new Cache(folder) }));
    await writers[0].cache.put('shared', { seed: 1, values: entry(64).fill(1) });
    let writing = true;
    const done = Promise.all(
      writers.map(async ({ seed, cache }) => {
        for (let round = 0; round < 15; round++) await cache.put('shared', { seed, values: entry(64).fill(seed) });
      }),
    ).finally(() => {
      writing = false;
    });
    const reader = new Cache(folder);
    let reads = 0;
    while (writing) {
      const value = (await reader.get('shared')) as { seed: number; values: number[] } | undefined;
      assert.ok(value?.values.every((x) => x === value.seed));
      reads++;
    }
    await done;
    assert.ok(reads > 0);
    assert.equal(readdirSync(folder).length, 1);
  });
});
