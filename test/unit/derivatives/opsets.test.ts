import assert from 'node:assert/strict';
import { probe } from '../../../server/derivatives/probe.js';
import { rewrite } from '../../../server/derivatives/rewrite.js';
import { float, int, ints, networkOf, text, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { run } from '../../support/flatGraph.js';

const x: Operand = { shape: [2, 3, 4] };
const image: Operand = { shape: [1, 2, 5, 7] };
const positive: Operand = { shape: [3], from: 0.5, to: 2 };
const scales = (...values: number[]): Operand => ({ constant: values, dtype: 'float32' });

/** Operators of old operator sets yield the same when they are written in the newer one. */
async function assertSame(operator: OperatorCase): Promise<void> {
  const { network, feeds } = networkOf(operator);
  const raised = rewrite((await probe(network, feeds)).graph);
  const [actual, expected] = [await run({ ...network, ...raised, inputs: network.inputs }, feeds), await run(network, feeds)];
  for (const [i, values] of expected.entries()) {
    assert.equal(actual[i].length, values.length);
    for (const [k, value] of values.entries()) assert.ok(Math.abs(actual[i][k] - value) <= 1e-6 * Math.max(1, Math.abs(value)), `${JSON.stringify(operator)}: ${actual[i][k]} and not ${value}`);
  }
}

describe('operators of old operator sets', () => {
  const cases: OperatorCase[] = [
    { opset: 11, operator: 'Squeeze', operands: [{ shape: [3, 1, 4, 1] }], attributes: { axes: ints(1, -1) } },
    { opset: 7, operator: 'Squeeze', operands: [{ shape: [3, 1, 4, 1] }] },
    { opset: 12, operator: 'Unsqueeze', operands: [x], attributes: { axes: ints(0, 2) } },
    { opset: 12, operator: 'ReduceSum', operands: [x], attributes: { axes: ints(1), keepdims: int(0) } },
    { opset: 17, operator: 'ReduceLogSumExp', operands: [x], attributes: { axes: ints(-1) } },
    { opset: 13, operator: 'ReduceMax', operands: [x] },
    { opset: 7, operator: 'Split', operands: [{ shape: [6, 4] }], outputs: 3, attributes: { split: ints(1, 2, 3) } },
    { opset: 13, operator: 'Split', operands: [{ shape: [6, 4] }], outputs: 2, attributes: { axis: int(-1) } },
    { opset: 7, operator: 'Slice', operands: [{ shape: [6, 4] }], attributes: { starts: ints(1), ends: ints(2 ** 63), axes: ints(1) } },
    { opset: 9, operator: 'Slice', operands: [{ shape: [6, 4] }], attributes: { starts: ints(-3, 0), ends: ints(-1, 3) } },
    { opset: 7, operator: 'Pad', operands: [{ shape: [3, 4] }], attributes: { pads: ints(1, 0, 2, 1), value: float(1.5) } },
    { opset: 10, operator: 'Pad', operands: [{ shape: [3, 4] }], attributes: { pads: ints(1, 0, 2, 1), mode: text('reflect') } },
    { opset: 7, operator: 'Clip', operands: [x], attributes: { min: float(-0.5), max: float(0.7) } },
    { opset: 10, operator: 'Clip', operands: [x], attributes: { max: float(0.7) } },
    { opset: 11, operator: 'Softmax', operands: [x] },
    { opset: 7, operator: 'LogSoftmax', operands: [x], attributes: { axis: int(-2) } },
    { opset: 12, operator: 'Hardmax', operands: [x], attributes: { axis: int(0) } },
    { opset: 7, operator: 'Dropout', operands: [x], attributes: { ratio: float(0.3) } },
    { opset: 13, operator: 'Dropout', operands: [x], outputs: 2 },
    { opset: 7, operator: 'BatchNormalization', operands: [x, positive, positive, positive, positive] },
    { opset: 7, operator: 'BatchNormalization', operands: [x, ...new Array<Operand>(4).fill({ shape: [3, 4], from: 0.5, to: 2 })], attributes: { spatial: int(0), epsilon: float(0.01) } },
    { opset: 7, operator: 'Upsample', operands: [image], attributes: { scales: { type: 'floats', value: [1, 1, 2, 3] } } },
    { opset: 9, operator: 'Upsample', operands: [image, scales(1, 1, 2, 1.5)], attributes: { mode: text('linear') } },
    { opset: 10, operator: 'Resize', operands: [image, scales(1, 1, 0.6, 1.7)] },
    { opset: 10, operator: 'Resize', operands: [image, scales(1, 1, 0.6, 1.7)], attributes: { mode: text('linear') } },
    { opset: 11, operator: 'Resize', operands: [image, scales(), scales(), { constant: [1, 2, 7, 9] }] },
    { opset: 9, operator: 'TopK', operands: [{ shape: [3, 5] }], outputs: 2, attributes: { k: int(2), axis: int(0) } },
    { opset: 9, operator: 'Scatter', operands: [{ shape: [3, 5] }, { constant: [1, 0, 4], shape: [1, 3] }, { shape: [1, 3] }], attributes: { axis: int(1) } },
    { opset: 10, operator: 'RoiAlign', operands: [{ shape: [1, 2, 8, 8] }, { constant: [1, 1, 5, 6], shape: [1, 4], dtype: 'float32' }, { constant: [0] }], attributes: { output_height: int(3), output_width: int(2), sampling_ratio: int(2) } },
  ];
  for (const operator of cases) {
    it(`${operator.operator} of ${operator.opset ?? 18} ${Object.keys(operator.attributes ?? {}).join(', ')}`, async () => {
      await assertSame(operator);
    });
  }

  it('Dropout that trains is refused', async () => {
    const training: OperatorCase = { opset: 13, operator: 'Dropout', operands: [x, { constant: [0.3], shape: [], dtype: 'float32' }, { constant: [1], shape: [], dtype: 'bool' }] };
    await assert.rejects(assertSame(training), /training mode/);
  });
});
