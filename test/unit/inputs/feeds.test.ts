import assert from 'node:assert/strict';
import { batchOf } from '../../../server/derivatives/samples.js';
import type { ValueInfo } from '../../../server/formats/modelFile.js';
import { forSingleInputs, modelInput, networkSamples, syntheticOthers, type GivenInput } from '../../../server/inputs/feeds.js';
import { InputsError, type InputArray } from '../../../server/inputs/inputArray.js';
import { prepareInputs } from '../../../server/inputs/prepare.js';
import { parsePreprocess } from '../../../server/inputs/preprocess.js';

const image: ValueInfo = { name: 'image', dtype: 'float32', shape: ['n', 2] };
const floats = (shape: number[]): InputArray => ({ dtype: 'float32', shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1) });
const integers = (shape: number[], ...values: number[]): InputArray => ({ dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) });
const perInput = (array: InputArray): GivenInput => ({ array, perInput: true });
const held = (array: InputArray): GivenInput => ({ array, perInput: false });

function refuses(inputs: ValueInfo[], given: Record<string, GivenInput>, code: string, sentence: RegExp): void {
  assert.throws(
    () => networkSamples(inputs, 3, new Map(Object.entries(given))),
    (error) => error instanceof InputsError && error.code === code && sentence.test(error.message),
  );
}

describe('feeds', () => {
  it('give the variable in model units, one input a run', () => {
    const source = { kind: 'npy', path: '', bytes: 0, array: null, dtype: 'uint8', shape: [3, 2], bits: null, files: null, classes: null, resized: 0, layout: null, labelNote: null } as const;
    const prepared = prepareInputs({ dtype: 'uint8', shape: [3, 2], data: Uint8Array.of(0, 255, 51, 102, 153, 204), labels: null, others: new Map(), source: { ...source, shape: [3, 2] } }, { preprocessing: parsePreprocess('x/255 mean=0.5 std=0.5'), precision: 'float64' });
    const samples = networkSamples([image], 3, new Map([['image', modelInput(prepared)]]));
    assert.deepEqual({ ...samples.inputs.image, elements: null }, { dtype: 'float64', shape: [1, 2], held: false, batched: true, elements: null });
    const expected = [-1, 1, -0.6, -0.2, 0.2, 0.6];
    Array.from(samples.inputs.image.elements, Number).forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-15));
    assert.deepEqual(batchOf(samples, [2]).image.shape, [1, 2]);
    assert.deepEqual(batchOf(samples, [2, 0]).image.shape, [2, 2]);
  });

  it('take other inputs by input or held, with the axis that counts inputs or without', () => {
    const mask: ValueInfo = { name: 'mask', dtype: 'int64', shape: ['n', 2] };
    const scale: ValueInfo = { name: 'scale', dtype: 'float32', shape: [] };
    const inputs = [image, mask, scale];
    const feed = (given: GivenInput): object => {
      const { inputs: fed } = networkSamples(inputs, 3, new Map([['image', perInput(floats([3, 2]))], ['mask', given], ['scale', held(floats([]))]]));
      assert.deepEqual({ ...fed.scale, elements: [...fed.scale.elements] }, { dtype: 'float32', shape: [], held: true, batched: false, elements: [1] });
      return { ...fed.mask, elements: Array.from(fed.mask.elements, Number) };
    };
    const shared = { dtype: 'int64', shape: [1, 2], held: true, batched: true, elements: [1, 0] };
    assert.deepEqual(feed(perInput(integers([3, 2], 1, 0, 1, 1, 0, 0))), { dtype: 'int64', shape: [1, 2], held: false, batched: true, elements: [1, 0, 1, 1, 0, 0] });
    assert.deepEqual(feed(held(integers([2], 1, 0))), shared);
    assert.deepEqual(feed(held(integers([1, 2], 1, 0))), shared);
    // Whole numbers may come in a floating-point array.
    assert.deepEqual(feed(held({ dtype: 'float64', shape: [2], data: Float64Array.of(1, 0) })), shared);
  });

  it('know a network without a batch, and lift a batch that the file fixes', () => {
    const flat = networkSamples([{ name: 'x', dtype: 'float32', shape: [5] }], 2, new Map([['x', perInput(floats([2, 5]))]]));
    assert.deepEqual([flat.inputs.x.shape, flat.inputs.x.batched], [[5], false]);
    const fixed = networkSamples([{ name: 'x', dtype: 'float32', shape: [64, 5] }], 2, new Map([['x', perInput(floats([2, 5]))]]));
    assert.deepEqual([fixed.inputs.x.shape, fixed.inputs.x.batched], [[1, 5], true]);
    const graph = { nodes: [], constants: new Map(), numbers: new Map(), outputs: [], opset: {}, folder: '' };
    const shapes = (size: number, samples: typeof fixed): unknown => forSingleInputs({ ...graph, inputs: [{ name: 'x', dtype: 'float32', shape: [size, 5] }] }, samples).inputs[0].shape;
    assert.deepEqual([shapes(64, fixed), shapes(1, fixed)], [null, [1, 5]]);
  });

  it('refuse what is missing or does not fit in one sentence', () => {
    const mask: ValueInfo = { name: 'mask', dtype: 'int64', shape: ['n', 2] };
    const x = perInput(floats([3, 2]));
    refuses([image, mask], { image: x }, 'inputs/missing-array', /also takes 'mask' \(int64 \[n, 2\]\), which is given nowhere: put an array of that name into the \.npz/);
    refuses([image, mask], { image: x, mask: held(integers([2, 2], 1, 1, 1, 1)) }, 'inputs/shape', /'mask' is given as \[2, 2\] for 3 inputs, and the model takes \[n, 2\]/);
    refuses([image, mask], { image: x, mask: held(integers([3], 1, 1, 1)) }, 'inputs/shape', /given as \[3\]/);
    refuses([image, mask], { image: x, mask: held({ dtype: 'float64', shape: [2], data: Float64Array.of(0.5, 1) }) }, 'inputs/dtype', /0\.5 at element 0, and the model takes int64/);
    refuses([{ name: 'text', dtype: 'string', shape: ['n'] }], { text: perInput(floats([3])) }, 'inputs/dtype', /'text' as string/);
  });

  it('make up the other inputs: zeros, ones for masks, entries of embeddings', () => {
    const inputs: ValueInfo[] = [
      { name: 'x', dtype: 'float32', shape: ['n', 'length', 4] },
      { name: 'attention_mask', dtype: 'int64', shape: ['n', 'length'] },
      { name: 'tokens', dtype: 'int64', shape: ['n', 'length'] },
      { name: 'state', dtype: 'float32', shape: [2, 'n', null] },
      { name: 'rate', dtype: 'int64', shape: [] },
    ];
    const given = new Map([['x', perInput(floats([3, 7, 4]))]]);
    let draws = 0;
    const made = syntheticOthers(inputs, 3, given, { uniform: () => (draws++ % 10) / 10, entries: (name) => (name === 'tokens' ? 50 : null) });
    const numbers = (name: string): number[] => Array.from(made.get(name)?.array.data ?? [], Number);
    assert.deepEqual([...made].map(([name, { array }]) => [name, array.shape]), [['attention_mask', [3, 7]], ['tokens', [3, 7]], ['state', [2, 1, 32]], ['rate', []]]);
    assert.ok(numbers('attention_mask').every((value) => value === 1));
    assert.deepEqual(numbers('tokens').slice(0, 10), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
    assert.ok(numbers('state').every((value) => value === 0));
    const { inputs: fed } = networkSamples(inputs, 3, new Map([...given, ...made]));
    assert.deepEqual(Object.values(fed).map(({ shape }) => shape), [[1, 7, 4], [1, 7], [1, 7], [2, 1, 32], []]);
    assert.deepEqual(fed.rate.elements, new BigInt64Array(1));
  });
});
