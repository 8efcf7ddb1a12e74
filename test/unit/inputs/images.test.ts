import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { encode } from 'fast-png';
import { crc32 } from '../../../server/inputs/crc32.js';
import { decodeImage } from '../../../server/inputs/decodeImage.js';
import { InputsError } from '../../../server/inputs/inputArray.js';
import { readImageFolder, type ImageFolder } from '../../../server/inputs/images.js';
import { sampleShape } from '../../../server/inputs/layout.js';
import { resized, withChannels } from '../../../server/inputs/raster.js';
import { inFolder, refuses } from '../../support/inputs.js';

interface Picture {
  file: string;
  mode: 'L' | '1' | 'I;16' | 'LA' | 'RGB' | 'RGBA';
  width: number;
  height: number;
  samples: number[];
  grey?: number[];
}

const pictures = JSON.parse(readFileSync('test/fixtures/inputs/pictures.json', 'utf8')) as Record<string, Picture>;
const fileOf = (name: string): Buffer => Buffer.from(pictures[name].file, 'base64');
const channelsOf = { L: 1, '1': 1, 'I;16': 1, LA: 2, RGB: 3, RGBA: 4 };

/** Levels by which decoders of JPEG may differ: rounding of the transform and of the colours; chroma repeated or interpolated. */
const tolerance = (name: string): number => (name === 'JPEG of half chroma' ? 8 : name.startsWith('JPEG') ? 2 : 0);

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}

describe('pictures', () => {
  for (const [name, expected] of Object.entries(pictures)) {
    it(`decodes what Pillow decodes: ${name}`, () => {
      const raster = decodeImage(fileOf(name), name);
      const { width, height, channels, bits } = raster;
      assert.deepEqual({ width, height, channels, bits }, { width: expected.width, height: expected.height, channels: channelsOf[expected.mode], bits: expected.mode === 'I;16' ? 16 : 8 });
      assert.ok(largestDifference(raster.data, expected.samples) <= tolerance(name));
      if (expected.grey !== undefined) assert.ok(largestDifference(withChannels(raster, 1).data, expected.grey) <= tolerance(name));
    });
  }

  it('reads interlaced pictures of 8 and 16 bits', () => {
    for (const [channels, depth] of [[1, 8], [3, 8], [4, 8], [3, 16]] as const) {
      const size = 11 * 5 * channels;
      const data = depth === 8 ? Uint8Array.from({ length: size }, (_, i) => (i * 37) % 256) : Uint16Array.from({ length: size }, (_, i) => (i * 3701) % 65_536);
      const raster = decodeImage(encode({ width: 11, height: 5, channels, depth, data }, { interlace: 'Adam7' }), 'a.png');
      assert.deepEqual({ ...raster }, { width: 11, height: 5, channels, bits: depth, data });
    }
    const oneBit = fileOf('one bit');
    oneBit[28] = 1;
    assert.throws(() => decodeImage(oneBit, 'a.png'), { code: 'inputs/not-recognised', message: /1 bit a sample/ });
  });

  it('makes colours of grey, opaque where there is no alpha, and leaves alpha out', () => {
    const grey = { width: 2, height: 1, channels: 1, bits: 8 as const, data: Uint8Array.of(7, 9) };
    assert.deepEqual([...withChannels(grey, 3).data], [7, 7, 7, 9, 9, 9]);
    assert.deepEqual([...withChannels(grey, 4).data], [7, 7, 7, 255, 9, 9, 9, 255]);
    const rgba = { width: 1, height: 1, channels: 4, bits: 8 as const, data: Uint8Array.of(1, 2, 3, 4) };
    assert.deepEqual([...withChannels(rgba, 3).data], [1, 2, 3]);
    assert.throws(() => withChannels(grey, 2), InputsError);
  });

  it('resizes as Pillow does with its bilinear filter', () => {
    const { height, width, values, resized: cases } = JSON.parse(readFileSync('test/fixtures/inputs/resize.json', 'utf8')) as { height: number; width: number; values: number[]; resized: { height: number; width: number; values: number[] }[] };
    const raster = { height, width, channels: 1, bits: 8 as const, data: Float32Array.from(values) };
    for (const expected of cases) assert.ok(largestDifference(resized(raster, expected.height, expected.width).data, expected.values) <= 1e-4, `${expected.height} × ${expected.width}`);
  });

  it('resizes each channel by itself and keeps a constant', () => {
    const data = Uint8Array.from({ length: 5 * 4 * 3 }, (_, i) => [10, 200, 255][i % 3]);
    const smaller = resized({ height: 5, width: 4, channels: 3, bits: 8, data }, 3, 7);
    assert.ok(smaller.data.every((value, i) => Math.abs(value - [10, 200, 255][i % 3]) < 1e-4));
  });

  it('refuses a small file that inflates without end, and a declared size beyond the limit', () => {
    const png = fileOf('grey');
    const chunk = (type: string, data: Buffer): Buffer => {
      const body = Buffer.concat([Buffer.from(type), data]);
      const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(data.length);
      sum.writeUInt32BE(crc32(body));
      return Buffer.concat([length, body, sum]);
    };
    const bomb = Buffer.concat([png.subarray(0, 33), chunk('IDAT', deflateSync(Buffer.alloc(10_000_000))), chunk('IEND', Buffer.alloc(0))]);
    assert.throws(() => decodeImage(bomb, 'a.png'), { code: 'inputs/limit', message: /inflates to more than the 126 bytes/ });
    const short = Buffer.concat([png.subarray(0, 33), chunk('IDAT', deflateSync(Buffer.alloc(100))), chunk('IEND', Buffer.alloc(0))]);
    assert.throws(() => decodeImage(short, 'a.png'), { code: 'inputs/truncated', message: /inflates to 100 bytes, and its declared size takes 126 bytes/ });
    const huge = Buffer.from(png);
    huge.writeUInt32BE(100_000, 16);
    huge.writeUInt32BE(100_000, 20);
    assert.throws(() => decodeImage(huge, 'a.png'), { code: 'inputs/limit', message: /100000 × 100000 pixels/ });
  });

  it('gives a sentence for every damaged or shortened picture', () => {
    for (const name of Object.keys(pictures)) {
      const file = fileOf(name);
      for (let length = 0; length < file.length; length += 13) {
        const damaged = length % 2 === 0 ? file.subarray(0, length) : Buffer.from(file).fill(length & 255, length, Math.min(length + 7, file.length));
        try {
          decodeImage(damaged, name);
        } catch (error) {
          assert.ok(error instanceof InputsError, error instanceof Error ? error.stack : String(error));
        }
      }
    }
  });
});

describe('folders of pictures', () => {
  const model = (...shape: (number | null)[]): ReturnType<typeof sampleShape> => sampleShape({ shape });
  const read = (folder: string, shape: (number | null)[], more: { resize?: boolean; layout?: 'nchw' | 'nhwc' } = {}): Promise<ImageFolder> => readImageFolder(folder, { model: model(...shape), layout: more.layout ?? null, resize: more.resize ?? false });
  const put = (folder: string, name: string, picture: string): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), fileOf(picture));
  };

  it('sorts by name, takes the subfolders as classes and leaves out other files', () =>
    inFolder(async (folder) => {
      put(folder, 'dog/b.png', 'RGB');
      put(folder, 'cat/10.png', 'RGB');
      put(folder, 'cat/2.png', 'RGBA');
      put(folder, 'dog/.hidden.png', 'RGB');
      writeFileSync(path.join(folder, 'cat', 'readme.txt'), 'no picture');
      mkdirSync(path.join(folder, 'empty'));
      const { array, labels, classes, files } = await read(folder, [1, 3, 9, 13]);
      assert.deepEqual(files, ['cat/10.png', 'cat/2.png', 'dog/b.png']);
      assert.deepEqual([labels, classes], [[0, 0, 1], ['cat', 'dog']]);
      assert.deepEqual([array.dtype, array.shape], ['uint8', [3, 3, 9, 13]]);
      const { samples } = pictures.RGB;
      assert.ok(Array.from({ length: 3 * 9 * 13 }, (_, i) => i).every((i) => array.data[i] === samples[(i % 117) * 3 + Math.floor(i / 117)]));
    }));

  it('takes numbers as the labels that they are', () =>
    inFolder(async (folder) => {
      for (const name of ['7', '3', '10']) put(folder, `${name}/a.png`, 'grey');
      assert.deepEqual((await read(folder, [1, 1, 9, 13])).labels, [10, 3, 7]);
    }));

  it('reads grey or colours, channels first or last, as the model has them', () =>
    inFolder(async (folder) => {
      put(folder, 'a.png', 'RGB');
      const last = await read(folder, [1, 9, 13, 3]);
      assert.deepEqual([last.labels, last.layout, last.array.shape], [null, 'nhwc', [1, 9, 13, 3]]);
      assert.deepEqual([...last.array.data], pictures.RGB.samples);
      assert.deepEqual([...(await read(folder, [1, 1, 9, 13])).array.data], pictures.RGB.grey);
      assert.deepEqual((await read(folder, [1, null, null, null])).array.shape, [1, 3, 9, 13]);
      assert.deepEqual([...(await read(folder, [1, 117])).array.data], pictures.RGB.grey);
      assert.deepEqual([...(await read(folder, [1, 351], { layout: 'nhwc' })).array.data], pictures.RGB.samples);
    }));

  it('refuses other sizes unless it may resize', () =>
    inFolder(async (folder) => {
      put(folder, 'a.png', 'RGB');
      await refuses(read(folder, [1, 3, 32, 32]), 'inputs/shape', /a\.png has 13 × 9 pixels \(width × height\), and 32 × 32 are needed: add --resize/);
      await refuses(read(folder, [1, 784]), 'inputs/shape', /784 elements/);
      const { array, resized: count } = await read(folder, [1, 3, 32, 32], { resize: true });
      assert.deepEqual([array.dtype, array.shape, count], ['float32', [1, 3, 32, 32], 1]);
    }));

  it('keeps 16 bits, and refuses a mixture', () =>
    inFolder(async (folder) => {
      put(folder, 'a.png', 'grey 16');
      const { array, bits } = await read(folder, [1, 1, 9, 13]);
      assert.deepEqual([bits, array.dtype, [...array.data]], [16, 'uint16', pictures['grey 16'].samples]);
      put(folder, 'b.png', 'grey');
      await refuses(read(folder, [1, 1, 9, 13]), 'inputs/dtype', /b\.png has 8 bits/);
    }));

  it('says what is wrong with a folder', () =>
    inFolder(async (folder) => {
      await refuses(read(folder, [1, 1, 9, 13]), 'inputs/empty', /no PNG or JPEG/);
      await refuses(read(path.join(folder, 'none'), [1, 1, 9, 13]), 'inputs/not-found');
      writeFileSync(path.join(folder, 'a.gif'), 'GIF89a');
      await refuses(read(folder, [1, 1, 9, 13]), 'inputs/empty', /'a\.gif': convert/);
      writeFileSync(path.join(folder, 'a.png'), 'GIF89a');
      await refuses(read(folder, [1, 1, 9, 13]), 'inputs/not-recognised', /whatever its name says/);
      put(folder, 'b/a.png', 'grey');
      await refuses(read(folder, [1, 1, 9, 13]), 'inputs/not-recognised', /one subfolder a class/);
    }));
});
