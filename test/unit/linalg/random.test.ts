import assert from 'node:assert/strict';
import { RandomGenerator } from '../../../server/linalg/random.js';

describe('seeded random numbers', () => {
  it('repeat for the same seed and differ between neighbouring ones', () => {
    const draw = (seed: number) => { const r = new RandomGenerator(seed); return Array.from({ length: 50 }, () => r.bits()); };
    assert.deepEqual(draw(7), draw(7));
    const seen = new Set([0, 1, 2, 3, -1, 2 ** 32, 2 ** 40].flatMap(draw));
    assert.equal(seen.size, 350);
  });

  it('follow xoshiro128**: the state 1, 2, 3, 4 gives the published first outputs', () => {
    const r = new RandomGenerator(0);
    Object.defineProperty(r, 'state', { value: Uint32Array.of(1, 2, 3, 4) });
    assert.deepEqual(Array.from({ length: 4 }, () => r.bits()), [11520, 0, 5927040, 70819200]);
  });

  it('uniform: mean ½, variance 1/12, within [0, 1), all sixteenths equally full', () => {
    const r = new RandomGenerator(1);
    const n = 40000;
    const bins = new Array<number>(16).fill(0);
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      const x = r.uniform();
      assert.ok(x >= 0 && x < 1);
      bins[Math.floor(16 * x)]++;
      sum += x;
      squares += x * x;
    }
    assert.ok(Math.abs(sum / n - 0.5) < 0.006);
    assert.ok(Math.abs(squares / n - 1 / 3) < 0.006);
    const chiSquare = bins.reduce((s, count) => s + (count - n / 16) ** 2 / (n / 16), 0);
    assert.ok(chiSquare < 37.7, `χ² with 15 degrees of freedom is ${chiSquare}`);
  });

  it('normal: mean 0, variance 1, kurtosis 3; integers below a bound', () => {
    const r = new RandomGenerator(2);
    const n = 40000;
    const x = Array.from({ length: n }, () => r.normal());
    const moment = (k: number) => x.reduce((s, v) => s + v ** k, 0) / n;
    assert.ok(Math.abs(moment(1)) < 0.02);
    assert.ok(Math.abs(moment(2) - 1) < 0.03);
    assert.ok(Math.abs(moment(4) - 3) < 0.2);
    assert.deepEqual(new Set(Array.from({ length: 200 }, () => r.integer(5))), new Set([0, 1, 2, 3, 4]));
  });
});
