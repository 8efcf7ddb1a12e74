import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ValueInfo } from '../../../server/formats/modelFile.js';
import { channelStatistics } from '../../../server/inputs/channelStatistics.js';
import { pictureOf } from '../../../server/inputs/picture.js';
import { noPreprocessing } from '../../../server/inputs/preprocess.js';
import { openInputs } from '../../../server/inputs/request.js';
import { prepareInputs, type PreparedInputs } from '../../../server/inputs/prepare.js';
import type { InputsRequest } from '../../../server/protocol.js';
import { inFolder, npyBytes, refuses } from '../../support/inputs.js';

const plain: InputsRequest = { file: '', labels: null, preprocess: null, layout: null, range: null, resize: false };
const colour: ValueInfo = { name: 'image', dtype: 'float32', shape: ['batch', 3, 2, 2] };
/** Two RGB pictures of 2 × 2 pixels, channels last: value = 100·picture + 10·pixel + channel. */
const nhwc = Uint8Array.from({ length: 24 }, (_, i) => 100 * Math.floor(i / 12) + 10 * (Math.floor(i / 3) % 4) + (i % 3));

describe('inputs as they are asked for', () => {
  it('are read, laid out and prepared as the request says', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'x.npy');
      const labels = path.join(folder, 'y.npy');
      writeFileSync(file, npyBytes('|u1', [2, 2, 2, 3], nhwc));
      writeFileSync(labels, npyBytes('|u1', [2], Uint8Array.of(4, 0)));
      const opened = await openInputs({ file, labels, preprocess: 'x/255 mean=0.5,0,0 std=2', layout: 'nhwc', range: '0,0.5', resize: false }, { inputs: [colour] }, 'image', { precision: 'float64' });
      assert.deepEqual(opened.shape, [2, 3, 2, 2]);
      assert.deepEqual([...opened.inputSpace], [0, 1, 2].flatMap((channel) => [0, 10, 20, 30].map((pixel) => (pixel + channel) / 255)).concat([0, 1, 2].flatMap((channel) => [100, 110, 120, 130].map((pixel) => (pixel + channel) / 255))));
      assert.deepEqual(opened.labels, [4, 0]);
      assert.deepEqual(opened.range, { low: 0, high: 0.5 });
      assert.deepEqual([opened.origin.kind, opened.origin.path, opened.origin.shape], ['npy', file, [2, 2, 2, 3]]);
      const [red, green] = channelStatistics(opened);
      const near = (found: number, wanted: number): void => assert.ok(Math.abs(found - wanted) < 1e-12, `${found} is not ${wanted}`);
      near(red.smallest, (0 - 0.5) / 2);
      near(red.largest, (130 / 255 - 0.5) / 2);
      near(red.mean, (65 / 255 - 0.5) / 2);
      near(green.mean, 66 / 255 / 2);
    }));

  it('are for the first input where the variable is the output of an embedding, and whole numbers stay whole', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, 'tokens.npy');
      writeFileSync(file, npyBytes('<i4', [2, 3], Int32Array.of(1, 2, 16_777_217, 3, 4, 5)));
      const inputs: ValueInfo[] = [{ name: 'tokens', dtype: 'int64', shape: ['n', 'length'] }];
      const opened = await openInputs({ ...plain, file }, { inputs }, '/embedding/Gather_output_0');
      assert.deepEqual([...opened.inputSpace], [1, 2, 16_777_217, 3, 4, 5]);
      await refuses(openInputs({ ...plain, file, preprocess: 'x/255' }, { inputs }, 'tokens'), 'inputs/option', /x\/255, and the model takes int64, which are indices/);
    }));

  it('are refused for a mistake in an option before the file is looked for', async () => {
    const missing = { ...plain, file: '/nowhere/x.npz' };
    await refuses(openInputs({ ...missing, preprocess: 'x/256' }, { inputs: [colour] }, 'image'), 'inputs/option', /'x\/256'/);
    await refuses(openInputs({ ...missing, range: '1,0' }, { inputs: [colour] }, 'image'), 'inputs/option', /begins at 1 and ends at 0/);
    await refuses(openInputs(missing, { inputs: [colour] }, 'image'), 'inputs/not-found');
    await refuses(openInputs(missing, { inputs: [] }, 'image'), 'inputs/option', /no input/);
  });

  it('end with the signal', async () => {
    const aborted = AbortSignal.abort(new Error('stopped'));
    await inFolder(async (folder) => {
      const file = path.join(folder, 'x.npy');
      writeFileSync(file, npyBytes('|u1', [2, 3, 2, 2], nhwc));
      await assert.rejects(openInputs({ ...plain, file }, { inputs: [colour] }, 'image', { signal: aborted }), /stopped/);
    });
  });
});

function prepared(shape: number[], values: readonly number[], range = { low: 0, high: 1 }): PreparedInputs {
  const source = { kind: 'npy', path: '/a', bytes: 1, array: null, dtype: 'float64', shape, bits: null, files: null, classes: null, resized: 0, layout: null, labelNote: null } as const;
  return prepareInputs({ dtype: 'float64', shape, data: Float64Array.from(values), labels: null, others: new Map(), source }, { preprocessing: noPreprocessing, range, precision: 'float64' });
}

describe('pictures of inputs', () => {
  const flat = { shape: [1], layout: null };
  const ramp = (n: number): number[] => Array.from({ length: n }, (_, i) => i / (n - 1));
  const levels = (n: number): number[] => ramp(n).map((value) => Math.round(value * 255));

  it('spread the range over grey levels and end at its ends', () => {
    const given = prepared([1, 1, 4, 4], [-1, 2, NaN, 0.5, ...ramp(12)]);
    assert.deepEqual(pictureOf(given, 0, flat, 64), { width: 4, height: 4, channels: 1, pixels: Uint8Array.of(0, 255, 0, 128, ...levels(12)) });
    assert.equal(pictureOf(given, 1, flat, 64), null);
  });

  it('interleave the channels of either layout, without alpha', () => {
    const values = ramp(48);
    const byPixel = Array.from({ length: 48 }, (_, i) => values[(i % 3) * 16 + Math.floor(i / 3)]);
    const wanted = Array.from(byPixel, (value) => Math.round(value * 255));
    assert.deepEqual([...(pictureOf(prepared([1, 3, 4, 4], values), 0, flat, 64)?.pixels ?? [])], wanted);
    assert.deepEqual([...(pictureOf(prepared([1, 4, 4, 3], byPixel), 0, flat, 64)?.pixels ?? [])], wanted);
    assert.deepEqual([...(pictureOf(prepared([1, 4, 4, 4], [...values, ...ramp(16)]), 0, flat, 64)?.pixels ?? [])], wanted);
  });

  it('find the sides of flat samples by the file, else by a square', () => {
    const size = (length: number, stored: readonly number[], layout: 'nchw' | 'nhwc' | null = null): unknown => {
      const picture = pictureOf(prepared([1, length], ramp(length)), 0, { shape: stored, layout }, 64);
      return picture && [picture.width, picture.height, picture.channels];
    };
    assert.deepEqual(size(784, [1, 784]), [28, 28, 1]);
    assert.deepEqual(size(96, [1, 1, 8, 12]), [12, 8, 1]);
    assert.deepEqual(size(192, [1, 192]), [8, 8, 3]);
    assert.deepEqual(size(16, [1, 16]), null);
    assert.deepEqual(size(100, [1, 5, 20]), [20, 5, 1]);
    assert.deepEqual(size(97, [1, 97]), null);
    const planes = ramp(192);
    const byPixel = pictureOf(prepared([1, 192], planes), 0, { shape: [1, 192], layout: 'nhwc' }, 64);
    assert.deepEqual([...(byPixel?.pixels ?? [])], levels(192));
  });

  it('are reduced by the mean of blocks', () => {
    const picture = pictureOf(prepared([1, 1, 4, 6], Array.from({ length: 24 }, (_, i) => (i % 6 < 2 ? 0 : i % 6 < 4 ? 0.5 : 1))), 0, flat, 3);
    assert.deepEqual(picture, { width: 3, height: 2, channels: 1, pixels: Uint8Array.of(0, 128, 255, 0, 128, 255) });
  });

  it('are none of other samples', () => {
    assert.equal(pictureOf(prepared([2, 5], ramp(10)), 0, flat, 64), null);
    assert.equal(pictureOf(prepared([1, 2, 3, 4, 5], ramp(120)), 0, flat, 64), null);
    assert.equal(pictureOf(prepared([1, 7, 8, 8], ramp(448)), 0, flat, 64), null);
  });

  it('are black where every value is the same', () => {
    assert.deepEqual([...(pictureOf(prepared([1, 1, 4, 4], new Array<number>(16).fill(3), { low: 3, high: 3 }), 0, flat, 64)?.pixels ?? [1])], new Array<number>(16).fill(0));
  });
});
