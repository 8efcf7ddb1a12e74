import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { memorySource } from '../../../server/formats/byteSource.js';
import { asInputsErrors } from '../../../server/inputs/inputFile.js';
import { readNpy } from '../../../server/inputs/npy.js';
import { answersOrRefuses, npyBytes, npyWithHeader, refuses } from '../../support/inputs.js';

interface Stored {
  npy: string;
  dtype: string;
  shape: number[];
  values: string[];
}

const arrays = JSON.parse(readFileSync('test/fixtures/inputs/arrays.json', 'utf8')) as Record<string, Stored>;
const bytesOf = (name: string): Uint8Array => Buffer.from(arrays[name].npy, 'base64');
const read = (bytes: Uint8Array, largest?: number): Promise<Awaited<ReturnType<typeof readNpy>>> =>
  asInputsErrors(() => readNpy(memorySource(bytes), { name: 'a.npy', ...(largest === undefined ? {} : { largest }) }));

describe('npy', () => {
  for (const name of Object.keys(arrays).filter((key) => !key.startsWith('refused'))) {
    it(`reads what NumPy writes: ${name}`, async () => {
      const expected = arrays[name];
      const array = await read(bytesOf(name));
      assert.equal(array.dtype, expected.dtype);
      assert.deepEqual(array.shape, expected.shape);
      const values = Array.from(array.data as Iterable<number | bigint>, (value) => value);
      const wanted = expected.values.map((text) => (typeof values[0] === 'bigint' ? BigInt(text) : Number(text.replace('inf', 'Infinity'))));
      assert.ok(values.length === wanted.length && values.every((value, i) => Object.is(value, wanted[i])), `${values.join()} is not ${wanted.join()}`);
    });
  }

  it('refuses Python objects without executing them', async () => {
    await refuses(read(bytesOf('refused objects')), 'inputs/objects', /holds Python objects, which would have to be executed/);
    await refuses(read(bytesOf('refused records')), 'inputs/objects', /named fields/);
  });

  it('refuses other types, and names them', async () => {
    await refuses(read(bytesOf('refused complex')), 'inputs/dtype', /complex/);
    await refuses(read(bytesOf('refused text')), 'inputs/dtype', /'<U3'/);
    await refuses(read(bytesOf('refused bytes')), 'inputs/dtype', /'\|S3'/);
    await refuses(read(bytesOf('refused times')), 'inputs/dtype', /'<M8\[D\]'/);
    await refuses(read(npyBytes('<f16', [1], new Uint8Array(16))), 'inputs/dtype', /'<f16'/);
  });

  it('states the declared and the present size of a truncated file', async () => {
    const whole = npyBytes('<f4', [10, 784], new Uint8Array(100));
    await refuses(read(whole), 'inputs/truncated', /\[10, 784\] of 4 bytes an element, 31\.4 kB \(31360 bytes\), but only 100 bytes follow/);
  });

  it('states the declared and the allowed size, before it allocates', async () => {
    await refuses(read(npyBytes('<f8', [2 ** 40, 2 ** 12])), 'inputs/limit', /36\.0 PB.*at most 2\.1 GB \(2147483648 bytes\) are allowed/);
    await refuses(read(npyBytes('<f4', [10], new Float32Array(10)), 39), 'inputs/limit', /40 bytes, and at most 39 bytes are allowed/);
    await refuses(read(npyBytes('<f4', Array<number>(40).fill(2 ** 50))), 'inputs/limit');
  });

  it('takes other spellings of the header, and no other Python', async () => {
    const array = await read(npyWithHeader(`{"shape": (2L,), 'fortran_order':False,"descr":"<u2"}`, Uint16Array.of(7, 9)));
    assert.deepEqual([...array.data], [7, 9]);
    for (const header of [
      '', '{', "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1", "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os'),)}",
      "{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", "{'__proto__': (1,), 'fortran_order': False, 'shape': (2,)}",
    ]) await refuses(read(npyWithHeader(header, new Float64Array(2))), 'inputs/corrupt');
    await refuses(read(npyWithHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (${'1,'.repeat(65)})}`, new Float32Array(1))), 'inputs/limit', /64 dimensions/);
  });

  it('refuses headers and versions that are not there', async () => {
    await refuses(read(Buffer.from('\x93NUMPY\x04\x00', 'latin1')), 'inputs/not-recognised', /version 4/);
    await refuses(read(Buffer.from('\x93NUMPY\x01\x00\x80\x00', 'latin1')), 'inputs/truncated', /128 bytes/);
    await refuses(read(Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff', 'latin1')), 'inputs/limit', /4\.3 GB.*65\.5 kB/);
    await refuses(read(Buffer.from('\x93NUMPY', 'latin1')), 'inputs/truncated', /it has 6 bytes/);
    await refuses(read(Buffer.from('abc')), 'inputs/not-recognised');
  });

  it('reads what it is given or says why not, whatever the bytes', async () => {
    const names = Object.keys(arrays);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }), fc.nat(400), async (name, changes, length) => {
        const bytes = Uint8Array.from(bytesOf(name));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await answersOrRefuses(() => read(length < 200 ? bytes.subarray(0, length) : bytes));
      }),
      { numRuns: 500 },
    );
    await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme-ascii', maxLength: 80 }), (header) => answersOrRefuses(() => read(npyWithHeader(header, new Float64Array(4))))), { numRuns: 300 });
  });
});
