import assert from 'node:assert/strict';
import { circularSpectrum, declaredSpectrum, OperatorNotDefined, type ConvolutionKernel } from '../../../../server/linalg/convolution/convolutionOperator.js';
import { ConvolutionProducts, groupShape, writeDenseBlocks } from '../../../../server/linalg/convolution/convolutionProducts.js';
import { declaredConvolution, groupOf, product } from '../../../../server/linalg/convolution/convolutionGeometry.js';
import { MatrixWorkspace } from '../../../../server/linalg/matrixWorkspace.js';
import { compileKernel } from '../../../../server/linalg/kernel.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { relativeDifference } from '../../../support/matrices.js';
import reference from '../../../fixtures/linalg.json';

/** A convolution with stride 1, one group, no dilation; overridden by `rest`. */
function layer(weights: number[] | Float64Array, outChannels: number, inChannels: number, kernel: number[], inputSize: number[], rest: Partial<ConvolutionKernel> = {}): ConvolutionKernel {
  const ones = kernel.map(() => 1);
  return { weights: Float64Array.from(weights), groups: 1, outChannels, inChannels, kernel, strides: ones, dilations: ones, pads: kernel.flatMap(() => [0, 0]), outputPadding: kernel.map(() => 0), transposed: false, inputSize, ...rest };
}

/** One case of linalg.json; `circular` is absent where a stride does not divide the size. */
interface ReferenceCase extends Omit<ConvolutionKernel, 'weights'> {
  weights: number[];
  declared: number[];
  circular?: number[];
}
const cases: ReferenceCase[] = reference.convolutions;

const tolerance = 1e-13;

describe('convolution operator: closed forms', () => {
  it('1-D [−½, 2, −½] with zero padding has σ = 2 − cos(kπ/8) (T11)', async () => {
    const { singularValues, count, exact, quantiles } = await declaredSpectrum(layer([-0.5, 2, -0.5], 1, 1, [3], [7], { pads: [1, 1] }), 'full');
    const expected = [1, 2, 3, 4, 5, 6, 7].map((k) => 2 - Math.cos((k * Math.PI) / 8)).sort((a, b) => b - a);
    assert.ok(relativeDifference(singularValues ?? [], expected) < tolerance);
    assert.ok(relativeDifference(singularValues ?? [], [2.92387953, 2.70710678, 2.38268343, 2, 1.61731657, 1.29289322, 1.07612047]) < 1e-8);
    assert.equal(count, 7);
    assert.ok(exact);
    assert.equal(quantiles?.length, 257);
  });

  it('1-D [b, a, b] on a circle has σ = |a + 2b cos(2πk/n)| for even and odd n', async () => {
    for (const n of [8, 9]) {
      const { singularValues } = await circularSpectrum(layer([0.75, -1, 0.75], 1, 1, [3], [n]), 'full');
      const expected = Array.from({ length: n }, (_, k) => Math.abs(-1 + 1.5 * Math.cos((2 * Math.PI * k) / n))).sort((a, b) => b - a);
      assert.ok(relativeDifference(singularValues ?? [], expected) < tolerance);
    }
  });

  it('the binomial kernel has σ₁ = cos⁴(π/12) with zero padding and 1 on a circle (T12)', async () => {
    const binomial = [1, 2, 1].flatMap((a) => [1, 2, 1].map((b) => (a * b) / 16));
    const k = layer(binomial, 1, 1, [3, 3], [5, 5], { pads: [1, 1, 1, 1] });
    assert.ok(Math.abs((await declaredSpectrum(k, 'norms')).largest - Math.cos(Math.PI / 12) ** 4) < tolerance);
    assert.ok(Math.abs((await circularSpectrum(k, 'norms')).largest - 1) < tolerance);
  });

  it('the 5-point Laplacian on 4 × 4 has σ₁ = 8 on a torus and 4 + 4cos(π/5) with zero padding (T13)', async () => {
    const k = layer([0, 1, 0, 1, -4, 1, 0, 1, 0], 1, 1, [3, 3], [4, 4], { pads: [1, 1, 1, 1] });
    assert.ok(Math.abs((await circularSpectrum(k, 'norms')).largest - 8) < 8 * tolerance);
    assert.ok(Math.abs((await declaredSpectrum(k, 'norms')).largest - (4 + 4 * Math.cos(Math.PI / 5))) < 8 * tolerance);
  });

  it('the T10 kernel used as a 1 × 1 convolution has √12, √6, 0 at every position', async () => {
    const k = layer([0, 1, 2, 2, 2, 0, 0, 1, 2], 3, 3, [1, 1], [3, 4]);
    for (const spectrum of [await circularSpectrum(k, 'full'), await declaredSpectrum(k, 'full')]) {
      const expected = [Math.sqrt(12), Math.sqrt(6), 0].flatMap((x) => new Array<number>(12).fill(x));
      assert.ok(relativeDifference(spectrum.singularValues ?? [], expected) < tolerance);
      assert.equal(spectrum.smallest === null ? null : spectrum.smallest < 1e-13, true);
    }
  });

  it('Σσ² on a torus is the number of positions times ‖K‖², also with stride, dilation and groups', async () => {
    const random = new RandomGenerator(3);
    const weights = Float64Array.from({ length: 6 * 4 * 9 }, () => random.normal());
    for (const [strides, dilations] of [[[1, 1], [1, 1]], [[2, 2], [1, 1]], [[2, 1], [1, 3]]]) {
      const { singularValues, count } = await circularSpectrum(layer(weights, 6, 8, [3, 3], [6, 8], { groups: 2, strides, dilations }), 'full');
      const positions = 48 / product(strides);
      const expected = positions * weights.reduce((s, w) => s + w * w, 0);
      const sum = (singularValues ?? []).reduce((s, x) => s + x * x, 0);
      assert.ok(Math.abs(sum / expected - 1) < 1e-12, `${sum} ${expected}`);
      assert.equal(count, singularValues?.length);
      assert.equal(count, 2 * positions * Math.min(3, 4 * product(strides)));
    }
  });

  it('blocks too large for the complex routine have the same values as real matrices of twice the size', async () => {
    const random = new RandomGenerator(9);
    const [out, inside, n] = [258, 257, 3];
    const weights = Float64Array.from({ length: out * inside * 2 }, () => random.normal());
    const { singularValues, count } = await circularSpectrum(layer(weights, out, inside, [2], [n]), 'full');
    // Frequency 0 is K₀ + K₁; the sum of squares over all three is 3·‖K‖².
    const sum = new Float64Array(out * inside).map((_, i) => weights[2 * i] + weights[2 * i + 1]);
    const workspace = await MatrixWorkspace.create();
    workspace.allocate(1, out, inside).set(sum);
    const own = (await workspace.singularValues()).singularValues;
    assert.equal(count, 3 * inside);
    const squares = (values: ArrayLike<number>) => Array.from(values).reduce((s, x) => s + x * x, 0);
    assert.ok(Math.abs(squares(singularValues ?? []) / (3 * squares(weights)) - 1) < 1e-12);
    for (const value of own) assert.ok((singularValues ?? []).some((x) => Math.abs(x - value) < 1e-12 * own[0]));
  });

  it('a zero-padded operator is bounded by the circular one on the enlarged grid, value by value', async () => {
    const random = new RandomGenerator(4);
    const weights = Float64Array.from({ length: 2 * 2 * 9 }, () => random.normal());
    const zero = (await declaredSpectrum(layer(weights, 2, 2, [3, 3], [5, 6], { pads: [1, 1, 1, 1] }), 'full')).singularValues ?? [];
    const enlarged = (await circularSpectrum(layer(weights, 2, 2, [3, 3], [7, 8]), 'full')).singularValues ?? [];
    assert.equal(zero.length, 60);
    zero.forEach((x, i) => assert.ok(x <= enlarged[i] + 1e-12));
  });
});

describe('convolution operator against torch and LAPACK', () => {
  for (const [index, entry] of cases.entries()) {
    const name = `${entry.transposed ? 'transposed ' : ''}${entry.inChannels}→${entry.outChannels} kernel ${entry.kernel.join('×')} on ${entry.inputSize.join('×')}, stride ${entry.strides.join('×')}, dilation ${entry.dilations.join('×')}, groups ${entry.groups}`;
    const kernel: ConvolutionKernel = { ...entry, weights: Float64Array.from(entry.weights) };

    it(`declared, ${name} (${index})`, async () => {
      const full = await declaredSpectrum(kernel, 'full');
      assert.ok(relativeDifference(full.singularValues ?? [], entry.declared) < tolerance);
      assert.equal(full.count, entry.declared.length);
      const norms = await declaredSpectrum(kernel, 'norms');
      assert.ok(Math.abs(norms.largest - entry.declared[0]) <= tolerance * entry.declared[0]);
      assert.equal(norms.quantiles, null);
    });

    it(`circular, ${name} (${index})`, async () => {
      if (!entry.circular) {
        await assert.rejects(circularSpectrum(kernel, 'norms'), OperatorNotDefined);
        return;
      }
      const full = await circularSpectrum(kernel, 'full');
      assert.ok(relativeDifference(full.singularValues ?? [], entry.circular) < tolerance);
      assert.equal(full.count, entry.circular.length);
      const norms = await circularSpectrum(kernel, 'norms');
      assert.ok(Math.abs(norms.largest - entry.circular[0]) <= tolerance * entry.circular[0]);
      assert.ok(Math.abs((norms.smallest ?? NaN) - entry.circular[entry.circular.length - 1]) <= tolerance * entry.circular[0]);
      assert.equal(norms.singularValues, undefined);
    });

    it(`products without the matrix equal the matrix, ${name} (${index})`, async () => {
      const plain = declaredConvolution(kernel);
      const random = new RandomGenerator(index);
      for (let g = 0; g < plain.groups; g++) {
        const group = groupOf(plain, g);
        const operator = new ConvolutionProducts(group, await compileKernel());
        const { rows, columns } = groupShape(group);
        const dense = new Float64Array(rows * columns);
        writeDenseBlocks(group, dense);
        const x = Float64Array.from({ length: columns }, () => random.normal());
        const y = Float64Array.from({ length: rows }, () => random.normal());
        const ax = new Float64Array(rows);
        const aty = new Float64Array(columns);
        operator.apply(x, ax);
        operator.applyTransposed(y, aty);
        const expected = Float64Array.from({ length: rows }, (_, r) => x.reduce((sum, value, c) => sum + dense[r * columns + c] * value, 0));
        assert.ok(relativeDifference(ax, expected) < tolerance);
        const left = ax.reduce((s, v, i) => s + v * y[i], 0);
        const right = aty.reduce((s, v, i) => s + v * x[i], 0);
        assert.ok(Math.abs(left - right) < 1e-12 * (1 + Math.abs(left)));
      }
    });
  }
});

describe('convolution operator: limits', () => {
  it('iterates on a large operator and agrees with the closed form, though its values crowd at both ends', async () => {
    const n = 2048;
    const found = await declaredSpectrum(layer([-0.5, 2, -0.5], 1, 1, [3], [n], { pads: [1, 1] }), 'full');
    const expected = 2 + Math.cos(Math.PI / (n + 1));
    assert.equal(found.exact, false);
    assert.equal(found.quantiles, null);
    assert.equal(found.count, n);
    assert.ok(Math.abs(found.largest - expected) <= found.relativeError * expected);
    assert.ok(Math.abs(found.largest / expected - 1) < 1e-5);
    assert.ok(found.relativeError <= 1e-3);
  });

  it('refuses what has no operator, in one sentence', async () => {
    await assert.rejects(circularSpectrum(layer([1, 2, 3], 1, 1, [3], [7], { strides: [2] }), 'norms'), { name: 'OperatorNotDefined', message: 'The circular operator is not defined for an input of 7 with stride 2: the stride must divide the size.' });
    await assert.rejects(declaredSpectrum(layer([1, 2, 3], 1, 1, [3], [2]), 'norms'), { name: 'OperatorNotDefined', message: /has no output/ });
    await assert.rejects(declaredSpectrum(layer([1, 2, 3, 4], 1, 1, [3], [9]), 'norms'), { name: 'OperatorNotDefined', message: /4 weights/ });
    await assert.rejects(declaredSpectrum(layer([1, 2, 3], 1, 1, [3], [9], { pads: [-1, 0] }), 'norms'), { name: 'OperatorNotDefined', message: /padding is -1, 0/ });
  });

  it('a zero kernel has zero norms', async () => {
    const k = layer(new Array<number>(36).fill(0), 2, 2, [3, 3], [8, 8], { pads: [1, 1, 1, 1] });
    for (const found of [await circularSpectrum(k, 'norms'), await declaredSpectrum(k, 'norms')]) {
      assert.equal(found.largest, 0);
      assert.equal(found.smallest, 0);
    }
  });

  it('ends when the signal is aborted', async () => {
    const random = new RandomGenerator(5);
    const weights = Float64Array.from({ length: 64 * 64 * 9 }, () => random.normal());
    const k = layer(weights, 64, 64, [3, 3], [32, 32], { pads: [1, 1, 1, 1] });
    for (const solve of [circularSpectrum, declaredSpectrum]) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 20);
      await assert.rejects(solve(k, 'full', { signal: controller.signal }), { name: 'AbortError' });
    }
  });
});
