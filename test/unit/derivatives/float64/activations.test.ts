import assert from 'node:assert/strict';
import { withFloat64Kernels } from '../../../../server/derivatives/float64/index.js';
import type { ShapedGraph, Value } from '../../../../server/derivatives/graph.js';
import { GraphSession } from '../../../../server/derivatives/session.js';
import type { OnnxAttribute } from '../../../../server/runtime/onnxWriter.js';
import { assertDerivatives, float, int, text } from '../../../support/derivatives.js';

/** One operator on float64 numbers, by way of its float64 form. */
async function evaluated(operator: string, x: readonly number[], attributes: Record<string, OnnxAttribute> = {}, shape: readonly number[] = [x.length]): Promise<number[]> {
  const value = (name: string): Value => ({ name, shape, dtype: 'float64' });
  const node = { name: '', operator, domain: '', inputs: ['x'], outputs: ['y'], attributes };
  const graph: ShapedGraph = { nodes: [node], constants: new Map(), numbers: new Map(), inputs: [value('x')], outputs: ['y'], opset: { '': 20 }, folder: '.', values: new Map([['x', value('x')], ['y', value('y')]]), dataDependent: new Set(['x', 'y']) };
  const session = await GraphSession.create(withFloat64Kernels(graph));
  const results = await session.run({ x: { dtype: 'float64', shape, elements: Float64Array.from(x) } }).finally(() => session.release());
  return Array.from(results.get('y')?.elements ?? [], Number);
}

function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  for (const [i, value] of expected.entries()) {
    assert.ok(Object.is(actual[i], value) || actual[i] === value || Math.abs(actual[i] - value) <= tolerance * Math.abs(value), `${what}: ${actual[i]} and not ${value} at ${i}`);
  }
}

const slopeAtZero = 2 / Math.sqrt(Math.PI);
/** erf to 17 digits, by mpmath 1.2. */
const erfValues: [number, number][] = [
  [1e-30, 1e-30 * slopeAtZero], [1e-9, 1e-9 * slopeAtZero], [0.001, 0.0011283787909692365], [0.1, 0.1124629160182849], [0.5, 0.5204998778130465],
  [0.9, 0.7969082124228322], [1, 0.8427007929497149], [1.5, 0.9661051464753108], [2.25, 0.9985372834133188], [3, 0.9999779095030014], [4.5, 0.9999999998033839],
  [5.75, 0.9999999999999996], [40, 1], [Infinity, 1], [0, 0],
];
const line = [-800, -30, -4.5, -1.25, -0.75, -0.01, -1e-9, 0, 1e-9, 0.01, 0.75, 1.25, 4.5, 30, 800];
const inside = [-1, -0.999999, -0.75, -0.3, -1e-6, 0, 1e-6, 0.3, 0.75, 0.999999, 1];
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const [alpha, gamma] = [1.6732632423543772, 1.0507009873554805].map(Math.fround);

const functions: [string, readonly number[], (x: number) => number][] = [
  ['Elu', line, (x) => (x > 0 ? x : Math.expm1(x))],
  ['Selu', line, (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x))],
  ['Celu', line, (x) => (x > 0 ? x : Math.expm1(x))],
  ['LeakyRelu', line, (x) => (x > 0 ? x : Math.fround(0.01) * x)],
  ['ThresholdedRelu', line, (x) => (x > 1 ? x : 0)],
  ['Softplus', line, softplus],
  ['Softsign', line, (x) => x / (1 + Math.abs(x))],
  ['Mish', line, (x) => x * Math.tanh(softplus(x))],
  ['HardSigmoid', line, (x) => Math.min(1, Math.max(0, Math.fround(0.2) * x + 0.5))],
  ['HardSwish', line, (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6],
  ['Tan', line.slice(1, -1), Math.tan],
  ['Asin', inside, Math.asin],
  ['Acos', inside, Math.acos],
  ['Atan', [...line, ...inside, Infinity, -Infinity], Math.atan],
  ['Sinh', line.slice(1, -1), Math.sinh],
  ['Cosh', line.slice(1, -1), Math.cosh],
  ['Asinh', line, Math.asinh],
  ['Acosh', [1, 1 + 1e-12, 1.5, 4, 1e6], Math.acosh],
  ['Atanh', inside.slice(1, -1), Math.atanh],
];

describe('float64 kernels by others', () => {
  it('Erf to the last digits', async () => {
    const points = erfValues.flatMap(([x, y]) => [[x, y], [-x, -y]]);
    assertClose(await evaluated('Erf', points.map(([x]) => x)), points.map(([, y]) => y), 8e-16, 'Erf');
  });

  it('Gelu', async () => {
    const points = erfValues.flatMap(([x, y]) => [[x * Math.SQRT2, y], [-x * Math.SQRT2, -y]]).filter(([x]) => Math.abs(x) < 4);
    assertClose(await evaluated('Gelu', points.map(([x]) => x)), points.map(([x, y]) => (x / 2) * (1 + y)), 1e-13, 'Gelu');
    const tanh = (x: number): number => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    const some = [-2, -0.5, 0, 0.5, 2];
    assertClose(await evaluated('Gelu', some, { approximate: text('tanh') }), some.map(tanh), 1e-14, 'Gelu');
  });

  for (const [operator, points, reference] of functions) {
    it(operator, async () => {
      assertClose(await evaluated(operator, points), points.map(reference), 4e-15, operator);
    });
  }

  it('settings', async () => {
    const x = [-2, -0.5, 0.25, 3];
    const third = Math.fround(0.3);
    assertClose(await evaluated('Celu', x, { alpha: float(0.3) }), x.map((value) => (value > 0 ? value : third * Math.expm1(value / third))), 1e-15, 'Celu');
    assertClose(await evaluated('Elu', x, { alpha: float(0.3) }), x.map((value) => (value > 0 ? value : third * Math.expm1(value))), 1e-15, 'Elu');
  });

  it('averages and normalizations', async () => {
    await assertDerivatives({ operator: 'Mean', operands: [{ shape: [2, 3] }, { shape: [3] }, { shape: [2, 1] }] });
    await assertDerivatives({ operator: 'InstanceNormalization', operands: [{ shape: [2, 3, 4, 2] }, { shape: [3] }, { shape: [3] }], attributes: { epsilon: float(0.01) } });
  });

  it('OneHot, by its values', async () => {
    const oneHot = { operator: 'OneHot', operands: [{ constant: [1, 0, -1], dtype: 'int64' as const }, { constant: [4], shape: [], dtype: 'int64' as const }, { shape: [2] }], attributes: { axis: int(0) } };
    await assertDerivatives(oneHot);
  });

  it('Hardmax takes the first maximum', async () => {
    assert.deepEqual(await evaluated('Hardmax', [1, 3, 3, 2, 0, -1], {}, [2, 3]), [0, 1, 0, 1, 0, 0]);
    assert.deepEqual(await evaluated('Hardmax', [1, 3, 3, 2, 5, -1], { axis: int(0) }, [2, 3]), [0, 0, 1, 1, 1, 0]);
  });
});
