import assert from 'node:assert/strict';
import { familySingularValues, type OperatorFamily } from '../../../../server/linalg/krylov/familyLanczos.js';
import { RandomGenerator } from '../../../../server/linalg/random.js';
import { relativeDifference, withSingularValues } from '../../../support/matrices.js';

/** Members that are diagonal, rows × columns; `noise` is the rounding of each entry of a product. Counts the products of the whole family. */
function diagonalFamily(values: ArrayLike<number>[], rows: number, columns: number, noise = 0): OperatorFamily & { calls: number } {
  const random = new RandomGenerator(1);
  const members = values.length;
  const multiply = (from: Float64Array, given: number, to: Float64Array, made: number, count: number) => {
    family.calls += 1;
    to.fill(0);
    for (let k = 0; k < count * members; k++) for (let i = 0; i < Math.min(rows, columns); i++) to[k * made + i] = values[k % members][i] * from[k * given + i] * (1 + noise * (2 * random.uniform() - 1));
    return Promise.resolve();
  };
  const family = {
    members,
    rows,
    columns,
    calls: 0,
    applyBlock: (x: Float64Array, y: Float64Array, count: number) => multiply(x, columns, y, rows, count),
    applyTransposedBlock: (y: Float64Array, x: Float64Array, count: number) => multiply(y, rows, x, columns, count),
  };
  return family;
}

function denseFamily(matrices: Float64Array[], rows: number, columns: number): OperatorFamily {
  const multiply = (transposed: boolean, from: Float64Array, to: Float64Array, count: number) => {
    const [given, made] = transposed ? [rows, columns] : [columns, rows];
    to.fill(0);
    for (let k = 0; k < count * matrices.length; k++) {
      const a = matrices[k % matrices.length];
      for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) to[k * made + (transposed ? j : i)] += a[i * columns + j] * from[k * given + (transposed ? i : j)];
    }
    return Promise.resolve();
  };
  return { members: matrices.length, rows, columns, applyBlock: (x, y, count) => multiply(false, x, y, count), applyTransposedBlock: (y, x, count) => multiply(true, y, x, count) };
}

const flat = (n: number, scale: number) => Float64Array.from({ length: n }, (_, k) => scale * (1 - ((k + 0.5) / n) ** (2 / 3)));

describe('largest singular values of a family', () => {
  it('finds those of every member, tall and wide, and states errors that hold', async () => {
    const spectra = [1, 2, 3].map((power) => Float64Array.from({ length: 60 }, (_, k) => power * (k + 1) ** (-power / 2)));
    for (const [rows, columns] of [[90, 60], [60, 90]]) {
      const found = await familySingularValues(denseFamily(spectra.map((values, i) => withSingularValues(rows, columns, values, i)), rows, columns), { count: 6, tolerance: 1e-7, productError: 1e-16, random: new RandomGenerator(2) });
      for (const [i, values] of spectra.entries()) {
        assert.ok(found[i]?.converged);
        const difference = relativeDifference(found[i].singularValues, values.subarray(0, 6));
        assert.ok(difference <= found[i].relativeError && found[i].relativeError <= 1e-7, `${difference}, stated ${found[i].relativeError}`);
      }
    }
  });

  it('computes the products of all members together', async () => {
    const n = 600;
    const members = Array.from({ length: 5 }, (_, i) => flat(n, i + 1));
    const family = diagonalFamily(members, n, n, 6e-8);
    const found = await familySingularValues(family, { count: 8, tolerance: 1e-3, random: new RandomGenerator(3) });
    const most = Math.max(...found.map((member) => member?.products ?? Infinity));
    assert.ok(family.calls <= 2 * most + 8, `${family.calls} calls for ${most} products`);
    for (const [i, values] of members.entries()) {
      assert.ok(found[i]?.converged);
      assert.ok(relativeDifference(found[i].singularValues, values.subarray(0, 8)) <= found[i].relativeError);
      assert.ok(found[i].relativeError <= 1e-3);
    }
  });

  it('ends at a tolerance below the rounding of the products, and states what was reached', async () => {
    const n = 1200;
    const values = flat(n, 3);
    const [found] = await familySingularValues(diagonalFamily([values], n, n, 6e-8), { count: 5, tolerance: 1e-12, random: new RandomGenerator(4) });
    assert.ok(found);
    const difference = relativeDifference(found.singularValues, values.subarray(0, 5));
    assert.ok(difference <= found.relativeError && found.relativeError < 1e-5 && found.relativeError > 1e-8, `${difference}, stated ${found.relativeError}`);
  });

  it('goes on from its best vectors when the memory is full', async () => {
    const n = 700;
    const values = flat(n, 1);
    const vectors = 40;
    const whole = await familySingularValues(diagonalFamily([values, values], n, n, 6e-8), { count: 6, tolerance: 1e-4, random: new RandomGenerator(5) });
    const found = await familySingularValues(diagonalFamily([values, values], n, n, 6e-8), { count: 6, tolerance: 1e-4, memoryBytes: 2 * 8 * n * vectors, random: new RandomGenerator(5) });
    for (const [i, member] of found.entries()) {
      assert.ok(member?.converged);
      assert.ok(member.products > vectors);
      assert.ok(relativeDifference(member.singularValues, values.subarray(0, 6)) <= member.relativeError);
      assert.ok(member.products < 2.5 * (whole[i]?.products ?? 0), `${member.products} products, ${whole[i]?.products} without restarts`);
    }
  });

  it('finds copies with a block, in each member', async () => {
    const n = 300;
    const values = Float64Array.from({ length: n }, (_, k) => (k < 3 ? 2 : 1 - k / 600));
    const found = await familySingularValues(diagonalFamily([values, values.map((x) => 3 * x)], n, n), { count: 4, blockSize: 3, tolerance: 1e-6, random: new RandomGenerator(6) });
    for (const [i, member] of found.entries()) assert.ok(member && relativeDifference(member.singularValues, [2, 2, 2, values[3]].map((x) => (i === 0 ? x : 3 * x))) < 1e-6);
  });

  it('finds all copies of multiple values from one vector, of exact products too', async () => {
    const n = 800;
    for (const [copies, noise] of [[4, 0], [4, 6e-8], [20, 0]] as const) {
      const values = Float64Array.from({ length: n }, (_, k) => 10 * 0.97 ** Math.floor(k / copies));
      const [found] = await familySingularValues(diagonalFamily([values], n, n, noise), { count: 20, tolerance: 1e-4, productError: noise === 0 ? 1e-16 : 2 ** -22, random: new RandomGenerator(4) });
      assert.ok(found?.converged);
      const difference = relativeDifference(found.singularValues, values.subarray(0, 20));
      assert.ok(difference <= found.relativeError && found.relativeError <= 1e-4, `${copies} copies, rounding ${noise}: ${difference}, stated ${found.relativeError}`);
    }
  });

  it('takes zero, rank-deficient and small members, and none', async () => {
    const n = 120;
    const low = Float64Array.from({ length: n }, (_, k) => (k < 2 ? 3 - k : 0));
    const [zero, two, full] = await familySingularValues(diagonalFamily([new Float64Array(n), low, flat(n, 1)], n, n + 4), { count: 4, tolerance: 1e-5, random: new RandomGenerator(7) });
    assert.deepEqual([...(zero?.singularValues ?? [])], [0, 0, 0, 0]);
    assert.equal(zero?.relativeError, 0);
    assert.ok(two && relativeDifference(two.singularValues, [3, 2, 0, 0]) <= two.relativeError);
    assert.ok(two.relativeError < 0.01);
    assert.ok(full?.converged);
    const small = await familySingularValues(diagonalFamily([[3, 1, 2], [5, 4, 6]], 3, 7), { count: 2, random: new RandomGenerator(8) });
    assert.ok(relativeDifference(small.flatMap((member) => [...(member?.singularValues ?? [])]), [3, 2, 6, 5]) < 1e-14);
    const none = await familySingularValues(diagonalFamily([[], []], 0, 7), { count: 2, random: new RandomGenerator(8) });
    assert.deepEqual(none.map((member) => member?.singularValues.length), [0, 0]);
  });

  it('does not go on for values that are rounding alone', async () => {
    const n = 400;
    const low = Float64Array.from({ length: n }, (_, k) => (k < 10 ? 2 - k / 10 : 0));
    const family = denseFamily([withSingularValues(n, n, low, 9)], n, n);
    // Rounding that differs from product to product: what is beyond the rank is the value of no operator.
    const random = new RandomGenerator(14);
    const rounded = (vectors: Float64Array) => vectors.forEach((x, i) => (vectors[i] = x + 1e-8 * random.normal()));
    const noisy: OperatorFamily = {
      ...family,
      applyBlock: (x, y, count) => family.applyBlock(x, y, count).then(() => rounded(y)),
      applyTransposedBlock: (y, x, count) => family.applyTransposedBlock(y, x, count).then(() => rounded(x)),
    };
    const [found] = await familySingularValues(noisy, { count: 20, tolerance: 1e-6, random: new RandomGenerator(13) });
    assert.ok(found && found.products < 80, `${found?.products} products`);
    const difference = relativeDifference(found.singularValues, low.subarray(0, 20));
    assert.ok(difference <= found.relativeError && found.relativeError < 5e-3, `${difference}, stated ${found.relativeError}`);
  });

  it('gives null for a member whose products are not finite, and the values of the others', async () => {
    for (const n of [100, 5]) {
      const found = await familySingularValues(diagonalFamily([flat(n, 1), flat(n, 1).fill(NaN, 2, 3)], n, n), { count: 3, tolerance: 1e-6, random: new RandomGenerator(9) });
      assert.ok(found[0] && relativeDifference(found[0].singularValues, flat(n, 1).subarray(0, 3)) <= 1e-6);
      assert.equal(found[1], null);
    }
  });

  it('says when it has not converged, with an error within which each value has a singular value', async () => {
    const n = 1500;
    const values = flat(n, 1);
    const [found] = await familySingularValues(diagonalFamily([values], n, n), { count: 6, tolerance: 1e-6, maximumProducts: 30, random: new RandomGenerator(10) });
    assert.equal(found?.converged, false);
    assert.ok(found.products <= 30 + 6);
    for (const value of found.singularValues) {
      const nearest = Math.min(...values.map((x) => Math.abs(x - value)));
      assert.ok(nearest <= found.relativeError * values[0]);
    }
  });

  it('ends when the signal is aborted, or a product fails', async () => {
    const n = 5000;
    const controller = new AbortController();
    const running = familySingularValues(diagonalFamily([flat(n, 1), flat(n, 2)], n, n), { count: 20, tolerance: 1e-14, maximumProducts: 1e9, random: new RandomGenerator(11) }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(running, { name: 'AbortError' });
    const failing = { ...diagonalFamily([flat(n, 1), flat(n, 2)], n, n), applyTransposedBlock: () => Promise.reject(new Error('no product')) };
    await assert.rejects(familySingularValues(failing, { count: 2, random: new RandomGenerator(12) }), /no product/);
  });
});
