import assert from 'node:assert/strict';
import { probe } from '../../../server/derivatives/probe.js';
import { rewrite } from '../../../server/derivatives/rewrite.js';
import { assertDerivatives, float, int, ints, networkOf } from '../../support/derivatives.js';

const positive = (...shape: number[]) => ({ shape, from: 0.5, to: 2 });
const epsilon = float(0.03);

describe('derivatives of normalizations', () => {
  for (const axis of [-1, 1, 0]) {
    it(`LayerNormalization from axis ${axis} on`, async () => {
      const shape = [2, 3, 4];
      const operands = [{ shape }, { shape: shape.slice(axis) }, { shape: shape.slice(axis) }];
      const attributes = { axis: int(axis), epsilon };
      await assertDerivatives({ operator: 'LayerNormalization', operands, attributes });
      await assertDerivatives({ operator: 'LayerNormalization', operands: operands.slice(0, 2), attributes });
      await assertDerivatives({ operator: 'LayerNormalization', operands, attributes, outputs: 3 });
      await assertDerivatives({ operator: 'LayerNormalization', operands, attributes, outputs: [true, false, true] });
      await assertDerivatives({ operator: 'RMSNormalization', operands: operands.slice(0, 2), attributes, opset: 23 });
    });
  }

  it('InstanceNormalization', async () => {
    for (const shape of [[2, 3, 5], [2, 3, 2, 4]]) await assertDerivatives({ operator: 'InstanceNormalization', operands: [{ shape }, { shape: [3] }, { shape: [3] }], attributes: { epsilon } });
  });

  it('GroupNormalization with scales by group, and by channel', async () => {
    for (const shape of [[2, 6, 5], [2, 6, 2, 3]]) {
      for (const [opset, parameters] of [[18, 3], [21, 6]]) {
        await assertDerivatives({ operator: 'GroupNormalization', operands: [{ shape }, { shape: [parameters] }, { shape: [parameters] }], attributes: { num_groups: int(3), epsilon }, opset });
      }
    }
  });

  it('BatchNormalization by its operand and all its parameters', async () => {
    for (const shape of [[4, 3], [2, 3, 5], [2, 3, 2, 4]]) {
      for (const opset of [9, 18]) await assertDerivatives({ operator: 'BatchNormalization', operands: [{ shape }, { shape: [3] }, { shape: [3] }, { shape: [3] }, positive(3)], attributes: { epsilon }, opset });
    }
  });

  it('refuses BatchNormalization in training', async () => {
    const { network, feeds } = networkOf({ operator: 'BatchNormalization', operands: [{ shape: [4, 3] }, { shape: [3] }, { shape: [3] }, { shape: [3] }, positive(3)], attributes: { training_mode: int(1) }, outputs: 3 });
    const { graph } = await probe(network, feeds);
    assert.throws(() => rewrite(graph), /BatchNormalization \(tested\) normalizes by the statistics of the batch.*evaluation mode\.$/);
  });

  it('LpNormalization', async () => {
    for (const axis of [-1, 0]) for (const p of [1, 2]) await assertDerivatives({ operator: 'LpNormalization', operands: [{ shape: [3, 4] }], attributes: { axis: int(axis), p: int(p) } });
  });

  it('MeanVarianceNormalization', async () => {
    await assertDerivatives({ operator: 'MeanVarianceNormalization', operands: [{ shape: [2, 3, 2, 2] }] });
    await assertDerivatives({ operator: 'MeanVarianceNormalization', operands: [{ shape: [2, 3, 2] }], attributes: { axes: ints(-1, 1) } });
  });

  it('LRN', async () => {
    for (const size of [1, 3]) await assertDerivatives({ operator: 'LRN', operands: [{ shape: [2, 5, 2, 3] }], attributes: { size: int(size), alpha: float(0.5), beta: float(0.6), bias: float(1.5) } });
  });
});
