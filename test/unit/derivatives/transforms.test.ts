import assert from 'node:assert/strict';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { assertDerivatives, int, text, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { jacobianTimesNormal, network, node, normalInputs, run } from '../../support/flatGraph.js';
import { assertLowered } from '../../support/lowerings.js';

async function assertOperator(operator: OperatorCase): Promise<void> {
  await assertDerivatives(operator);
  await assertLowered(operator);
}

const integers = (...constant: number[]): Operand => ({ constant });
const integer = (value: number): Operand => ({ constant: [value], shape: [] });

describe('derivatives of transforms along an axis', () => {
  for (const opset of [17, 20]) {
    it(`DFT of operator set ${opset}: real and complex, there and back, one-sided`, async () => {
      for (const [inverse, onesided, parts] of [[0, 0, 1], [0, 1, 1], [0, 0, 2], [1, 0, 1], [1, 0, 2], [1, 1, 2]]) {
        for (const length of [5, 6]) await assertOperator({ operator: 'DFT', operands: [{ shape: [2, length, parts] }], attributes: { inverse: int(inverse), onesided: int(onesided) }, opset });
      }
    });
  }

  it('DFT along another axis, of more elements and of fewer', async () => {
    for (const length of [4, 9]) {
      await assertOperator({ operator: 'DFT', operands: [{ shape: [2, 3, 6, 2] }, integer(length)], attributes: { axis: int(2) }, opset: 17 });
      await assertOperator({ operator: 'DFT', operands: [{ shape: [2, 6, 3, 2] }, integer(length), integer(-3)], opset: 20 });
    }
    for (const length of [8, 9]) await assertOperator({ operator: 'DFT', operands: [{ shape: [2, 5, 2] }, integer(length)], attributes: { inverse: int(1), onesided: int(1) }, opset: 20 });
    const cut = { operator: 'DFT', operands: [{ shape: [2, 5, 2] }, integer(4)], attributes: { inverse: int(1), onesided: int(1) }, opset: 20 };
    await assert.rejects(assertDerivatives(cut), { message: 'DFT (tested) is given 5 elements of half a spectrum where a length of 4 has 3, and what onnxruntime makes of that is not the inverse transform: give it as many.' });
  });

  it('STFT with and without a window, by the window too', async () => {
    await assertOperator({ operator: 'STFT', operands: [{ shape: [2, 20, 1] }, integer(4), null, integer(8)], opset: 17 });
    await assertOperator({ operator: 'STFT', operands: [{ shape: [2, 20, 1] }, integer(3), { shape: [8] }], opset: 17 });
    await assertOperator({ operator: 'STFT', operands: [{ shape: [1, 15, 1] }, integer(3), { shape: [6] }, integer(6)], attributes: { onesided: int(0) }, opset: 17 });
  });

  it('CumProd: exclusive, reversed, along any axis', async () => {
    for (const exclusive of [0, 1]) {
      for (const reverse of [0, 1]) await assertOperator({ operator: 'CumProd', operands: [{ shape: [2, 5, 3] }, integer(-2)], attributes: { exclusive: int(exclusive), reverse: int(reverse) }, opset: 26 });
    }
  });

  it('TensorScatter: by the cache and by what is written into it', async () => {
    await assertOperator({ operator: 'TensorScatter', operands: [{ shape: [2, 3, 6, 2] }, { shape: [2, 3, 2, 2] }, integers(1, 4)], opset: 24 });
    await assertOperator({ operator: 'TensorScatter', operands: [{ shape: [2, 3, 6, 2] }, { shape: [2, 3, 2, 2] }, integers(5, 4)], attributes: { mode: text('circular') }, opset: 24 });
    await assertOperator({ operator: 'TensorScatter', operands: [{ shape: [2, 6, 2] }, { shape: [2, 3, 2] }], attributes: { axis: int(1) }, opset: 24 });
  });

  it('windows and weights that are made of numbers alone, in float64', async () => {
    const graph = network([node('HannWindow', ['n'], ['w']), node('Mul', ['x', 'w'], ['y'])], { x: [8] }, { n: { values: [8], shape: [], dtype: 'int64' } }, ['y']);
    const products = await jacobianTimesNormal(graph, normalInputs(graph), 1);
    const random = new RandomGenerator(3);
    for (const [i, product] of products.entries()) assert.ok(Math.abs(product - (0.5 - 0.5 * Math.cos((Math.PI * i) / 4)) * random.normal()) <= 1e-15);
    const numbers = { bins: { values: [4], shape: [], dtype: 'int64' }, length: { values: [16], shape: [], dtype: 'int64' }, rate: { values: [8192], shape: [], dtype: 'int64' }, low: { values: [0], shape: [] }, high: { values: [4096], shape: [] } } as const;
    const mel = network([node('MelWeightMatrix', ['bins', 'length', 'rate', 'low', 'high'], ['w']), node('MatMul', ['x', 'w'], ['y'])], { x: [1, 9] }, numbers, ['y']);
    const [weights] = await run({ ...mel, outputs: ['w'] }, normalInputs(mel));
    const tangent = new RandomGenerator(3);
    const v = Array.from({ length: 9 }, () => tangent.normal());
    const found = await jacobianTimesNormal(mel, normalInputs(mel), 1);
    for (const [column, product] of found.entries()) assert.ok(Math.abs(product - v.reduce((sum, x, row) => sum + x * weights[4 * row + column], 0)) <= 1e-6);
  });
});
