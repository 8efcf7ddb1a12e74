import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { elementCount, isNumeric, readTensor } from '../../../server/formats/decode.js';
import type { DType, StoredTensor } from '../../../server/formats/modelFile.js';
import { varint } from './protobuf.js';
import { FIXTURES, storedTensor, temporaryFolder, valuesOf } from './support.js';

interface Facts {
  sha256: string;
  nonFinite: number;
  zeros: number;
  denormals: number;
}
const reference = JSON.parse(readFileSync(path.join(FIXTURES, 'dtypes.json'), 'utf8')) as { whole: Record<string, Facts>; packed: Record<string, number[]> };

/** Every NaN as the same pattern, as the reference has it. */
function tableDigest(values: readonly number[]): string {
  return createHash('sha256').update(new Uint8Array(Float64Array.from(values).buffer)).digest('hex');
}

/** Varints below 2^21, three bytes each. */
function smallVarints(values: Float32Array): Uint8Array {
  return Uint8Array.from({ length: 3 * values.length }, (_, i) => ((values[Math.floor(i / 3)] >>> (7 * (i % 3))) & 0x7f) | (i % 3 < 2 ? 0x80 : 0));
}

describe('decoding of stored elements', () => {
  const temporary = temporaryFolder();

  for (const [dtype, facts] of Object.entries(reference.whole)) {
    it(`widens every pattern of ${dtype} as NumPy and ml_dtypes do`, async () => {
      const wide = dtype.endsWith('16');
      const patterns = wide ? new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, i) => i).buffer) : Uint8Array.from({ length: 256 }, (_, i) => i);
      const { values, scan } = await valuesOf(storedTensor(temporary(dtype), dtype as DType, [wide ? 65_536 : 256], patterns));
      assert.equal(tableDigest(values), facts.sha256);
      assert.equal(scan.nonFinite.count, facts.nonFinite);
      assert.equal(scan.nonFinite.firstIndex, facts.nonFinite === 0 ? null : values.findIndex((value) => !Number.isFinite(value)));
      assert.equal(values.filter((value) => value === 0).length, facts.zeros);
      assert.equal(scan.denormals, facts.denormals);
      assert.equal(scan.digest, createHash('sha256').update(patterns).digest('hex'));
    });
  }

  for (const [dtype, table] of Object.entries(reference.packed)) {
    it(`unpacks ${dtype} from the low bits up, from any element on`, async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const perByte = table.length === 16 ? 2 : 4;
      const expected = [...bytes].flatMap((byte) => Array.from({ length: perByte }, (_, k) => table[Math.floor(byte / table.length ** k) % table.length]));
      // One element less than the bytes could hold: the last byte is padded.
      const tensor = storedTensor(temporary(dtype), dtype as DType, [expected.length - 1], bytes);
      assert.deepEqual((await valuesOf(tensor)).values, expected.slice(0, -1));
      assert.deepEqual((await valuesOf(tensor, { start: 5, count: 6 })).values, expected.slice(5, 11));
      assert.deepEqual((await valuesOf(tensor, { start: expected.length - 2 })).values, expected.slice(-2, -1));
    });
  }

  it('reads float32 and float64 exactly, with the scan of a naive loop', async () => {
    await fc.assert(
      fc.asyncProperty(fc.float32Array({ maxLength: 40 }), fc.float64Array({ maxLength: 40 }), async (single, double) => {
        for (const [dtype, array, normal] of [
          ['float32', single, 2 ** -126],
          ['float64', double, 2 ** -1022],
        ] as const) {
          const { values, scan } = await valuesOf(storedTensor(temporary('floats'), dtype, [array.length], new Uint8Array(array.slice().buffer)));
          assert.deepEqual(values, [...array]);
          assert.equal(scan.denormals, values.filter((value) => value !== 0 && Math.abs(value) < normal).length);
          assert.equal(scan.nonFinite.count, values.filter((value) => !Number.isFinite(value)).length);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('reads 64-bit integers to the nearest float64, raw and as varints', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 20 }), async (integers) => {
        for (const dtype of ['int64', 'uint64'] as const) {
          const own = dtype === 'int64' ? integers : integers.map((value) => BigInt.asUintN(64, value));
          const raw = new Uint8Array((dtype === 'int64' ? BigInt64Array.from(own) : BigUint64Array.from(own)).buffer);
          const expected = own.map(Number);
          assert.deepEqual((await valuesOf(storedTensor(temporary('raw'), dtype, [own.length], raw))).values, expected);
          assert.deepEqual((await valuesOf(storedTensor(temporary('varint'), dtype, [own.length], Buffer.concat(own.map(varint)), 'varint'))).values, expected);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('reads narrow types out of varints by their bit patterns', async () => {
    const cases: [DType, number[], number[], number[]][] = [
      ['int8', [3], [-1, 127, -128], [-1, 127, -128]],
      ['uint8', [2], [255, 0], [255, 0]],
      ['int16', [1], [-32768], [-32768]],
      ['uint16', [1], [65535], [65535]],
      ['int32', [2], [-(2 ** 31), 2 ** 31 - 1], [-(2 ** 31), 2 ** 31 - 1]],
      ['uint32', [1], [2 ** 32 - 1], [2 ** 32 - 1]],
      ['bool', [2], [1, 0], [1, 0]],
      ['float16', [2], [0x3c00, 0xc100], [1, -2.5]],
      ['bfloat16', [2], [0x3f80, 0xc020], [1, -2.5]],
      ['float8e4m3fn', [2], [0x7e, 0x81], [448, -(2 ** -9)]],
      ['float8e5m2', [1], [0x7b], [57344]],
      ['int4', [3], [0x8f, 0x07], [-1, -8, 7]],
      ['uint2', [5], [0b11100100, 0b01], [0, 1, 2, 3, 1]],
    ];
    for (const [dtype, shape, stored, expected] of cases) {
      assert.deepEqual((await valuesOf(storedTensor(temporary('narrow'), dtype, shape, Buffer.concat(stored.map(varint)), 'varint'))).values, expected, dtype);
    }
  });

  it('crosses the borders of chunks, whole and in parts', async () => {
    const count = 300_001;
    const array = Float32Array.from({ length: count }, (_, i) => i);
    const raw = storedTensor(temporary('raw'), 'float32', [count], new Uint8Array(array.buffer));
    const packed = storedTensor(temporary('varint'), 'int32', [count], smallVarints(array), 'varint');
    for (const tensor of [raw, packed]) {
      for (const [start, length] of [
        [0, count],
        [262_143, 2],
        [131_072, 150_000],
        [count, 0],
      ]) {
        let next = start;
        await readTensor(
          tensor,
          (values, at) => {
            assert.equal(at, next);
            assert.ok(values.length <= 1_000_000);
            for (const value of values) if (value !== next++) assert.fail(`element ${next - 1} is ${value}`);
          },
          { start, count: length },
        );
        assert.equal(next, start + length);
      }
    }
  });

  it('reads inline values, also after JSON made null of what is not finite', async () => {
    const tensor: StoredTensor = { name: 't', dtype: 'float32', shape: [2, 2], data: { encoding: 'inline', values: [1, NaN, 0, -Infinity] } };
    const travelled = JSON.parse(JSON.stringify(tensor)) as StoredTensor;
    for (const each of [tensor, travelled]) {
      const { values, scan } = await valuesOf(each);
      assert.deepEqual(scan.nonFinite, { count: 2, firstIndex: 1 });
      assert.equal(values[2], 0);
    }
  });

  it('stops when aborted and refuses parts outside the tensor, lies and text', async () => {
    const file = temporary('t');
    const tensor = storedTensor(file, 'float32', [600_000], new Uint8Array(2_400_000));
    const stop = new AbortController();
    let seen = 0;
    await assert.rejects(
      readTensor(
        tensor,
        (values) => {
          seen += values.length;
          stop.abort();
        },
        { signal: stop.signal },
      ),
      { name: 'AbortError' },
    );
    assert.ok(seen < 600_000);
    await assert.rejects(valuesOf(tensor, { start: 599_999, count: 2 }), RangeError);
    await assert.rejects(valuesOf({ ...tensor, shape: [600_001] }), { code: 'model/corrupt' });
    await assert.rejects(valuesOf({ ...tensor, dtype: 'complex64', shape: [300_000] }), { code: 'model/limit' });
    writeFileSync(file, new Uint8Array(1_000_000));
    await assert.rejects(valuesOf(tensor), { code: 'model/truncated' });
    await assert.rejects(valuesOf(storedTensor(file, 'int32', [3], Buffer.from([1, 2]), 'varint')), { code: 'model/corrupt' });
    await assert.rejects(valuesOf(storedTensor(file, 'int32', [1], Buffer.from([1, 2]), 'varint')), { code: 'model/corrupt' });
    await assert.rejects(valuesOf(storedTensor(file, 'int32', [1], Buffer.from([0x81]), 'varint')), { code: 'model/corrupt' });
  });

  it('leaves the event loop free between chunks', async () => {
    const tensor = storedTensor(temporary('t'), 'float32', [2_000_000], new Uint8Array(8_000_000));
    let turns = 0;
    let running = true;
    const turn = () => {
      turns += 1;
      if (running) setImmediate(turn);
    };
    setImmediate(turn);
    let visits = 0;
    await readTensor(tensor, () => visits++);
    running = false;
    assert.ok(visits > 1 && turns >= visits, `${turns} turns of the event loop in ${visits} chunks`);
  });

  it('counts elements and refuses what cannot be counted', () => {
    assert.equal(elementCount([]), 1);
    assert.equal(elementCount([2, 3, 4]), 24);
    assert.equal(elementCount([2 ** 52, 2 ** 52, 0]), 0);
    for (const shape of [[-1], [1.5], [2 ** 53], [2 ** 30, 2 ** 30], [NaN], new Array<number>(65).fill(1)]) assert.throws(() => elementCount(shape), { code: 'model/limit' });
    assert.equal(isNumeric('bfloat16'), true);
    assert.equal(isNumeric('string'), false);
  });
});
