import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openFile } from '../../../server/formats/byteSource.js';
import { hashFile } from '../../../server/formats/hash.js';
import { openModelFile, recogniseFormat } from '../../../server/formats/open.js';
import { FIXTURES, refusalOf, temporaryFolder } from './support.js';
import { f32, safetensorsOf } from './safetensorsFiles.js';

describe('opening a file', () => {
  const temporary = temporaryFolder();
  const onnxBytes = readFileSync(path.join(FIXTURES, 'graph.onnx'));
  const safetensorsBytes = safetensorsOf(JSON.stringify({ t: f32(0, 1) }), 4);
  const text = (signature: string) => Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.alloc(64, 1)]);

  const wrong: [string, Buffer | string, string, RegExp][] = [
    ['empty.onnx', '', 'model/empty', /empty \(0 bytes\)/],
    ['onnx.safetensors', onnxBytes, 'model/not-recognised', /holds ONNX data, .*\.safetensors says: rename it to \.onnx/],
    ['safe.onnx', safetensorsBytes, 'model/not-recognised', /holds safetensors data, .*rename it to \.safetensors/],
    ['onnx.pt', onnxBytes, 'model/not-recognised', /holds ONNX data/],
    ['torch.onnx', text('PK\x03\x04archive/data.pkl'), 'model/not-recognised', /PyTorch checkpoint .*, not ONNX: export it with torch\.onnx\.export/],
    ['torch.pt', text('PK\x03\x04archive/data.pkl'), 'model/not-recognised', /PyTorch checkpoint .*not read yet/],
    ['model.keras', text('PK\x03\x04model.weights.h5'), 'model/not-recognised', /Keras/],
    ['arrays.npz', text('PK\x03\x04x.npy'), 'model/not-recognised', /npz/],
    ['some.zip', text('PK\x03\x04a.txt'), 'model/not-recognised', /zip archive, not a model: unpack/],
    ['old.pth', text('\x80\x02'), 'model/not-recognised', /pickle/],
    ['model.h5', text('\x89HDF\r\n\x1a\n'), 'model/not-recognised', /HDF5/],
    ['model.gguf', text('GGUF'), 'model/not-recognised', /GGUF/],
    ['model.tflite', text('\x1c\0\0\0TFL3'), 'model/not-recognised', /TensorFlow Lite/],
    ['model.ort', text('\x1c\0\0\0ORTM'), 'model/not-recognised', /onnxruntime/],
    ['array.npy', text('\x93NUMPY'), 'model/not-recognised', /npy/],
    ['packed.gz', text('\x1f\x8b'), 'model/not-recognised', /gzip/],
    ['pointer.onnx', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n', 'model/not-recognised', /Git LFS pointer .*git lfs pull/],
    ['page.safetensors', '<!DOCTYPE html><html></html>', 'model/not-recognised', /web page/],
    ['notes.onnx', 'These are notes.\n', 'model/not-recognised', /text file, not ONNX/],
    ['notes.txt', 'These are notes.\n', 'model/not-recognised', /text file, not a model/],
    ['report.json', '{"schemaVersion":1}', 'model/not-recognised', /JSON file/],
    ['pytorch_model.bin.index.json', '{"weight_map":{}}', 'model/not-recognised', /PyTorch shards/],
    ['noise.onnx', Buffer.from('ff00ff00ff00ff00ff', 'hex'), 'model/not-recognised', /begins with the bytes ff 00 ff 00 ff 00 ff 00:/],
    ['noise.bin', Buffer.from('ff00', 'hex'), 'model/not-recognised', /no known format, .*ff 00:/],
    ['noise.gguf', Buffer.from('ff00', 'hex'), 'model/not-recognised', /extension of a GGUF file/],
    ['short.safetensors', Buffer.alloc(8, 1), 'model/not-recognised', /not recognised as safetensors/],
  ];
  for (const [name, content, code, sentence] of wrong) {
    it(`answers ${name} with its own sentence`, async () => {
      writeFileSync(temporary(name), content);
      const error = await refusalOf(temporary(name));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, sentence);
      assert.ok(error.message.includes(name));
      assert.equal(await recogniseFormat(temporary(name)), null);
    });
  }

  it('goes by content where the extension promises nothing', async () => {
    for (const [name, content, format] of [
      ['model.bin', onnxBytes, 'onnx'],
      ['no extension', safetensorsBytes, 'safetensors'],
      ['UPPER.ONNX', onnxBytes, 'onnx'],
      ['weights.ckpt', safetensorsBytes, 'safetensors'],
      ['weights.h5', safetensorsBytes, 'safetensors'],
    ] as const) {
      writeFileSync(temporary(name), content);
      assert.equal(await recogniseFormat(temporary(name)), format);
      assert.equal((await openModelFile(temporary(name))).format, format);
    }
  });

  it('answers folders, missing files, circles of links and devices', async () => {
    mkdirSync(temporary('folder.onnx'));
    assert.match((await refusalOf(temporary('folder.onnx'))).message, /folder\.onnx is a folder/);
    const missing = await refusalOf(temporary('missing.onnx'));
    assert.equal(missing.code, 'model/not-found');
    assert.match(missing.message, /missing\.onnx does not exist in /);
    assert.equal((await refusalOf(path.join(temporary('notes.txt'), 'x.onnx'))).code, 'model/not-found');
    assert.equal((await refusalOf(temporary('x'.repeat(5000)))).code, 'model/not-found');
    symlinkSync('circle.onnx', temporary('circle.onnx'));
    assert.equal((await refusalOf(temporary('circle.onnx'))).code, 'model/not-found');
    assert.equal(await recogniseFormat(temporary('missing.onnx')), null);
    if (process.platform !== 'win32') assert.match((await refusalOf('/dev/zero')).message, /device/);
  });

  it('answers a file without permission', async function () {
    // The super-user may read everything.
    if (process.getuid?.() === 0 || process.platform === 'win32') this.skip();
    writeFileSync(temporary('locked.onnx'), onnxBytes);
    chmodSync(temporary('locked.onnx'), 0);
    const error = await refusalOf(temporary('locked.onnx'));
    assert.equal(error.code, 'model/not-readable');
    assert.match(error.message, /no permission/);
  });
});

describe('a byte source', () => {
  const temporary = temporaryFolder();

  it('returns what the file holds, in any order of reads, in views that stay valid', async () => {
    const bytes = Buffer.from(Float64Array.from({ length: 100_000 }, (_, i) => Math.sin(i)).buffer);
    writeFileSync(temporary('bytes'), bytes);
    const source = await openFile(temporary('bytes'));
    const kept: [Uint8Array, number][] = [];
    for (let i = 0; i < 200; i++) {
      const offset = i % 3 === 0 ? (i * 7919 * 61) % 700_000 : i * 100;
      const length = [0, 1, 15, 4096, 5000, 90_000][i % 6];
      kept.push([await source.read(offset, length), offset]);
    }
    for (const [view, offset] of kept) assert.ok(bytes.subarray(offset, offset + view.length).equals(view));
    assert.equal((await source.read(0, bytes.length)).length, bytes.length);
    for (const [offset, length] of [[-1, 2], [0, bytes.length + 1], [bytes.length, 1], [0.5, 1], [2 ** 60, 1]]) await assert.rejects(source.read(offset, length), { code: 'model/truncated' });
    await source.close();
  });
});

describe('the hash of a file', () => {
  const temporary = temporaryFolder();

  it('is its SHA-256, and can be cancelled', async () => {
    const bytes = Buffer.alloc(3_000_001, 7);
    writeFileSync(temporary('bytes'), bytes);
    assert.equal(await hashFile(temporary('bytes')), createHash('sha256').update(bytes).digest('hex'));
    await assert.rejects(hashFile(temporary('bytes'), AbortSignal.abort()), { name: 'AbortError' });
    await assert.rejects(hashFile(temporary('gone')), { code: 'model/not-found' });
  });
});
