import { assertDerivatives, float, int, ints, text, type OperatorCase } from '../../support/derivatives.js';
import { assertLowered } from '../../support/lowerings.js';

/** Constant scales or sizes where Resize takes them. */
const scales = (...values: number[]) => [null, { constant: values, dtype: 'float32' as const }];
const sizes = (...values: number[]) => [null, null, { constant: values }];
const image = { shape: [1, 2, 5, 4] };

/** Compares with onnxruntime's own kernel. What takes its place is linear in the input, so that one derivative of a kind is enough. */
async function assertResized(operator: Omit<OperatorCase, 'operator'>): Promise<void> {
  await assertLowered({ operator: 'Resize', opset: 19, ...operator });
}

const derivatives: [string, Omit<OperatorCase, 'operator'>][] = [
  ['repeated elements', { operands: [image, ...scales(1, 1, 2, 3)] }],
  ['chosen elements', { operands: [image, ...scales(1, 1, 1.7, 0.5)] }],
  ['linear', { operands: [image, ...sizes(1, 2, 7, 3)], attributes: { mode: text('linear') } }],
  ['cubic', { operands: [image, ...scales(1, 1, 2, 0.8)], attributes: { mode: text('cubic') } }],
  ['a region', { operands: [image, { constant: [0, 0, -0.3, 0.1, 1, 1, 1.3, 0.8], dtype: 'float32' }, null, { constant: [1, 2, 6, 7] }], attributes: { mode: text('linear'), coordinate_transformation_mode: text('tf_crop_and_resize'), extrapolation_value: float(10) } }],
];

const coordinates = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'half_pixel_symmetric'];

describe('Resize', () => {
  for (const [name, operator] of derivatives) {
    it(`derivatives of ${name}`, async () => {
      await assertDerivatives({ operator: 'Resize', opset: 19, ...operator });
    });
  }

  for (const coordinate of coordinates) {
    for (const mode of ['nearest', 'linear', 'cubic']) {
      it(`${mode} with ${coordinate}`, async () => {
        for (const how of [scales(1, 1, 2, 3), scales(1, 1, 0.6, 0.8), scales(1, 1, 1.7, 0.5), sizes(1, 2, 7, 3), sizes(1, 2, 1, 9)]) {
          await assertResized({ operands: [image, ...how], attributes: { mode: text(mode), coordinate_transformation_mode: text(coordinate) } });
        }
      });
    }
  }

  it('the nearest element by every rounding', async () => {
    for (const nearest of ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) {
      for (const coordinate of coordinates) {
        for (const how of [scales(1, 1, 2, 2.5), sizes(1, 2, 4, 7), scales(1, 1, 0.6, 0.8)]) {
          await assertResized({ operands: [image, ...how], attributes: { nearest_mode: text(nearest), coordinate_transformation_mode: text(coordinate) } });
        }
      }
    }
  });

  it('antialias', async () => {
    for (const mode of ['linear', 'cubic']) {
      for (const how of [scales(1, 1, 0.6, 0.4), sizes(1, 2, 2, 3), scales(1, 1, 0.5, 2)]) {
        for (const exclude of [0, 1]) await assertResized({ operands: [image, ...how], attributes: { mode: text(mode), antialias: int(1), exclude_outside: int(exclude) } });
      }
    }
  });

  it('cubic without what lies outside', async () => {
    for (const how of [scales(1, 1, 0.6, 2), sizes(1, 2, 9, 3)]) {
      await assertResized({ operands: [image, ...how], attributes: { mode: text('cubic'), exclude_outside: int(1), cubic_coeff_a: float(-0.5) } });
    }
  });

  it('a region, extrapolated', async () => {
    for (const [mode, region] of [['linear', [0, 0, 0.2, 0.1, 1, 1, 0.9, 0.8]], ['linear', [0, 0, -0.3, 0.1, 1, 1, 1.3, 0.8]], ['nearest', [0, 0, 0.2, -0.1, 1, 1, 1.2, 0.8]], ['cubic', [0, 0, 0.2, -0.1, 1, 1, 1.2, 0.8]]] as const) {
      const operands = [image, { constant: region, dtype: 'float32' as const }, null, { constant: [1, 2, 6, 7] }];
      await assertResized({ operands, attributes: { mode: text(mode), coordinate_transformation_mode: text('tf_crop_and_resize'), extrapolation_value: float(10) } });
    }
  });

  it('named axes, and sizes that keep the aspect ratio', async () => {
    for (const policy of ['stretch', 'not_larger', 'not_smaller']) {
      for (const mode of ['nearest', 'linear']) await assertResized({ operands: [image, ...sizes(7, 7)], attributes: { mode: text(mode), axes: ints(3, 2), keep_aspect_ratio_policy: text(policy) } });
    }
    await assertResized({ operands: [{ shape: [2, 3, 4, 3] }, ...scales(2, 1.5)], attributes: { mode: text('linear'), axes: ints(-2, -1) } });
  });

  it('three axes, and one', async () => {
    await assertResized({ operands: [{ shape: [1, 2, 3, 2, 4] }, ...scales(1, 1, 2, 1.5, 0.5)], attributes: { mode: text('linear') } });
    await assertResized({ operands: [{ shape: [1, 2, 3, 2, 4] }, ...scales(1, 1, 2, 1.5, 0.5)], attributes: { mode: text('nearest') } });
    await assertResized({ operands: [{ shape: [6] }, ...scales(1.5)], attributes: { mode: text('nearest') } });
  });
});
