import { assertDerivatives, int, ints, text, type OperatorCase } from '../../support/derivatives.js';
import { assertFloat64Values } from '../../support/float64Values.js';

type Attributes = NonNullable<OperatorCase['attributes']>;

/** In float32 the derivative of means takes other kernels. */
async function assertPool(operator: string, shape: readonly number[], attributes: Attributes = {}, opset = 18, outputs = 1): Promise<void> {
  const pool: OperatorCase = { operator, operands: [{ shape }], attributes, opset, outputs };
  await assertDerivatives(pool);
  await assertFloat64Values(pool);
  if (operator === 'AveragePool') await assertDerivatives({ ...pool, precision: 'float32' });
}

describe('derivatives of pools', () => {
  const windows: [string, number[], Attributes][] = [
    ['side by side', [2, 3, 4, 6], { kernel_shape: ints(2, 3), strides: ints(2, 3) }],
    ['that overlap', [2, 2, 5, 6], { kernel_shape: ints(3, 2), strides: ints(2, 1), pads: ints(1, 0, 1, 1) }],
    ['of one axis', [2, 2, 7], { kernel_shape: ints(3), strides: ints(3), pads: ints(1, 1) }],
    ['of three axes', [1, 2, 3, 4, 3], { kernel_shape: ints(2, 2, 2), strides: ints(1, 2, 1) }],
    ['whose number is rounded up', [1, 2, 6, 7], { kernel_shape: ints(3, 3), strides: ints(2, 2), pads: ints(0, 1, 1, 0), ceil_mode: int(1) }],
    ['with pads at the end', [1, 2, 5, 6], { kernel_shape: ints(2, 3), strides: ints(1, 2), auto_pad: text('SAME_UPPER') }],
    ['with pads at the start', [1, 2, 5, 6], { kernel_shape: ints(2, 3), strides: ints(1, 2), auto_pad: text('SAME_LOWER') }],
    ['without pads', [1, 2, 5, 6], { kernel_shape: ints(2, 3), strides: ints(2, 2), auto_pad: text('VALID') }],
  ];
  for (const [name, shape, attributes] of windows) {
    it(`MaxPool of windows ${name}`, () => assertPool('MaxPool', shape, attributes));
    it(`AveragePool of windows ${name}`, () => assertPool('AveragePool', shape, attributes));
    it(`AveragePool of windows ${name}, padding counted`, () => assertPool('AveragePool', shape, { ...attributes, count_include_pad: int(1) }));
    it(`LpPool of windows ${name}`, () => assertPool('LpPool', shape, attributes));
  }

  const dilated = { kernel_shape: ints(2, 3), dilations: ints(2, 2), strides: ints(1, 2), pads: ints(1, 2, 0, 1) };
  it('MaxPool with dilations', () => assertPool('MaxPool', [2, 2, 6, 7], dilated));
  it('MaxPool whose places are numbered by column', () => assertPool('MaxPool', [2, 2, 6, 7], { ...dilated, storage_order: int(1) }, 18, 2));
  it('AveragePool with dilations', async () => {
    await assertPool('AveragePool', [2, 2, 6, 7], dilated, 19);
    await assertPool('AveragePool', [2, 2, 6, 7], { ...dilated, count_include_pad: int(1) }, 19);
    await assertPool('AveragePool', [2, 2, 6, 8], { ...dilated, count_include_pad: int(1), ceil_mode: int(1) }, 19);
  });
  it('LpPool with dilations', () => assertPool('LpPool', [2, 2, 6, 7], dilated));
  it('LpPool by p', async () => {
    for (const p of [1, 2, 3]) await assertPool('LpPool', [1, 2, 5, 4], { kernel_shape: ints(2, 2), p: int(p) });
  });

  it('of whole channels', async () => {
    for (const operator of ['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool']) {
      for (const shape of [[2, 3, 5], [2, 3, 4, 5], [1, 2, 3, 2, 3]]) await assertPool(operator, shape);
    }
    for (const p of [1, 3]) await assertPool('GlobalLpPool', [2, 3, 4], { p: int(p) });
  });

  it('MaxUnpool', async () => {
    const unpool = (places: number[], attributes: Attributes): OperatorCase => ({ operator: 'MaxUnpool', operands: [{ shape: [1, 1, 2, 2] }, { constant: places, shape: [1, 1, 2, 2] }], attributes });
    for (const places of [[1, 3, 8, 15], [1, 1, 8, 8]]) {
      const operator = unpool(places, { kernel_shape: ints(2, 2), strides: ints(2, 2) });
      await assertDerivatives(operator);
      await assertFloat64Values(operator);
    }
  });
});
