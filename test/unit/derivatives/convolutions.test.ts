import { assertDerivatives, int, ints, text, type OperatorCase } from '../../support/derivatives.js';
import { assertFloat64Values } from '../../support/float64Values.js';

type Attributes = NonNullable<OperatorCase['attributes']>;

/** Both derivatives in float64, those in float32, which take other kernels, and the values in float64 beside onnxruntime's. */
async function assertConvolution(operator: string, input: readonly number[], weights: readonly number[], attributes: Attributes = {}): Promise<void> {
  const { group = int(1) } = attributes;
  const channels = operator === 'Conv' ? weights[0] : weights[1] * Number(group.value);
  const operands = [{ shape: input }, { shape: weights }, { shape: [channels] }];
  await assertDerivatives({ operator, operands, attributes });
  await assertFloat64Values({ operator, operands, attributes });
  await assertDerivatives({ operator, operands: [{ shape: input }, { shape: weights }], attributes, precision: 'float32' });
}

describe('derivatives of convolutions', () => {
  const conv: [string, number[], number[], Attributes?][] = [
    ['of one axis with dilations and asymmetric pads', [2, 3, 9], [5, 3, 4], { pads: ints(1, 2), dilations: ints(2) }],
    ['with pads as wide as the kernel', [1, 2, 5], [3, 2, 2], { pads: ints(2, 3) }],
    ['of 3×3 with pads', [2, 2, 5, 4], [3, 2, 3, 3], { pads: ints(1, 1, 1, 1) }],
    ['with strides that leave a rest', [2, 2, 6, 7], [3, 2, 3, 2], { strides: ints(2, 3), pads: ints(1, 0, 0, 1) }],
    ['with strides larger than the kernel', [1, 2, 8, 8], [2, 2, 1, 2], { strides: ints(3, 4) }],
    ['with groups', [2, 4, 5, 5], [6, 2, 3, 3], { group: int(2), strides: ints(2, 1), dilations: ints(1, 2), pads: ints(1, 2, 0, 1) }],
    ['by channel', [2, 3, 5, 5], [6, 1, 3, 3], { group: int(3), pads: ints(1, 1, 1, 1) }],
    ['of three axes', [1, 2, 4, 3, 4], [3, 2, 2, 2, 3], { pads: ints(1, 0, 1, 0, 1, 1), strides: ints(1, 2, 1) }],
    ['with pads for the same size, more at the end', [1, 2, 5, 6], [2, 2, 2, 4], { auto_pad: text('SAME_UPPER'), strides: ints(1, 2) }],
    ['with pads for the same size, more at the start', [1, 2, 5, 6], [2, 2, 2, 4], { auto_pad: text('SAME_LOWER'), strides: ints(1, 2) }],
    ['without pads', [1, 2, 5, 6], [2, 2, 2, 4], { auto_pad: text('VALID'), strides: ints(2, 1) }],
  ];
  for (const [name, input, weights, attributes] of conv) it(`Conv ${name}`, () => assertConvolution('Conv', input, weights, attributes));

  const transposed: [string, number[], number[], Attributes?][] = [
    ['of one axis with dilations', [2, 3, 5], [3, 2, 3], { dilations: ints(2), pads: ints(1, 2) }],
    ['with strides and padding of the output', [2, 4, 3, 4], [4, 3, 3, 3], { strides: ints(2, 3), pads: ints(1, 1, 1, 0), output_padding: ints(1, 2) }],
    ['with groups', [2, 4, 3, 3], [4, 2, 2, 3], { group: int(2), strides: ints(2, 2), pads: ints(0, 1, 1, 0) }],
    ['with windows side by side', [1, 2, 3, 2], [2, 3, 2, 3], { strides: ints(2, 3) }],
    ['with strides larger than the kernel', [1, 2, 3, 3], [2, 2, 1, 2], { strides: ints(3, 4), output_padding: ints(2, 1) }],
    ['of stride 1', [1, 2, 4, 5], [2, 3, 3, 2], { pads: ints(1, 0, 2, 1) }],
    ['of three axes', [1, 2, 2, 3, 2], [2, 2, 2, 2, 3], { strides: ints(2, 1, 2) }],
    ['of a told shape', [1, 2, 3, 3], [2, 2, 3, 3], { strides: ints(2, 2), output_shape: ints(6, 4) }],
    ['of a told shape, more cut off at the end', [1, 2, 3, 3], [2, 2, 3, 3], { strides: ints(2, 2), output_shape: ints(6, 4), auto_pad: text('SAME_UPPER') }],
    ['of the same size, more cut off at the end', [1, 2, 3, 3], [2, 2, 4, 3], { strides: ints(1, 2), auto_pad: text('SAME_UPPER') }],
    ['of the same size, more cut off at the start', [1, 2, 3, 3], [2, 2, 4, 3], { strides: ints(1, 2), auto_pad: text('SAME_LOWER') }],
  ];
  for (const [name, input, weights, attributes] of transposed) it(`ConvTranspose ${name}`, () => assertConvolution('ConvTranspose', input, weights, attributes));
});
