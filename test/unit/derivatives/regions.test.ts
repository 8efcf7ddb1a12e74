import { assertDerivatives, float, int, ints, text, type Operand, type OperatorCase } from '../../support/derivatives.js';
import { assertFloat64Values } from '../../support/float64Values.js';
import { assertLowered } from '../../support/lowerings.js';

async function assertOperator(operator: OperatorCase): Promise<void> {
  await assertDerivatives(operator);
  await assertFloat64Values(operator);
}

describe('derivatives of regions of pictures', () => {
  const corners = [0.3, 0.7, 5.2, 6.1, 1.4, 0.2, 3.9, 4.6, -4.1, 2.2, 9.7, 12.3];
  const regions: Operand = { constant: corners, shape: [3, 4], dtype: 'float32' };
  const samples: Operand = { constant: [1, 0, 1] };
  const size = { output_height: int(2), output_width: int(3) };

  it('RoiAlign by the picture', async () => {
    for (const mode of ['half_pixel', 'output_half_pixel']) {
      for (const ratio of [0, 2]) {
        const attributes = { ...size, sampling_ratio: int(ratio), spatial_scale: float(0.8), coordinate_transformation_mode: text(mode) };
        await assertOperator({ operator: 'RoiAlign', operands: [{ shape: [2, 3, 7, 6] }, regions, samples], attributes });
      }
    }
  });

  it('RoiAlign of the mode max, as onnxruntime has it', async () => {
    for (const ratio of [0, 3]) {
      const operator = { operator: 'RoiAlign', operands: [{ shape: [2, 3, 7, 6] }, regions, samples], attributes: { ...size, mode: text('max'), sampling_ratio: int(ratio), spatial_scale: float(0.8) } };
      await assertOperator(operator);
      await assertLowered(operator);
    }
  });

  it('RoiAlign by the regions too', async () => {
    for (const mode of ['half_pixel', 'output_half_pixel']) {
      const attributes = { ...size, sampling_ratio: int(2), coordinate_transformation_mode: text(mode) };
      await assertOperator({ operator: 'RoiAlign', operands: [{ shape: [2, 2, 7, 6] }, { shape: [3, 4], from: 0, to: 5 }, samples], attributes });
    }
  });

  it('MaxRoiPool', async () => {
    const rounded: Operand = { constant: [0, 0, 1, 4, 5, 1, 2, 0, 9, 3, 1, 4, 4, 4, 4], shape: [3, 5], dtype: 'float32' };
    for (const scale of [1, 0.6]) await assertOperator({ operator: 'MaxRoiPool', operands: [{ shape: [2, 2, 7, 6] }, rounded], attributes: { pooled_shape: ints(2, 3), spatial_scale: float(scale) } });
  });
});

describe('derivatives of convolutions that read between the elements', () => {
  it('DeformConv', () => {
    const operands = [{ shape: [2, 2, 4, 5] }, { shape: [3, 2, 2, 2] }, { shape: [2, 8, 3, 4] }];
    return assertOperator({ operator: 'DeformConv', operands, opset: 19 });
  });

  it('DeformConv with groups, steps, a bias and a mask', () => {
    const operands = [{ shape: [1, 4, 5, 6] }, { shape: [6, 2, 3, 2] }, { shape: [1, 24, 2, 5] }, { shape: [6] }, { shape: [1, 12, 2, 5] }];
    return assertOperator({ operator: 'DeformConv', operands, attributes: { group: int(2), offset_group: int(2), strides: ints(2, 1), dilations: ints(1, 2), pads: ints(1, 0, 0, 1) }, opset: 19 });
  });
});
