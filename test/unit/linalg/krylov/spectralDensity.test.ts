import assert from 'node:assert/strict';
import { type LinearOperator } from '../../../../server/linalg/krylov/linearOperator.js';
import { gaussQuadrature } from '../../../../server/linalg/krylov/quadrature.js';
import { singularValueDensity, type SingularValueDensity } from '../../../../server/linalg/krylov/spectralDensity.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { relativeDifference } from '../../../support/matrices.js';

/** rows × columns with the given values on the diagonal. */
function diagonal(values: ArrayLike<number>, rows: number, columns: number): LinearOperator {
  const multiply = (from: Float64Array, to: Float64Array) => {
    to.fill(0);
    for (let i = 0; i < values.length; i++) to[i] = values[i] * from[i];
  };
  return { rows, columns, apply: multiply, applyTransposed: multiply };
}

const moment = ({ nodes, weights }: SingularValueDensity, power: number) => nodes.reduce((sum, node, k) => sum + weights[k] * node ** power, 0);
const share = ({ nodes, weights }: SingularValueDensity, below: number) => nodes.reduce((sum, node, k) => sum + (node < below ? weights[k] : 0), 0);

describe('spectral density', () => {
  it('gives the eigenvalues of a path and the squared first entries of its vectors', () => {
    // 2 and −1: λₖ = 2 − 2cos(kπ/(n+1)), vectors √(2/(n+1))·sin(ikπ/(n+1)).
    const n = 40;
    const { nodes, weights } = gaussQuadrature(new Array<number>(n).fill(2), new Array<number>(n - 1).fill(-1));
    const order = [...nodes.keys()].sort((a, b) => nodes[a] - nodes[b]);
    const angles = Array.from({ length: n }, (_, k) => ((k + 1) * Math.PI) / (n + 1));
    assert.ok(relativeDifference(order.map((k) => nodes[k]), angles.map((angle) => 2 - 2 * Math.cos(angle))) < 1e-14);
    assert.ok(relativeDifference(order.map((k) => weights[k]), angles.map((angle) => (2 / (n + 1)) * Math.sin(angle) ** 2)) < 1e-13);
  });

  it('is exact for a small operator, equal values as one node', async () => {
    const density = await singularValueDensity(diagonal([2, 5, 2, 0], 4, 9), { random: new RandomGenerator(1) });
    assert.ok(relativeDifference(density.nodes, [0, 2, 5]) < 1e-14);
    assert.ok(relativeDifference(density.weights, [0.25, 0.5, 0.25]) < 1e-14);
    assert.ok(Math.abs(density.squaredNorm - 33) < 1e-12);
    assert.equal(density.squaredNormError, 0);
  });

  it('finds all nodes of a spectrum with fewer different values than steps', async () => {
    const n = 600;
    const values = Float64Array.from({ length: n }, (_, k) => 1 + (k % 5));
    const density = await singularValueDensity(diagonal(values, n + 50, n), { probes: 6, steps: 20, productError: 1e-16, random: new RandomGenerator(2) });
    assert.ok(relativeDifference(density.nodes, [1, 2, 3, 4, 5]) < 1e-8);
    // A share p has the standard deviation √(2p(1 − p)/(n·probes)): 0.0094.
    for (const weight of density.weights) assert.ok(Math.abs(weight - 0.2) < 4 * 0.0094);
  });

  it('fits the moments and quantiles of a circular difference, whose values are 2·sin(πk/n)', async () => {
    const n = 4000;
    const circular: LinearOperator = {
      rows: n,
      columns: n,
      apply: (x, y) => {
        for (let i = 0; i < n; i++) y[i] = x[i] - x[(i + 1) % n];
      },
      applyTransposed: (y, x) => {
        for (let i = 0; i < n; i++) x[i] = y[i] - y[(i + n - 1) % n];
      },
    };
    const density = await singularValueDensity(circular, { probes: 4, steps: 60, random: new RandomGenerator(3) });
    assert.ok(Math.abs(density.weights.reduce((sum, x) => sum + x, 0) - 1) < 1e-14);
    // Eigenvalues 2 − 2cos θ: mean 2, variance 2, so that Σσ² = 2n with the standard error √(n·4/probes).
    assert.ok(Math.abs(density.squaredNormError - Math.sqrt(n)) < 0.1 * Math.sqrt(n));
    assert.ok(Math.abs(density.squaredNorm - 2 * n) < 4 * density.squaredNormError);
    assert.ok(Math.abs(n * moment(density, 2) - density.squaredNorm) < 1e-9 * n);
    // E λ² = 6, E λ³ = 20; the deviations of their estimates are √(2·Var/(n·probes)) with Var λ² = 34 and Var λ³ = 524.
    assert.ok(Math.abs(moment(density, 4) - 6) < 4 * Math.sqrt(68 / 16000));
    assert.ok(Math.abs(moment(density, 6) - 20) < 4 * Math.sqrt(1048 / 16000));
    // P(σ < s) = (2/π)·asin(s/2), up to the weight of a node and the spread of the probes.
    for (const s of [0.5, 1, 1.5, 1.9]) assert.ok(Math.abs(share(density, s) - (2 / Math.PI) * Math.asin(s / 2)) < 0.02 + 4 * Math.sqrt(0.5 / 16000));
  });

  it('computes the products of all probes together', async () => {
    const n = 300;
    const counts: number[] = [];
    const multiply = (x: Float64Array, y: Float64Array, count: number) => {
      counts.push(count);
      for (let i = 0; i < x.length; i++) y[i] = ((i % n) + 1) * x[i];
      return Promise.resolve();
    };
    const density = await singularValueDensity({ rows: n, columns: n, applyBlock: multiply, applyTransposedBlock: multiply }, { probes: 3, steps: 10, random: new RandomGenerator(4) });
    assert.deepEqual(counts, new Array<number>(20).fill(3));
    assert.ok(density.nodes.length <= 30 && density.nodes.every((node) => node > 0 && node <= n * (1 + 1e-12)));
    assert.deepEqual(density.nodes, [...density.nodes].sort((a, b) => a - b));
  });

  it('takes zero and empty operators, and refuses products that are not finite', async () => {
    const zero = await singularValueDensity(diagonal(new Float64Array(200), 200, 200), { random: new RandomGenerator(5) });
    assert.deepEqual([zero.nodes, zero.weights, zero.squaredNorm], [[0], [1], 0]);
    assert.deepEqual((await singularValueDensity(diagonal([], 0, 3), { random: new RandomGenerator(6) })).nodes, []);
    await assert.rejects(singularValueDensity(diagonal(new Float64Array(200).fill(NaN), 200, 200), { random: new RandomGenerator(7) }), /not finite/);
  });

  it('ends when the signal is aborted', async () => {
    const controller = new AbortController();
    controller.abort();
    await assert.rejects(singularValueDensity(diagonal(new Float64Array(200).fill(1), 200, 200), { random: new RandomGenerator(8) }, { signal: controller.signal }), { name: 'AbortError' });
  });
});
