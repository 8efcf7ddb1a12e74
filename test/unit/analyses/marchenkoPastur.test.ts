import assert from 'node:assert/strict';
import { fitMarchenkoPastur, marchenkoPasturDensity, marchenkoPasturDistribution, marchenkoPasturQuantile, noiseEdge, noiseShape, tracyWidom99, tracyWidomQuantile } from '../../../server/analyses/weights/marchenkoPastur.js';
import { noiseDistance, noiseSpectrum, tridiagonalEigenvalues } from '../../../server/analyses/weights/noiseSimulation.js';
import { noiseProbability } from '../../../server/analyses/weights/noiseTest.js';
import { MatrixWorkspace } from '../../../server/linalg/matrixWorkspace.js';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { assertClose, references } from './support.js';

/** Noise of deviation 1, and orthogonal directions (discrete cosines) of twice the size from which one shows: (NM)^¼. */
function plantDirections(target: Float64Array, columns: number, planted: number, random: RandomGenerator): void {
  const rows = target.length / columns;
  const size = 2 * (rows * columns) ** 0.25;
  const direction = (length: number, k: number, i: number): number => Math.sqrt(2 / length) * Math.cos((Math.PI * k * (i + 0.5)) / length);
  for (let i = 0; i < target.length; i++) {
    target[i] = random.normal();
    for (let k = 1; k <= planted; k++) target[i] += size * direction(rows, k, Math.floor(i / columns)) * direction(columns, k, i % columns);
  }
}

const single = (longer: number, shorter: number) => ({ longer, shorter, blocks: 1 });

describe('Marchenko–Pastur law', () => {
  it('has the density and the medians of T17', () => {
    assertClose(marchenkoPasturDensity(1, 0.5), 0.4210844, 1e-7);
    assertClose(marchenkoPasturQuantile(0.5, 0.5), 0.830466, 1e-6);
    assertClose(marchenkoPasturQuantile(0.5, 1), 0.652776, 1e-6);
    for (const [q, median] of Object.entries(references.lawMedian)) assertClose(marchenkoPasturQuantile(0.5, Number(q)), median, 1e-10);
  });

  it('has a distribution function whose slope is the density', () => {
    for (const q of [1, 0.999, 0.5, 0.03]) {
      for (const probability of [0.05, 0.3, 0.5, 0.9]) {
        const at = marchenkoPasturQuantile(probability, q);
        const step = 1e-5 * at;
        const slope = (marchenkoPasturDistribution(at + step, q) - marchenkoPasturDistribution(at - step, q)) / (2 * step);
        assertClose(slope, marchenkoPasturDensity(at, q), 1e-5);
      }
      assert.equal(marchenkoPasturDistribution((1 + Math.sqrt(q)) ** 2 + 1e-9, q), 1);
      assert.equal(marchenkoPasturDistribution((1 - Math.sqrt(q)) ** 2, q), 0);
    }
  });

  it('has the edges of T15 for a 1000 × 500 matrix', () => {
    const fit = fitMarchenkoPastur(new Array<number>(500).fill(Math.sqrt(1000)), single(1000, 500));
    assertClose(fit.lambdaPlus, 2.91421356, 1e-8);
    assertClose(Math.sqrt(1000 * (fit.lambdaMinus ?? 0)), 9.2621, 1e-6);
    assertClose(Math.sqrt(1000 * (fit.lambdaPlus ?? 0)), 53.98346, 1e-6);
  });

  it('continues the Tracy–Widom table downward', () => {
    assert.equal(tracyWidomQuantile(0.005), 2.4224);
    // Tabulated: 3.2724 at 0.001.
    assertClose(tracyWidomQuantile(0.001), 3.2724, 0.01);
    assert.ok(tracyWidomQuantile(1e-5) > tracyWidomQuantile(1e-4));
  });

  for (const reference of references.metrics) {
    it(`fits as numpy does: ${reference.name}`, () => {
      const [rows, columns] = reference.shape;
      const fit = fitMarchenkoPastur(reference.singularValues, single(Math.max(rows, columns), Math.min(rows, columns)));
      if (reference.name.startsWith('rank')) {
        assert.equal(fit.reason, 'no noise bulk');
        assert.equal(fit.sigma, null);
        return;
      }
      assert.equal(fit.reason, reference.marchenkoPastur.reason);
      assert.equal(fit.spikes, reference.marchenkoPastur.spikes);
      for (const name of ['sigma', 'lambdaMinus', 'lambdaPlus', 'softRank'] as const) assertClose(fit[name], reference.marchenkoPastur[name], 1e-11, 1e-15);
      assertClose(fit.ks, reference.marchenkoPastur.ks, 1e-8);
    });
  }

  it('says why there is no fit', () => {
    assert.equal(fitMarchenkoPastur([0, 0], single(3, 2)).reason, 'all values are zero');
    assert.equal(fitMarchenkoPastur([], single(3, 0)).reason, 'all values are zero');
    assert.equal(fitMarchenkoPastur([2], single(1, 1)).reason, 'a single value');
    // Geometric decay: whatever is left looks like spikes again.
    assert.equal(fitMarchenkoPastur(Array.from({ length: 60 }, (_, k) => 2 ** -k), single(60, 60)).reason, 'no noise bulk');
    assert.match(fitMarchenkoPastur(new Array<number>(36).fill(1), noiseShape([36, 36], 4)).reason ?? '', /^blocks of fewer than 10/u);
  });

  it('finds a spike in a few of a hundred random layers: one that is left out lowers the edge that it is tested with', () => {
    const random = new RandomGenerator(11);
    const draws = 1000;
    let total = 0;
    for (const [longer, shorter] of [[48, 48], [128, 64], [256, 32], [32, 16]]) {
      let named = 0;
      for (let draw = 0; draw < draws; draw++) if (fitMarchenkoPastur(noiseSpectrum(single(longer, shorter), random), single(longer, shorter)).spikes !== 0) named++;
      // Measured: 1.6 to 3.9 %, and three standard deviations of sampling.
      assert.ok(named <= 58, `${longer} × ${shorter}: ${named} of ${draws}`);
      total += named;
    }
    assert.ok(total >= 10, `${total} in all`);
  });

  it('finds every planted direction twice as strong as what can show', async () => {
    const random = new RandomGenerator(12);
    const workspace = await MatrixWorkspace.create();
    for (const [rows, columns] of [[48, 48], [128, 64], [32, 256]]) {
      for (const planted of [1, 3, 10]) {
        const spikes = [];
        for (let draw = 0; draw < 6; draw++) {
          plantDirections(workspace.allocate(1, rows, columns), columns, planted, random);
          const { singularValues } = await workspace.singularValues();
          spikes.push(fitMarchenkoPastur(singularValues, noiseShape([rows, columns], 1)).spikes ?? NaN);
        }
        // One value of the noise more is chance, and likelier the fewer values are noise.
        assert.ok(spikes.every((count) => count >= planted && count <= planted + 1), `${rows} × ${columns} with ${planted}: ${spikes.join(' ')}`);
      }
    }
  });

  it('takes M less by the number of spikes into the edge', () => {
    assert.ok(noiseEdge(100, 89, tracyWidom99) < noiseEdge(100, 100, tracyWidom99));
    // The edge of layer 3.0 of a published 6 × 100 network: 11 spikes, σ̂ 0.0843107, edge 1.68393.
    assertClose(0.084310739169069 * Math.sqrt(100 * noiseEdge(100, 89, tracyWidom99)), 1.68393, 1e-5);
  });
});

describe('noise test', () => {
  it('simulates with right eigenvalues of tridiagonal matrices', () => {
    const n = 50;
    const diagonal = new Float64Array(n).fill(2);
    tridiagonalEigenvalues(diagonal, new Float64Array(n).fill(1));
    diagonal.sort();
    diagonal.forEach((value, k) => assertClose(value, 2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1)), 0, 1e-14));
  });

  it('gives probabilities that fall with the distance and stay in (0, 1]', () => {
    for (const [longer, shorter] of [[64, 64], [65, 64], [300, 11], [5000, 3000], [40, 2], [90000, 12]]) {
      let before = 1;
      for (let ks = 0.001; ks < 1; ks *= 1.05) {
        const p = noiseProbability(ks, single(longer, shorter), 0);
        assert.ok(p !== null && p > 0 && p <= before, `${longer} × ${shorter}, ks ${ks}: ${String(p)} after ${before}`);
        before = p;
      }
      assert.equal(before, 0.001);
    }
  });

  it('gives uniform probabilities for independent noise, also between the nodes of the table', () => {
    const random = new RandomGenerator(99);
    for (const [longer, shorter, draws] of [[64, 64, 1500], [75, 68, 1000], [51, 50, 1500], [200, 40, 1500], [113, 7, 4000], [260, 180, 80]]) {
      const probabilities = Array.from({ length: draws }, () => noiseProbability(noiseDistance(single(longer, shorter), random), single(longer, shorter), 0) ?? NaN);
      for (const level of [0.01, 0.05, 0.25, 0.5, 0.9]) {
        const share = probabilities.filter((p) => p <= level).length / draws;
        // Four standard deviations of sampling, and a tenth of the level for the interpolation.
        const allowed = 4 * Math.sqrt((level * (1 - level)) / draws) + 0.1 * level * (1 - level);
        assert.ok(Math.abs(share - level) <= allowed, `${longer} × ${shorter} at ${level}: ${share}`);
      }
    }
  });

  it('draws noise whose largest value is that of T15', () => {
    const random = new RandomGenerator(15);
    const draws = Array.from({ length: 20 }, () => noiseSpectrum(single(1000, 500), random)[0] ** 2 / 1000);
    // Mean 2.880 and standard deviation 0.026 over 40 matrices; five standard errors.
    assertClose(draws.reduce((sum, value) => sum + value, 0) / draws.length, 2.88, 0, 0.04);
    assert.ok(draws.every((value) => value > 2.78 && value < 3));
  });

  it('sees a low-rank signal in noise', () => {
    // One value well above the edge, the rest exactly at the quantiles of the law.
    const values = Array.from({ length: 100 }, (_, i) => Math.sqrt(100 * marchenkoPasturQuantile(1 - (i + 0.5) / 100, 1)));
    const fit = fitMarchenkoPastur([40, ...values.slice(1)], single(100, 100));
    assert.equal(fit.spikes, 1);
    // All values equal, as after orthogonal initialisation: no noise either.
    const flat = fitMarchenkoPastur(new Array<number>(64).fill(1), single(64, 64));
    assert.equal(noiseProbability(flat.ks ?? 0, single(64, 64), 0), 0.001);
  });

  it('simulates grouped layers by the seed, and leaves out those that would take too long', () => {
    const shape = { longer: 72, shorter: 12, blocks: 4 };
    const p = noiseProbability(0.06, shape, 3);
    assert.equal(noiseProbability(0.06, shape, 3), p);
    assert.ok(p !== null && p > 0 && p < 1);
    assert.ok((noiseProbability(0.12, shape, 3) ?? 1) < p);
    assert.equal(noiseProbability(0.06, { longer: 2000, shorter: 1500, blocks: 4 }, 3), null);
    assert.equal(noiseProbability(0.5, single(9, 1), 0), null);
  });
});
