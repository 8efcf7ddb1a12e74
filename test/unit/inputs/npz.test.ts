import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { memorySource } from '../../../server/formats/byteSource.js';
import { crc32 } from '../../../server/inputs/crc32.js';
import type { InputArray } from '../../../server/inputs/inputArray.js';
import { asInputsErrors } from '../../../server/inputs/inputFile.js';
import { openNpz } from '../../../server/inputs/npz.js';
import { answersOrRefuses, npyBytes, refuses } from '../../support/inputs.js';

const archives = JSON.parse(readFileSync('test/fixtures/inputs/archives.json', 'utf8')) as Record<'stored' | 'deflated', string>;

async function readAll(bytes: Uint8Array, largest?: number): Promise<Record<string, InputArray>> {
  return await asInputsErrors(async () => {
    const npz = await openNpz(memorySource(bytes, 'a.npz'), largest);
    const arrays: Record<string, InputArray> = {};
    for (const name of npz.names) arrays[name] = await npz.read(name);
    return arrays;
  });
}

/** A zip archive of one deflated member that declares what it is told to. */
function zipOf(name: string, content: Uint8Array, declared: { size?: number; crc?: number } = {}): Buffer {
  const packed = deflateRawSync(content);
  const fields = Buffer.alloc(22);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(8, 4);
  fields.writeUInt32LE(declared.crc ?? crc32(content), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(declared.size ?? content.length, 18);
  const nameLength = Buffer.from([name.length, 0, 0, 0]);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, nameLength, Buffer.from(name), packed]);
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, nameLength, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

describe('npz', () => {
  for (const kind of ['stored', 'deflated'] as const) {
    it(`reads ${kind} members by name, as NumPy wrote them`, async () => {
      const arrays = await readAll(Buffer.from(archives[kind], 'base64'));
      assert.deepEqual(Object.keys(arrays), ['x', 'y', 'mask']);
      assert.deepEqual(arrays.x, { dtype: 'uint8', shape: [2, 3, 4], data: Uint8Array.from({ length: 24 }, (_, i) => i) });
      assert.deepEqual(arrays.y, { dtype: 'int64', shape: [2], data: BigInt64Array.of(1n, 0n) });
      assert.deepEqual(arrays.mask, { dtype: 'bool', shape: [2, 1], data: Uint8Array.of(1, 0) });
    });
  }

  it('names what is there where a name is not', async () => {
    const npz = await openNpz(memorySource(Buffer.from(archives.stored, 'base64'), 'a.npz'));
    await refuses(npz.read('z'), 'inputs/missing-array', /no array 'z', but 'x', 'y', 'mask'/);
    await refuses(readAll(zipOf('a.txt', Buffer.from('abc'))), 'inputs/missing-array', /without any \.npy/);
  });

  it('refuses a member that declares more than is allowed, with both numbers', async () => {
    const content = npyBytes('<f4', [250_000], new Float32Array(250_000));
    await refuses(readAll(zipOf('x.npy', content), 500_000), 'inputs/limit', /declares 1\.0 MB \(\d+ bytes\), and at most 565\.5 kB/);
  });

  it('refuses a member that unpacks to more or less than it declares', async () => {
    const content = npyBytes('<f4', [100_000], new Float32Array(100_000));
    await refuses(readAll(zipOf('x.npy', content, { size: 1000 })), 'inputs/corrupt', /too many bytes.*1000/);
    await refuses(readAll(zipOf('x.npy', content, { size: content.length + 5 })), 'inputs/corrupt', /not enough bytes/);
    await refuses(readAll(zipOf('x.npy', content, { size: 2 ** 31 - 1 })), 'inputs/corrupt', /declares 2\.1 GB.*can hold at most/);
  });

  it('refuses a member whose checksum does not hold', async () => {
    const content = npyBytes('<f4', [10], new Float32Array(10));
    assert.deepEqual((await readAll(zipOf('x.npy', content))).x.shape, [10]);
    await refuses(readAll(zipOf('x.npy', content, { crc: 1 })), 'inputs/corrupt', /CRC-32/);
  });

  it('refuses a truncated archive', async () => {
    const whole = Buffer.from(archives.stored, 'base64');
    await refuses(readAll(whole.subarray(0, whole.length - 30)), 'inputs/truncated', /a\.npz is no whole zip archive/);
    await refuses(readAll(Buffer.from('PK\x03\x04')), 'inputs/truncated');
  });

  it('reads what it is given or says why not, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom<'stored' | 'deflated'>('stored', 'deflated'), fc.array(fc.tuple(fc.nat(1200), fc.nat(255)), { maxLength: 8 }), fc.nat(2400), async (kind, changes, length) => {
        const bytes = Uint8Array.from(Buffer.from(archives[kind], 'base64'));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await answersOrRefuses(() => readAll(length < 1200 ? bytes.subarray(0, length) : bytes));
      }),
      { numRuns: 500 },
    );
  });
});
