import assert from 'node:assert/strict';
import { density, lawCurve, noiseEdge, type NoiseLaw } from '../../../server/report/noiseLaw.js';

const close = (actual: number, expected: number, relative: number): void => assert.ok(Math.abs(actual - expected) <= relative * Math.abs(expected), `${actual} against ${expected}`);

/** ∫ f over [from, to] by the midpoint rule on Chebyshev-spaced points, which resolves the square-root ends. */
function integral(f: (x: number) => number, from: number, to: number, steps = 20_000): number {
  let sum = 0;
  const at = (i: number): number => from + ((to - from) * (1 - Math.cos((Math.PI * i) / steps))) / 2;
  for (let i = 0; i < steps; i++) sum += f((at(i) + at(i + 1)) / 2) * (at(i + 1) - at(i));
  return sum;
}

describe('noise law on the σ axis', () => {
  const tall: NoiseLaw = { longer: 1000, ratio: 0.5, deviation: 1 };

  it('has its edges where a Gaussian 1000 × 500 matrix has them', () => {
    const { x } = lawCurve(tall, 500, 1);
    close(x[0], 9.2621, 1e-5);
    close(x[x.length - 1], 53.98346, 1e-6);
  });

  it('is the Marchenko–Pastur density of λ = σ²/N carried over: 0.4210844 at λ = 1', () => {
    // f(λ)·dλ = g(σ)·dσ with dλ/dσ = 2σ/N.
    const sigma = Math.sqrt(1000);
    close(density(tall, sigma) / ((2 * sigma) / 1000), 0.4210844, 1e-7);
  });

  for (const ratio of [1, 0.9, 0.5, 0.05]) {
    it(`has area 1 at M/N = ${ratio}, so that its curve counts the values`, () => {
      const law: NoiseLaw = { longer: 400, ratio, deviation: 0.03 };
      const [low, high] = [20 * 0.03 * (1 - Math.sqrt(ratio)), 20 * 0.03 * (1 + Math.sqrt(ratio))];
      close(integral((sigma) => density(law, sigma), low, high), 1, 1e-6);
      const curve = lawCurve(law, 60, 0.02);
      let area = 0;
      for (let i = 1; i < curve.x.length; i++) area += ((curve.y[i] + curve.y[i - 1]) / 2) * (curve.x[i] - curve.x[i - 1]);
      close(area, 60 * 0.02, 2e-3);
    });
  }

  it('is a quarter circle for square matrices, finite at 0', () => {
    const law: NoiseLaw = { longer: 100, ratio: 1, deviation: 0.5 };
    const radius = 2 * 0.5 * 10;
    for (const sigma of [0, 1e-9, 3, 7, 9.99]) close(density(law, sigma), (4 / (Math.PI * radius ** 2)) * Math.sqrt(radius ** 2 - sigma ** 2), 1e-12);
    assert.equal(density(law, 10.01), 0);
  });

  it('has the Tracy–Widom edge: of 1000 × 500 noise 1 % of the largest values lie above', () => {
    // μ = (√999 + √500)², ς = (√999 + √500)(1/√999 + 1/√500)^(1/3); computed with numpy from the formula.
    close(noiseEdge(tall, 500), Math.sqrt(2912.56 + 2.0234 * 22.99), 1e-3);
    assert.ok(noiseEdge(tall, 500) > 53.98346 - 0.02 && noiseEdge(tall, 500) < 55);
    assert.ok(noiseEdge(tall, 490) < noiseEdge(tall, 500), 'spikes taken out lower it');
    assert.ok(Number.isFinite(noiseEdge({ longer: 1, ratio: 1, deviation: 1 }, 1)));
  });
});
