import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RandomGenerator } from '../../../server/linalg/random.js';
import { accuracy, predictions } from '../../../server/inputs/accuracy.js';
import { InputsError, type InputArray } from '../../../server/inputs/inputArray.js';
import { asIntegers, modelBatch, prepareInputs, toModelUnits } from '../../../server/inputs/prepare.js';
import { channelScaling, defaultRange, formatPreprocess, parsePreprocess, parseRange } from '../../../server/inputs/preprocess.js';
import type { ModelInputs } from '../../../server/inputs/readInputs.js';
import { syntheticInputs } from '../../../server/inputs/synthetic.js';

function given(array: InputArray, kind: ModelInputs['source']['kind'] = 'npz', bits: 8 | 16 | null = null): ModelInputs {
  const source: ModelInputs['source'] = { kind, path: '/a', bytes: 1, array: 'x', dtype: array.dtype, shape: array.shape, bits, files: null, classes: null, resized: 0, layout: null, labelNote: null };
  return { ...array, labels: null, others: new Map(), source };
}

const refusesText = (run: () => unknown, sentence: RegExp): void => assert.throws(run, (error: unknown) => error instanceof InputsError && error.code === 'inputs/option' && sentence.test(error.message) && error.message.endsWith('.'));

describe('--preprocess', () => {
  it('reads its steps', () => {
    assert.deepEqual(parsePreprocess('x/255 mean=0.4914,.4822,4.465e-1 std=0.25'), { divideBy255: true, mean: [0.4914, 0.4822, 0.4465], std: [0.25] });
    assert.deepEqual(parsePreprocess(' mean=-1 '), { divideBy255: false, mean: [-1], std: [1] });
    for (const text of ['none', '', ' ']) assert.deepEqual(parsePreprocess(text), { divideBy255: false, mean: [0], std: [1] });
  });

  it('says what is wrong with a text', () => {
    refusesText(() => parsePreprocess('mean=0.5 x/255'), /x\/255 after mean, and the order is/);
    refusesText(() => parsePreprocess('std=1 mean=0.5'), /mean after std/);
    refusesText(() => parsePreprocess('mean=1 mean=2'), /mean twice/);
    refusesText(() => parsePreprocess('x/256'), /'x\/256', which is no step of "\[x\/255\]/);
    refusesText(() => parsePreprocess('none x/255'), /'none'/);
    refusesText(() => parsePreprocess('mean=0.1, 0.2'), /'mean=0\.1,', where a number is missing/);
    refusesText(() => parsePreprocess('mean=0.1 ,0.2'), /',0\.2'/);
    refusesText(() => parsePreprocess('mean=abc'), /'abc' is no number/);
    refusesText(() => parsePreprocess('mean=1e999'), /no number/);
    refusesText(() => parsePreprocess('std=0.5,0'), /deviation of 0/);
    refusesText(() => parsePreprocess('mean=1,2 std=1,2,3'), /2 means and 3 deviations/);
    refusesText(() => parsePreprocess('__proto__=1'), /no step/);
  });

  it('is written as it is read', () => {
    const numbers = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0);
    fc.assert(
      fc.property(fc.boolean(), fc.array(numbers, { minLength: 3, maxLength: 3 }), fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (divideBy255, mean, std) => {
        const preprocessing = { divideBy255, mean: mean.every((value) => value === 0) ? [0] : mean, std: [std] };
        assert.deepEqual(parsePreprocess(formatPreprocess(preprocessing)), preprocessing);
      }),
    );
    assert.equal(formatPreprocess(parsePreprocess('none')), 'none');
  });

  it('ends in an error of its own, whatever the text', () => {
    const texts = fc.array(fc.constantFrom('x/255', 'mean', 'std', '=', ',', ' ', '0.5', '-', 'e', '1'), { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parsePreprocess(text);
        } catch (error) {
          assert.ok(error instanceof InputsError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('--range', () => {
  it('reads a pair, or says what is wrong', () => {
    assert.deepEqual(parseRange('-1, 2.5'), { low: -1, high: 2.5 });
    for (const text of ['1', '0,1,2', 'a,b', ',', '0,', '0,Infinity']) refusesText(() => parseRange(text), /no pair of numbers/);
    refusesText(() => parseRange('1,0'), /begins at 1 and ends at 0/);
  });

  it('is 0 … 1 after x/255, else that of the inputs', () => {
    assert.deepEqual(defaultRange(parsePreprocess('x/255 mean=3'), [0.2, 0.4]), { low: 0, high: 1 });
    assert.deepEqual(defaultRange(parsePreprocess('mean=3'), [5, -7, 2]), { low: -7, high: 5 });
  });
});

describe('prepared inputs', () => {
  const pixels = (...shape: number[]): InputArray => ({ dtype: 'uint8', shape, data: Uint8Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 31) % 256) });

  it('are cast, never scaled', () => {
    const { inputSpace, range, preprocessing } = prepareInputs(given(pixels(2, 3)));
    assert.deepEqual([...inputSpace], [0, 31, 62, 93, 124, 155]);
    assert.deepEqual([range, formatPreprocess(preprocessing)], [{ low: 0, high: 155 }, 'none']);
    const tokens = prepareInputs(given({ dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(-3n, 2n ** 40n) }), { precision: 'float64' });
    assert.deepEqual([...tokens.inputSpace], [-3, 2 ** 40]);
  });

  it('are scaled by channel, first or last, in float64 exactly', () => {
    const preprocessing = parsePreprocess('x/255 mean=.485,.456,.406 std=.229,.224,.225');
    for (const [shape, channel] of [[[2, 3, 2, 5], (i: number) => Math.floor(i / 10) % 3], [[2, 2, 5, 3], (i: number) => i % 3], [[4, 3, 7], (i: number) => Math.floor(i / 7) % 3], [[4, 3], (i: number) => i % 3]] as const) {
      const array = pixels(...shape);
      const prepared = prepareInputs(given(array), { preprocessing, precision: 'float64' });
      const { data } = modelBatch(prepared, 0, shape[0]);
      data.forEach((value, i) => assert.equal(value, (Number(array.data[i]) / 255 - preprocessing.mean[channel(i)]) / preprocessing.std[channel(i)]));
      const second = modelBatch(prepared, 1, 2);
      assert.deepEqual([second.shape, [...second.data]], [[1, ...shape.slice(1)], [...data.slice(data.length / shape[0], (2 * data.length) / shape[0])]]);
    }
  });

  it('round to float32 once in input space and once in the model\'s units', () => {
    const prepared = prepareInputs(given(pixels(1, 200)), { preprocessing: parsePreprocess('x/255 mean=0.1307 std=0.3081') });
    const model = toModelUnits(prepared.inputSpace, prepared.scaling);
    prepared.inputSpace.forEach((value, i) => {
      assert.equal(value, Math.fround(((i * 31) % 256) / 255));
      assert.equal(model[i], Math.fround((value - 0.1307) / 0.3081));
    });
  });

  it('need as many values as channels', () => {
    const preprocessing = parsePreprocess('mean=1,2,3');
    refusesText(() => channelScaling(preprocessing, [5, 1, 28, 28], 'nchw', null), /3 values by channel, and the model takes \[n, 1, 28, 28\], where the channels are 1/);
    refusesText(() => channelScaling(preprocessing, [5, 12], null, null), /--layout/);
    assert.equal(channelScaling(preprocessing, [5, 12], null, 'nchw').inner, 4);
    assert.equal(channelScaling(preprocessing, [5, 12], null, 'nhwc').inner, 1);
    assert.equal(channelScaling(parsePreprocess('mean=1'), [5, 12], null, null).count, 1);
  });

  it('refuse x/255 of 16-bit pictures', () => {
    const array: InputArray = { dtype: 'uint16', shape: [1, 1, 1, 2], data: Uint16Array.of(0, 65_535) };
    refusesText(() => prepareInputs(given(array, 'images', 16), { preprocessing: parsePreprocess('x/255') }), /16 bits/);
    assert.deepEqual([...modelBatch(prepareInputs(given(array, 'images', 16), { preprocessing: parsePreprocess('std=65535') }), 0, 1).data], [0, 1]);
  });

  it('become integers for a model of integers, or say which number cannot', () => {
    assert.deepEqual(asIntegers({ dtype: 'float64', shape: [2], data: Float64Array.of(3, -4) }, 'int64', 'x').data, BigInt64Array.of(3n, -4n));
    assert.deepEqual(asIntegers({ dtype: 'int64', shape: [1], data: BigInt64Array.of(300n) }, 'int32', 'x').data, Int32Array.of(300));
    assert.throws(() => asIntegers({ dtype: 'float32', shape: [2], data: Float32Array.of(1, 0.5) }, 'int64', 'x'), /has 0\.5 at element 1, and the model takes int64/);
    assert.throws(() => asIntegers({ dtype: 'int16', shape: [1], data: Int16Array.of(-1) }, 'uint8', 'x'), /from 0 to 255/);
  });
});

describe('synthetic inputs', () => {
  const shape = ['N', 3, 8, 8];

  it('are 16 standard normal samples of the model\'s shape, labelled as synthetic, the same for the same seed', () => {
    const random = new RandomGenerator(0);
    const made = syntheticInputs({ name: 'x', shape }, () => random.normal());
    assert.deepEqual([made.n, made.shape, made.source, made.labels], [16, [16, 3, 8, 8], 'synthetic', null]);
    const again = new RandomGenerator(0);
    assert.deepEqual(syntheticInputs({ name: 'x', shape }, () => again.normal()).inputSpace, made.inputSpace);
    const values = Array.from(made.inputSpace);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    // Four deviations of the mean and of the mean square of 3,072 normal numbers.
    assert.ok(Math.abs(mean) < 4 / Math.sqrt(3072) && Math.abs(square - 1) < 4 * Math.sqrt(2 / 3072));
    assert.equal(made.range.low, Math.min(...made.inputSpace));
  });

  it('are in input space, and fill open sizes', () => {
    const random = new RandomGenerator(1);
    const made = syntheticInputs({ name: 'x', shape: ['N', 1, 'h', 'w'] }, () => random.normal(), { n: 2, open: [5], preprocessing: parsePreprocess('mean=1 std=2') });
    assert.deepEqual(made.shape, [2, 1, 5, 32]);
    assert.equal(modelBatch(made, 0, 1).data[0], Math.fround((made.inputSpace[0] - 1) / 2));
    assert.throws(() => syntheticInputs({ name: 'x', shape: null }, () => 0), { code: 'inputs/shape' });
  });
});

describe('accuracy', () => {
  it('counts the inputs whose largest logit is the label\'s', () => {
    const logits = [1, 5, 2, 7, 7, 0, -3, -2, -1];
    assert.deepEqual(predictions(logits, 3), [1, 0, 2]);
    assert.equal(accuracy(logits, 3, [1, 1, 2]), 2 / 3);
    assert.deepEqual(predictions([1, NaN, 2, NaN, 3, NaN], 3), [1, 0]);
  });

  it('refuses labels that do not belong to the logits', () => {
    assert.throws(() => accuracy([1, 2], 2, [0, 1]), { code: 'inputs/labels', message: /2 labels for 1 input/ });
    assert.throws(() => accuracy([1, 2], 2, [2]), { code: 'inputs/labels', message: /label 2, and the model has classes 0 … 1/ });
  });
});
