import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import type { DType, StoredTensor } from '../../../server/formats/modelFile.js';
import { concatenated, dequantized, elementsOf, reshaped, rowMajorStrides, scaled, sliced, stored, transposed } from '../../../server/model/expression.js';
import type { Layer, WeightExpression } from '../../../server/model/model.js';
import { readWeight, weightBytes, type MatrixScan } from '../../../server/model/readWeight.js';
import { intermediateBytes } from '../../../server/model/viewPlan.js';
import { tensor } from './graphs.js';

function layerOf(weight: WeightExpression): Layer {
  const flat = elementsOf(weight.shape);
  return { id: 'w', name: 'w', kind: 'dense', tensor: 'w', shape: weight.shape, dtype: 'float32', parameters: flat, groups: 1, matrixShape: [1, flat], weight, convolution: null };
}

async function valuesOf(weight: WeightExpression): Promise<number[]> {
  const target = new Float64Array(elementsOf(weight.shape));
  await readWeight(layerOf(weight), target);
  return [...target];
}

const scanOf = (weight: WeightExpression): Promise<MatrixScan> => readWeight(layerOf(weight), new Float64Array(elementsOf(weight.shape)));

/** The same expression over a stored tensor `w` with other values. */
function withValues(expression: WeightExpression, value: (index: number) => number): WeightExpression {
  if (expression.op === 'concat') return { ...expression, of: expression.of.map((part) => withValues(part, value)) };
  if (expression.op !== 'stored') return { ...expression, of: withValues(expression.of, value) };
  const { name, shape } = expression.tensor;
  return name === 'w' ? stored(tensor('w', shape, Array.from({ length: elementsOf(shape) }, (_, i) => value(i)))) : expression;
}

/** Shape of the stored tensor `w`. */
function storedShape(expression: WeightExpression): number[] {
  if (expression.op === 'stored') return expression.tensor.shape;
  return storedShape(expression.op === 'concat' ? expression.of[0] : expression.of);
}

/** The plain definition of every operation, element by element. */
function reference(expression: WeightExpression): number[] {
  const { shape } = expression;
  const unravel = (flat: number, of: number[]) => rowMajorStrides(of).map((stride, axis) => Math.floor(flat / stride) % of[axis]);
  const ravel = (index: number[], of: number[]) => rowMajorStrides(of).reduce((sum, stride, axis) => sum + stride * index[axis], 0);
  const each = (at: (index: number[]) => number) => Array.from({ length: elementsOf(shape) }, (_, flat) => at(unravel(flat, shape)));
  switch (expression.op) {
    case 'stored':
      return expression.tensor.data.encoding === 'inline' ? expression.tensor.data.values : [];
    case 'reshape':
      return reference(expression.of);
    case 'scale':
      return reference(expression.of).map((value) => value * expression.factor);
    case 'transpose': {
      const inner = reference(expression.of);
      const from = expression.of.shape;
      return each((index) => inner[ravel(from.map((_, axis) => index[expression.permutation.indexOf(axis)]), from)]);
    }
    case 'slice': {
      const inner = reference(expression.of);
      return each((index) => inner[ravel(index.with(expression.axis, index[expression.axis] + expression.start), expression.of.shape)]);
    }
    case 'concat': {
      const parts = expression.of.map((part) => ({ values: reference(part), shape: part.shape }));
      return each((index) => {
        let at = index[expression.axis];
        const part = parts.find(({ shape: size }) => at < size[expression.axis] || ((at -= size[expression.axis]), false))!;
        return part.values[ravel(index.with(expression.axis, at), part.shape)];
      });
    }
    case 'dequantize': {
      const inner = reference(expression.of);
      const scale = reference(stored(expression.scale));
      const zero = expression.zeroPoint ? reference(stored(expression.zeroPoint)) : null;
      const { axis, blockSize } = expression;
      const blocks = shape.map((size, i) => expression.blocks?.[i] ?? (axis === null ? size : i === axis ? Math.max(blockSize, 1) : blockSize > 0 ? 1 : size));
      const tiles = shape.map((size, i) => Math.ceil(size / blocks[i]));
      return each((index) => {
        const tile = ravel(index.map((at, i) => Math.floor(at / blocks[i])), tiles);
        const pick = (values: number[]) => values[values.length === 1 ? 0 : tile];
        return (inner[ravel(index, shape)] - (zero ? pick(zero) : 0)) * pick(scale);
      });
    }
  }
}

/** A random expression: a stored tensor under up to six operations. */
const expressions: fc.Arbitrary<WeightExpression> = fc
  .tuple(fc.array(fc.constantFrom(1, 2, 3, 4, 6), { minLength: 1, maxLength: 4 }), fc.array(fc.tuple(fc.constantFrom('transpose', 'reshape', 'slice', 'concat', 'dequantize', 'scale'), fc.infiniteStream(fc.nat(1000))), { maxLength: 6 }))
  .map(([shape, operations]) => {
    let expression: WeightExpression = stored(tensor('w', shape));
    for (const [operation, stream] of operations) {
      const pick = (below: number) => stream.next().value % below;
      const { shape: size } = expression;
      const axis = pick(size.length);
      if (operation === 'transpose') {
        const permutation = [...size.keys()];
        for (let i = permutation.length - 1; i > 0; i--) {
          const j = pick(i + 1);
          [permutation[i], permutation[j]] = [permutation[j], permutation[i]];
        }
        expression = transposed(expression, permutation);
      } else if (operation === 'reshape') {
        const total = elementsOf(size);
        const divisors = Array.from({ length: total }, (_, i) => i + 1).filter((d) => total % d === 0);
        const first = divisors[pick(divisors.length)];
        const rest = divisors.filter((d) => (total / first) % d === 0);
        const second = rest[pick(rest.length)];
        expression = reshaped(expression, pick(2) === 0 ? [first, total / first] : [first, second, total / first / second]);
      } else if (operation === 'slice') {
        const start = pick(size[axis]);
        expression = sliced(expression, axis, start, 1 + pick(size[axis] - start));
      } else if (operation === 'concat' && elementsOf(size) < 200) {
        expression = concatenated([expression, stored(tensor('v', size.with(axis, 2)))], axis);
      } else if (operation === 'dequantize') {
        const kind = pick(4);
        const block = 1 + pick(3);
        const values = kind === 0 ? [] : kind === 1 ? [size[axis]] : size.map((length, i) => (kind === 3 ? Math.ceil(length / block) : i === axis ? Math.ceil(length / block) : length));
        expression = dequantized(expression, { scale: tensor('s', values), zeroPoint: pick(2) === 0 ? null : tensor('z', values), axis: kind === 0 || kind === 3 ? null : axis, blockSize: kind === 2 ? block : 0, ...(kind === 3 ? { blocks: size.map(() => block) } : {}) });
      } else if (operation === 'scale') {
        expression = scaled(expression, 2 + pick(3));
      }
    }
    return expression;
  });

describe('readWeight', () => {
  it('equals the plain definition of every operation in any order', async () => {
    await fc.assert(
      fc.asyncProperty(expressions, async (expression) => {
        assert.deepEqual(await valuesOf(expression), reference(expression));
      }),
      { numRuns: 400 },
    );
  });

  it('finds the places in the file of weights that overflow with their scales, through any operations', async () => {
    let seen = 0;
    await fc.assert(
      fc.asyncProperty(expressions, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), async (plain, places) => {
        const total = elementsOf(storedShape(plain));
        const large = [...new Set(places.map((place) => place % total))];
        // A slice may have dropped some of them.
        const left = large.filter((place) => reference(withValues(plain, (i) => (i === place ? 1e300 : 1))).some((value) => value > 1e290));
        const { nonFinite } = await scanOf(scaled(withValues(plain, (i) => (large.includes(i) ? 1e300 : 1)), 1e10));
        assert.deepEqual(nonFinite, { count: left.length, firstIndex: left.length > 0 ? Math.min(...left) : null });
        seen += left.length;
      }),
      { numRuns: 200 },
    );
    assert.ok(seen > 100);
  });

  it('refuses a target of another size', async () => {
    await assert.rejects(readWeight(layerOf(stored(tensor('w', [2, 3]))), new Float64Array(5)), RangeError);
  });

  it('a transposed [in, out] matrix needs no array between', () => {
    const w = stored(tensor('w', [64, 32]));
    assert.equal(intermediateBytes(transposed(w, [1, 0])), 0);
    assert.equal(intermediateBytes(reshaped(transposed(w, [1, 0]), [4, 8, 64])), 0);
    assert.equal(intermediateBytes(reshaped(transposed(w, [1, 0]), [128, 16])), 0);
    assert.equal(intermediateBytes(reshaped(transposed(stored(tensor('v', [4, 6])), [1, 0]), [8, 3])), 8 * 24);
    assert.equal(intermediateBytes(concatenated([w, w], 0)), 8 * 2 * 64 * 32);
  });

  describe('scans the weights as they are after scales and zero points', () => {
    const codes = (values: number[], dtype: DType = 'int8') => stored(tensor('w', [2, values.length / 2], values, dtype));
    const quantised = (of: WeightExpression, scale: number[], zeroPoint: number[] | null, rest: { axis: number | null; blockSize?: number }) =>
      dequantized(of, { scale: tensor('s', rest.blockSize ? [2, scale.length / 2] : scale.length > 1 ? [scale.length] : [], scale), zeroPoint: zeroPoint && tensor('z', zeroPoint.length > 1 ? [zeroPoint.length] : [], zeroPoint, 'int8'), blockSize: 0, ...rest });
    const facts = async (weight: WeightExpression) => {
      const { zeros, constant, nonFinite, denormals } = await scanOf(weight);
      return [zeros, constant, nonFinite.count, nonFinite.firstIndex, denormals];
    };

    for (const dtype of ['int8', 'uint8', 'int4'] as const) {
      it(`${dtype} per tensor, per channel and in blocks`, async () => {
        assert.deepEqual(await facts(quantised(codes([0, 0, 0, 0], dtype), [0.5], [-5], { axis: null })), [0, 2.5, 0, null, 0]);
        assert.deepEqual(await facts(quantised(codes([3, 3, 3, 3], dtype), [0.5], [3], { axis: null })), [4, 0, 0, null, 0]);
        assert.deepEqual(await facts(quantised(codes([3, 3, 3, 3], dtype), [1, 2], null, { axis: 1 })), [0, null, 0, null, 0]);
        // Codes that differ make equal weights.
        assert.deepEqual(await facts(quantised(codes([2, 2, 4, 4], dtype), [2, 1], null, { axis: 0 })), [0, 4, 0, null, 0]);
        assert.deepEqual(await facts(quantised(codes([1, 0, 1, 1], dtype), [1, 1], [1, 0], { axis: 0 })), [1, null, 0, null, 0]);
        // Blocks of 2 over 3 columns, which no view can express.
        assert.deepEqual(await facts(quantised(codes([1, 1, 1, 1, 1, 1], dtype), [1, 2, 1, Infinity], null, { axis: 1, blockSize: 2 })), [0, null, 1, 5, 0]);
      });
    }

    it('scales that are not finite, or overflow, or underflow', async () => {
      const floats = codes([1, 2e300, 1e-300, 1e300], 'float64');
      assert.deepEqual(await facts(quantised(floats, [1e200], null, { axis: null })), [0, null, 2, 1, 0]);
      assert.deepEqual(await facts(quantised(floats, [1e-200], null, { axis: null })), [1, null, 0, null, 0]);
      assert.deepEqual(await facts(quantised(codes([1, 2, 3, 4]), [1, NaN], null, { axis: 0 })), [0, null, 2, 2, 0]);
      assert.deepEqual(await facts(transposed(quantised(codes([1, 2, 3, 4]), [NaN, 1], null, { axis: 1 }), [1, 0])), [0, null, 2, 0, 0]);
    });

    it('denormals in the stored type, whatever becomes of them', async () => {
      assert.deepEqual(await facts(quantised(codes([2 ** -7, 1, 2, 3], 'float8e4m3fn'), [1], null, { axis: null })), [0, null, 0, null, 1]);
      assert.deepEqual(await facts(codes([2 ** -130, 2 ** -126, 0, -0], 'bfloat16')), [2, null, 0, null, 1]);
    });

    it('several tensors: the first index is that of the first one with such a value', async () => {
      const good = stored(tensor('a', [1, 3]));
      const bad = scaled(stored(tensor('b', [2, 3], [1, 1, 1, 1, 1e300, 1])), 1e10);
      assert.deepEqual((await scanOf(concatenated([good, bad], 0))).nonFinite, { count: 1, firstIndex: 4 });
    });

    it('−0 is 0', async () => {
      const { constant } = await scanOf(codes([-0, -0, 0, 0], 'float32'));
      assert.ok(Object.is(constant, 0));
    });

    it('names the largest magnitude, and what all of them are', async () => {
      for (const [values, constant, largest] of [[[2, 2, 2, 2], 2, 2], [[2, 2, 2, -3], null, 3], [[NaN, NaN, 1, 1], null, 1], [[Infinity, Infinity, Infinity, Infinity], null, Infinity]] as const) {
        const scan = await scanOf(codes([...values], 'float32'));
        assert.deepEqual([scan.constant, scan.largest], [constant, largest]);
      }
    });
  });

  describe('from a file', () => {
    let folder: string;
    before(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-'))));
    after(() => rmSync(folder, { recursive: true }));

    /** A float32 tensor on disk, `before` bytes from the file's beginning. */
    function onDisk(values: ArrayLike<number>, shape: number[], before = 12): StoredTensor {
      const file = path.join(folder, `${Math.random()}.bin`);
      const bytes = Buffer.from(Float32Array.from(values).buffer);
      writeFileSync(file, Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(5)]));
      return { name: 'w', dtype: 'float32', shape, data: { encoding: 'raw', range: { path: file, offset: before, length: bytes.length } } };
    }

    it('a matrix of several chunks, transposed', async () => {
      const [rows, columns] = [700, 1031];
      const values = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i));
      const target = new Float64Array(values.length);
      await readWeight(layerOf(transposed(stored(onDisk(values, [rows, columns])), [1, 0])), target);
      for (let i = 0; i < values.length; i += 97) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        assert.equal(target[column * rows + row], values[i]);
      }
    });

    it('scans the part used, with the first index in the whole tensor', async () => {
      const values = [1, NaN, 0, 1e-40, 5, 6, 7, Infinity, 0, 0, 11, 12];
      const whole = stored(onDisk(values, [4, 3]));
      const scan = await readWeight(layerOf(scaled(whole, 3)), new Float64Array(12));
      assert.deepEqual([scan.nonFinite, scan.zeros, scan.denormals], [{ count: 2, firstIndex: 1 }, 3, 1]);
      const rows = await readWeight(layerOf(sliced(whole, 0, 1, 2)), new Float64Array(6));
      assert.deepEqual([rows.nonFinite, rows.zeros, rows.denormals], [{ count: 1, firstIndex: 7 }, 1, 1]);
      const columns = await readWeight(layerOf(sliced(whole, 1, 1, 1)), new Float64Array(4));
      assert.deepEqual([columns.nonFinite, columns.zeros, columns.denormals], [{ count: 2, firstIndex: 1 }, 0, 0]);
      const last = await readWeight(layerOf(sliced(whole, 1, 2, 1)), new Float64Array(4));
      assert.deepEqual([last.nonFinite.count, last.zeros], [0, 2]);
    });

    it('equal stored bytes have equal digests, also for the same part of two tensors', async () => {
      const a = stored(onDisk([1, 2, 3, 4], [2, 2]));
      const b = stored(onDisk([1, 2, 3, 4], [2, 2], 40));
      const digest = async (expression: WeightExpression) => (await readWeight(layerOf(expression), new Float64Array(elementsOf(expression.shape)))).digest;
      assert.equal(await digest(a), await digest(transposed(b, [1, 0])));
      assert.equal(await digest(sliced(a, 1, 0, 1)), await digest(sliced(b, 1, 0, 1)));
      assert.notEqual(await digest(sliced(a, 1, 0, 1)), await digest(sliced(a, 1, 1, 1)));
      const quantised = (...scales: number[]) => digest(dequantized(a, { scale: tensor('s', [2], scales), zeroPoint: null, axis: 0, blockSize: 0 }));
      assert.equal(await quantised(1, 2), await quantised(1, 2));
      assert.notEqual(await quantised(1, 2), await quantised(1, 3));
    });

    it('stops when the signal is aborted', async () => {
      const w = stored(onDisk([1, 2, 3, 4], [2, 2]));
      await assert.rejects(readWeight(layerOf(w), new Float64Array(4), { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
    });

    it('counts the bytes of weights and scales', () => {
      const w = stored(onDisk([1, 2, 3, 4], [2, 2]));
      assert.equal(weightBytes(layerOf(dequantized(w, { scale: tensor('s', [2]), zeroPoint: null, axis: 0, blockSize: 0 }))), 16 + 16);
    });
  });
});
