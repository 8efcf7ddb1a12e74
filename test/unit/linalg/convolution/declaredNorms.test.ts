import assert from 'node:assert/strict';
import { circularSpectrum, declaredSpectrum, OperatorNotDefined, type ConvolutionKernel } from '../../../../server/linalg/convolution/convolutionOperator.js';
import { declaredConvolution } from '../../../../server/linalg/convolution/convolutionGeometry.js';
import { declaredNorms } from '../../../../server/linalg/convolution/declaredNorms.js';
import { compileKernel } from '../../../../server/linalg/kernel.js';
import { largestSingularValue } from '../../../../server/linalg/krylov/largestSingularValue.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { runAtOnce } from '../../../../server/linalg/steps.js';
import { relativeDifference } from '../../../support/matrices.js';

/** A convolution of random shape and random weights: noise, a smooth kernel (whose values crowd at the top), sparse, or of low rank. */
function randomConvolution(random: RandomGenerator): ConvolutionKernel {
  const axes = 1 + random.integer(2);
  const list = (most: number, least = 1) => Array.from({ length: axes }, () => least + random.integer(most));
  const groups = 1 + random.integer(3);
  const perGroup = random.integer(3) === 0 ? [1, 1] : [1 + random.integer(4), 1 + random.integer(4)];
  const kernel = list(axes === 1 ? 7 : 4);
  const dilations = list(2);
  const inputSize = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1 + random.integer(axes === 1 ? 60 : 9));
  const kind = random.integer(4);
  const taps = kernel.reduce((a, b) => a * b, 1);
  const scales = Array.from({ length: taps }, () => random.normal());
  const weights = Float64Array.from({ length: groups * perGroup[0] * perGroup[1] * taps }, (_, i) => {
    if (kind === 0) return random.normal();
    if (kind === 1) return 1 + 0.01 * random.normal();
    if (kind === 2) return random.integer(3) === 0 ? random.normal() : 0;
    return scales[i % taps] * (1 + (Math.floor(i / taps) % 2));
  });
  const transposed = random.integer(3) === 0;
  const strides = list(3);
  return {
    weights, groups, outChannels: groups * perGroup[0], inChannels: groups * perGroup[1], kernel, strides, dilations, inputSize, transposed,
    pads: [...list(3, 0), ...list(3, 0)].map((pad, i) => Math.min(pad, kernel[i % axes] - 1)),
    outputPadding: strides.map((stride) => (transposed ? random.integer(stride) : 0)),
  };
}

describe('norms of zero-padded convolutions without all their values', () => {
  it('random shapes, strides, dilations, groups and seeds: the stated error holds against the whole spectrum', async () => {
    const random = new RandomGenerator(11);
    const compiled = await compileKernel();
    let compared = 0;
    for (let draw = 0; draw < 60; draw++) {
      const kernel = randomConvolution(random);
      const exact = await declaredSpectrum(kernel, 'full').catch((error: unknown) => {
        assert.ok(error instanceof OperatorNotDefined);
        return null;
      });
      if (exact === null) continue;
      assert.ok(exact.exact);
      const plain = declaredConvolution(kernel);
      const { largest, smallest, relativeError } = runAtOnce(declaredNorms(plain, compiled));
      const name = JSON.stringify({ draw, ...kernel, weights: undefined });
      assert.ok(relativeError <= 1e-5, `${relativeError} ${name}`);
      assert.ok(Math.abs(largest - exact.largest) <= relativeError * exact.largest, `${largest} ${exact.largest} ${relativeError} ${name}`);
      assert.ok(largest <= exact.largest * (1 + 1e-13), name);
      assert.notEqual(smallest, null);
      // Axes of kernel size 1 are taken out of the spectrum's way: what they drop are zeros.
      assert.ok(Math.abs((smallest ?? NaN) - (exact.smallest ?? NaN)) <= relativeError * exact.largest, `${smallest} ${exact.smallest} ${name}`);
      compared++;
    }
    assert.ok(compared > 45);
  });

  it('a random start vector misses nothing: 40 seeds agree on a spectrum whose first two values lie close together', async () => {
    const values = Float64Array.from({ length: 400 }, (_, k) => (k === 0 ? 2.002 : k === 1 ? 2 : Math.sin(k)));
    const multiply = (x: Float64Array, y: Float64Array) => values.forEach((value, i) => { y[i] = value * x[i]; });
    for (let seed = 0; seed < 40; seed++) {
      const found = await largestSingularValue({ rows: 400, columns: 400, apply: multiply, applyTransposed: multiply }, { tolerance: 1e-6, maximumSteps: 600, random: new RandomGenerator(seed) });
      assert.ok(Math.abs(found.largest - 2.002) <= 1e-6 * 2.002, `${found.largest} with seed ${seed}`);
    }
  });

  it('an iteration that is cut off states an error that holds', async () => {
    // σ₁ − σ₂ is a millionth of σ₁: a few steps find neither.
    const n = 4000;
    const values = Float64Array.from({ length: n }, (_, k) => 2 + 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)));
    const multiply = (x: Float64Array, y: Float64Array) => values.forEach((value, i) => { y[i] = value * x[i]; });
    for (const steps of [8, 20, 60, 200]) {
      const found = await largestSingularValue({ rows: n, columns: n, apply: multiply, applyTransposed: multiply }, { tolerance: 1e-9, maximumSteps: steps, random: new RandomGenerator(steps) });
      assert.equal(found.converged, false);
      assert.ok(found.relativeError <= 1);
      assert.ok(values[0] - found.largest <= found.relativeError * values[0], `${found.largest} after ${steps} steps`);
    }
  });

  it('huge and tiny weights, and a layer of zeros', async () => {
    const layer = (scale: number): ConvolutionKernel => ({
      weights: Float64Array.from({ length: 6 * 6 * 9 }, (_, i) => Math.sin(i * i) * scale),
      groups: 1, outChannels: 6, inChannels: 6, kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], outputPadding: [0, 0], transposed: false, inputSize: [9, 9],
    });
    const usual = await declaredSpectrum(layer(1), 'norms');
    assert.equal(usual.exact, false);
    for (const scale of [1e290, 1e-290]) {
      const found = await declaredSpectrum(layer(scale), 'norms');
      assert.ok(Math.abs(found.largest / scale / usual.largest - 1) < 1e-6);
      assert.ok(Math.abs((found.smallest ?? NaN) / scale / (usual.smallest ?? NaN) - 1) < 1e-6);
      const circle = await circularSpectrum(layer(scale), 'full');
      assert.ok(relativeDifference((circle.singularValues ?? []).map((x) => x / scale), (await circularSpectrum(layer(1), 'full')).singularValues ?? []) < 1e-13);
    }
    const zero = await declaredSpectrum(layer(0), 'norms');
    assert.deepEqual([zero.largest, zero.smallest], [0, 0]);
  });
});
