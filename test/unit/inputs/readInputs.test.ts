import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { elementCount, InputsError, type InputArray } from '../../../server/inputs/inputArray.js';
import { readLabels } from '../../../server/inputs/labels.js';
import { fitToModel, parseLayout, sampleShape, type Layout } from '../../../server/inputs/layout.js';
import { readInputs, type ModelInputs, type ReadInputsOptions } from '../../../server/inputs/readInputs.js';
import { inFolder, npyBytes, refuses } from '../../support/inputs.js';
import { describeShared, sharedData } from '../../support/shared.js';

const archive = Buffer.from((JSON.parse(readFileSync('test/fixtures/inputs/archives.json', 'utf8')) as { deflated: string }).deflated, 'base64');
const ramp = (...shape: number[]): InputArray => ({ dtype: 'float32', shape, data: Float32Array.from({ length: elementCount(shape) }, (_, i) => i) });

/** Writes a file, reads it as inputs of a model of one float32 input `input`. */
function reading(name: string, content: string | Uint8Array, shape: (number | string | null)[] | null, more: Partial<ReadInputsOptions> & { pick?: string } = {}): Promise<ModelInputs> {
  return inFolder(async (folder) => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return await readInputs(more.pick === undefined ? file : `${file}#${more.pick}`, { modelInputs: [{ name: 'input', dtype: 'float32', shape }], ...more });
  });
}

describe('fitting inputs to a model', () => {
  const fit = (array: InputArray, shape: (number | string | null)[] | null, stated: Layout | null = null): InputArray => fitToModel(array, sampleShape({ shape }), stated, 'x');

  it('reshapes equal element counts, whatever the batch that the model states', () => {
    assert.deepEqual(fit(ramp(5, 784), [1, 1, 28, 28]), { ...ramp(5, 784), shape: [5, 1, 28, 28] });
    assert.deepEqual(fit(ramp(5, 28, 28, 1), ['N', 1, 28, 28]).shape, [5, 1, 28, 28]);
    assert.deepEqual(fit(ramp(5, 1, 28, 28), [null, 784]).shape, [5, 784]);
    assert.deepEqual(fit(ramp(5, 784), [1, 784, 1]).shape, [5, 784, 1]);
    assert.deepEqual(fit(ramp(5, 7), [7]).shape, [5, 7]);
    assert.deepEqual(fit(ramp(5), ['N']).shape, [5]);
    assert.deepEqual(fit(ramp(5, 7), null).shape, [5, 7]);
  });

  it('takes a single sample without a batch', () => {
    assert.deepEqual(fit(ramp(3, 32, 32), [1, 3, 32, 32]).shape, [1, 3, 32, 32]);
    assert.deepEqual(fit(ramp(784), [1, 1, 28, 28]).shape, [1, 1, 28, 28]);
  });

  it('takes the sizes that the model leaves open from the inputs', () => {
    assert.deepEqual(fit(ramp(2, 3, 8, 9), ['N', 3, 'h', 'w']).shape, [2, 3, 8, 9]);
    assert.deepEqual(fit(ramp(2, 24), ['N', 3, null]).shape, [2, 3, 8]);
    assert.deepEqual(fit(ramp(2, 8, 9, 3), ['N', 3, 'h', 'w'], 'nhwc').shape, [2, 3, 8, 9]);
  });

  it('transposes where the stated layout is not the model\'s', () => {
    const last = ramp(2, 4, 5, 3);
    const first = fit(last, [1, 3, 4, 5], 'nhwc');
    assert.deepEqual(first.shape, [2, 3, 4, 5]);
    for (let n = 0; n < 2; n++) for (let c = 0; c < 3; c++) for (let y = 0; y < 4; y++) for (let x = 0; x < 5; x++) assert.equal(first.data[((n * 3 + c) * 4 + y) * 5 + x], last.data[((n * 4 + y) * 5 + x) * 3 + c]);
    assert.deepEqual(fit(first, ['N', 4, 5, 3], 'nchw'), last);
    assert.deepEqual(fit(ramp(2, 60), [1, 3, 4, 5], 'nhwc').data, first.data);
    assert.deepEqual(fit(first, [1, 3, 4, 5], 'nchw'), first);
    assert.deepEqual(fit(ramp(4, 5, 3), [1, 3, 4, 5], 'nhwc').data, first.data.slice(0, 60));
  });

  it('asks for the layout rather than tearing pictures apart', () => {
    assert.throws(() => fit(ramp(2, 4, 5, 3), [1, 3, 4, 5]), { code: 'inputs/shape', message: /\[2, 4, 5, 3\] and the model takes \[2, 3, 4, 5\].*--layout nhwc/ });
    assert.throws(() => fit(ramp(2, 3, 4, 5), [1, 4, 5, 3]), { code: 'inputs/shape', message: /--layout nchw/ });
  });

  it('states both sizes where they do not fit', () => {
    assert.throws(() => fit(ramp(5, 783), [1, 1, 28, 28]), { code: 'inputs/shape', message: /x is \[5, 783\], 783 elements an input, and the model takes \[n, 1, 28, 28\], 784 elements an input/ });
    assert.throws(() => fit(ramp(5, 7), ['N', null, null, 2]), { code: 'inputs/shape', message: /\[n, \?, \?, 2\]/ });
    assert.throws(() => fit({ dtype: 'float32', shape: [], data: Float32Array.of(1) }, [1]), { code: 'inputs/shape', message: /single number/ });
  });

  it('undoes its own transposition', () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 5, max: 7 }), fc.integer({ min: 5, max: 7 }));
    fc.assert(fc.property(sizes, ([n, channels, height, width]) => assert.deepEqual(fit(fit(ramp(n, channels, height, width), [1, height, width, channels], 'nchw'), [1, channels, height, width], 'nhwc'), ramp(n, channels, height, width))));
  });

  it('knows two layouts', () => {
    assert.deepEqual([parseLayout('nchw'), parseLayout('NHWC')], ['nchw', 'nhwc']);
    assert.throws(() => parseLayout('chw'), { code: 'inputs/option', message: /--layout chw is not known/ });
  });
});

describeShared('files that are no inputs', () => {
  const modelInputs = [{ name: 'x', dtype: 'float32' as const, shape: [1, 4] }];
  for (const folder of ['hostile', 'keras', 'torch', 'gguf', 'npz']) {
    it(`are refused with a sentence: ${folder}`, async () => {
      for (const entry of readdirSync(sharedData(folder), { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = path.join(entry.parentPath, entry.name);
        for (const read of [(): Promise<unknown> => readInputs(file, { modelInputs }), (): Promise<unknown> => readLabels(file)]) {
          await read().then(
            // An .npy file of several arrays, of which the first one is read as numpy.load reads it.
            () => assert.equal(entry.name, 'array_types.npy'),
            (error: unknown) => assert.ok(error instanceof InputsError, `${file}: ${String(error)}`),
          );
        }
      }
    });
  }
});

describe('reading inputs', () => {
  it('takes x and y of an npz', async () => {
    const { data, shape, dtype, labels, source } = await reading('a.npz', archive, ['N', 12]);
    assert.deepEqual([[...data], shape, dtype, labels], [Array.from({ length: 24 }, (_, i) => i), [2, 12], 'uint8', [1, 0]]);
    assert.deepEqual({ ...source, path: '' }, { kind: 'npz', path: '', bytes: archive.length, array: 'x', dtype: 'uint8', shape: [2, 3, 4], bits: null, files: null, classes: null, resized: 0, layout: null, labelNote: null });
  });

  it('takes an array by the model input\'s name, and those of other inputs', async () => {
    const modelInputs = [
      { name: 'mask', dtype: 'bool' as const, shape: ['N', 1] },
      { name: 'x', dtype: 'float32' as const, shape: [2, 3, 4] },
      { name: 'absent', dtype: 'float32' as const, shape: [1] },
    ];
    const inputs = await reading('a.npz', archive, null, { modelInputs });
    assert.deepEqual([[...inputs.data], inputs.source.array, [...inputs.others.keys()], inputs.others.get('x')?.perInput], [[1, 0], 'mask', ['x'], false]);
    const other = await reading('a.npz', archive, null, { modelInputs: [modelInputs[1], modelInputs[0]].map((input) => ({ ...input, shape: ['N', ...input.shape.slice(1)] })), variable: 'x' });
    assert.equal(other.others.get('mask')?.perInput, true);
    await refuses(reading('a.npz', archive, null, { modelInputs, variable: 'z' }), 'inputs/option', /no input 'z', but 'mask', 'x', 'absent'/);
  });

  it('picks an array by name', async () => {
    const picked = await reading('a.npz', archive, ['N', 1], { pick: 'mask' });
    assert.deepEqual([picked.dtype, picked.source.array, picked.labels], ['bool', 'mask', [1, 0]]);
    await refuses(reading('a.npz', archive, ['N', 1], { pick: 'z' }), 'inputs/missing-array', /no array 'z'/);
    await refuses(reading('a.npz', archive, null, { modelInputs: [] }), 'inputs/option', /no input/);
    await refuses(reading('a.npy', npyBytes('<f4', [1, 1], new Float32Array(1)), [1, 1], { pick: 'z' }), 'inputs/option', /no \.npz archive/);
  });

  it('takes npy as x, and names that hold a #', async () => {
    const { data, shape } = await reading('a#1.npy', npyBytes('<f4', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)), [1, 3]);
    assert.deepEqual([[...data], shape], [[1, 2, 3, 4, 5, 6], [2, 3]]);
  });

  it('takes the first column of a csv as the label when there is one more than elements', async () => {
    const labelled = await reading('a.csv', '7,0,1\n2,3,4\n', [1, 2]);
    assert.deepEqual([[...labelled.data], labelled.shape, labelled.labels], [[0, 1, 3, 4], [2, 2], [7, 2]]);
    const plain = await reading('a.csv', '0,1\n3,4\n', [1, 2]);
    assert.deepEqual([[...plain.data], plain.labels], [[0, 1, 3, 4], null]);
    await refuses(reading('a.csv', '1,2,3,4\n', [1, 2]), 'inputs/shape', /4 columns, and the model takes 2 elements an input: give 2 columns, or 3 with the label first/);
    const target = await reading('a.csv', '0.5,2,3\n', [1, 2]);
    assert.deepEqual([[...target.data], target.labels], [[2, 3], null]);
    assert.match(target.source.labelNote ?? '', /first column of a\.csv has the label 0\.5 for input 0 of 1/);
  });

  it('takes bare numbers by the name of their type, or the model\'s', async () => {
    assert.deepEqual((await reading('a.u8', Uint8Array.of(1, 2, 3, 0), [1, 2])).data, Uint8Array.of(1, 2, 3, 0));
    const floats = new Uint8Array(Float32Array.of(1.5, -2).buffer);
    assert.deepEqual((await reading('a.raw', floats, [1, 1, 2])).shape, [1, 1, 2]);
    assert.deepEqual([...(await reading('a.bin', floats, ['N', 1])).data], [1.5, -2]);
    await refuses(reading('a.f32', floats, [1, 3]), 'inputs/shape', /8 bytes, and an input of \[3\] in float32 takes 12 bytes/);
    await refuses(reading('a.f32', floats, ['N', null]), 'inputs/shape', /open/);
  });

  it('takes labels from another file before those of the inputs', () =>
    inFolder(async (folder) => {
      const file = (name: string, content: string | Uint8Array): string => {
        const at = path.join(folder, name);
        writeFileSync(at, content);
        return at;
      };
      const inputs = file('a.npz', archive);
      const modelInputs = [{ name: 'x', dtype: 'float32' as const, shape: ['N', 12] }];
      for (const labels of [file('l.npy', npyBytes('|u1', [2, 1], Uint8Array.of(4, 6))), file('l.csv', 'label\n4\n6\n'), file('m.csv', '4;6')]) assert.deepEqual((await readInputs(inputs, { modelInputs, labels })).labels, [4, 6]);
      assert.deepEqual(await readLabels(`${inputs}#mask`), [1, 0]);
      assert.deepEqual(await readLabels(inputs), [1, 0]);
      await refuses(readInputs(inputs, { modelInputs, labels: file('n.csv', '1\n2\n3\n') }), 'inputs/labels', /n\.csv holds 3 labels for 2 inputs/);
      await refuses(readLabels(`${inputs}#x`), 'inputs/labels', /\[2, 3, 4\].*argmax/);
      await refuses(readLabels(file('o.csv', '-1\n')), 'inputs/labels', /label -1/);
    }));

  it('says what it cannot read', async () => {
    await refuses(reading('a.npy', '', [1]), 'inputs/empty', /0 bytes/);
    await refuses(reading('a.npy', npyBytes('<f4', [0, 3]), [1, 3]), 'inputs/empty', /holds no inputs/);
    await refuses(reading('a.pkl', Uint8Array.of(0x80, 4, 0x95), [1]), 'inputs/not-recognised', /neither npz, npy, csv/);
    await refuses(reading('a.png', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), [1]), 'inputs/not-recognised', /single picture: give the folder/);
    await refuses(readInputs('/nowhere/a.npz', { modelInputs: [{ name: 'x', dtype: 'float32', shape: [1] }] }), 'inputs/not-found');
    await refuses(readInputs('/nowhere/a.npz#x', { modelInputs: [{ name: 'x', dtype: 'float32', shape: [1] }] }), 'inputs/not-found', /a\.npz does not exist/);
  });
});
