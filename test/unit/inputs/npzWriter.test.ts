import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { memorySource } from '../../../server/formats/byteSource.js';
import { openNpz } from '../../../server/inputs/npz.js';
import { npzBytes, type NpzArray } from '../../../server/inputs/npzWriter.js';
import { zipMembers } from '../../../server/inputs/zip.js';

const { members } = JSON.parse(readFileSync('test/fixtures/attacks.json', 'utf8')) as { members: Record<string, string> };

const arrays: Record<string, NpzArray> = {
  x: { dtype: 'float32', shape: [2, 3], data: Float32Array.of(0.5, -1.25, 3, 0, 1e-30, 7.75) },
  y: { dtype: 'int64', shape: [3], data: BigInt64Array.of(3n, 0n, 9007199254740993n) },
  success: { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
  epsilon: { dtype: 'float64', shape: [], data: Float64Array.of(0.03) },
};

describe('npz writer', () => {
  it('writes the members that numpy writes, byte for byte', async () => {
    const found = await zipMembers(memorySource(npzBytes(arrays), 'a.npz'));
    assert.deepEqual(found.map(({ name }) => name), ['x.npy', 'y.npy', 'success.npy', 'epsilon.npy']);
    // Reading checks the sizes and the checksum that the archive declares.
    for (const member of found) assert.equal(Buffer.from(await member.read(2 ** 20)).toString('base64'), members[member.name.slice(0, -'.npy'.length)], member.name);
  });

  it('writes what is read back to the same numbers, whatever the shape', async () => {
    const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(shape, fc.constantFrom('x', 'y', 'naïve ∂'), async (sizes, name) => {
        const data = Float64Array.from({ length: sizes.reduce((product, size) => product * size, 1) }, (_, i) => i / 3);
        const npz = await openNpz(memorySource(npzBytes({ first: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) }, [name]: { dtype: 'float64', shape: sizes, data } }), 'a.npz'));
        assert.deepEqual(npz.names, ['first', name]);
        assert.deepEqual(await npz.read(name), { dtype: 'float64', shape: sizes, data });
      }),
      { numRuns: 60 },
    );
  });

  it('is the same bytes at any time, and refuses a shape that does not hold the numbers', () => {
    assert.deepEqual(npzBytes(arrays), npzBytes(arrays));
    assert.throws(() => npzBytes({ x: { dtype: 'float32', shape: [2, 2], data: new Float32Array(3) } }), /\[2, 2\] does not hold 3/);
  });
});
