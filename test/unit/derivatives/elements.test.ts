import assert from 'node:assert/strict';
import { decodeElements, encodeElements } from '../../../server/derivatives/elements.js';

describe('elements of tensors as bytes', () => {
  it('of four bits lie two in a byte, the first in the lower half, negative ones by their two’s complement', () => {
    assert.deepEqual(encodeElements('int4', [-1, 3, 7]), Uint8Array.of(0x3f, 0x07));
    assert.deepEqual(encodeElements('int4', [-8, -7]), Uint8Array.of(0x98));
    assert.deepEqual(encodeElements('uint4', [15, 1]), Uint8Array.of(0x1f));
  });

  it('come back as the numbers that they were', () => {
    for (const [dtype, values] of [['float32', [1.5, -2]], ['float64', [0.1]], ['int64', [-5, 2 ** 40]], ['int8', [-128]], ['uint8', [255, 0]], ['bool', [1, 0]], ['float16', [0.5, -1024]]] as const) {
      assert.deepEqual(decodeElements(dtype, encodeElements(dtype, values)), [...values], dtype);
    }
  });
});
