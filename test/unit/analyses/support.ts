import assert from 'node:assert/strict';
import type { Layer } from '../../../server/model/model.js';
import references from '../../fixtures/weight_metrics.json';

/** Reference numbers made by test/fixtures/make_weight_metrics.py. */
export { references };

/** |actual − expected| ≤ relative·|expected| + absolute; neither may be null. */
export function assertClose(actual: number | null | undefined, expected: number | null | undefined, relative: number, absolute = 0): void {
  assert.ok(typeof actual === 'number' && typeof expected === 'number', `${String(actual)} for ${String(expected)}`);
  const error = Math.abs(actual - expected);
  assert.ok(error <= relative * Math.abs(expected) + absolute, `${actual} for ${expected}: off by ${error}`);
}

/** A dense layer whose weights stand in the expression itself. */
export function denseLayer(id: string, rows: number, columns: number, values: number[], rest: Partial<Layer> = {}): Layer {
  const shape = [rows, columns];
  return {
    id,
    name: `${id}.weight`,
    kind: 'dense',
    tensor: `${id}.weight`,
    shape,
    dtype: 'float32',
    parameters: rows * columns,
    groups: 1,
    matrixShape: [rows, columns],
    weight: { op: 'stored', tensor: { name: `${id}.weight`, dtype: 'float32', shape, data: { encoding: 'inline', values } }, shape },
    convolution: null,
    ...rest,
  };
}

/** A convolution of [outChannels, inChannels/groups, …kernel] with stride 1 and no padding. */
export function convolutionLayer(id: string, shape: number[], values: number[], groups = 1, inputSize: number[] | null = null): Layer {
  const [outChannels, inPerGroup, ...kernel] = shape;
  const columns = values.length / outChannels;
  const ones = kernel.map(() => 1);
  const stored = denseLayer(id, outChannels, columns, values, {
    kind: 'convolution',
    shape,
    groups,
    matrixShape: [outChannels, columns * groups],
    convolution: { transposed: false, kernel, strides: ones, dilations: ones, pads: kernel.flatMap(() => [0, 0]), outputPadding: kernel.map(() => 0), groups, inChannels: inPerGroup * groups, outChannels, inputSize },
  });
  return stored;
}
