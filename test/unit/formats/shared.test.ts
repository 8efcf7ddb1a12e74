import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { memorySource } from '../../../server/formats/byteSource.js';
import { isNumeric, readTensor } from '../../../server/formats/decode.js';
import { ModelFileError } from '../../../server/formats/modelFile.js';
import { onnx } from '../../../server/formats/onnx/onnx.js';
import { openModelFile, recogniseFormat } from '../../../server/formats/open.js';
import { describeShared, sharedData } from '../../support/shared.js';
import { assertSentence, refusalOf, temporaryFolder } from './support.js';

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file))
    .sort();
}

describeShared('the shared models', () => {
  const temporary = temporaryFolder();

  for (const [ending, least] of [
    ['.onnx', 30],
    ['.safetensors', 3],
  ] as const) {
    it(`${ending} files open, and every tensor in them can be read`, async () => {
      const files = filesBelow(sharedData(), ending);
      assert.ok(files.length >= least, `${files.length} files`);
      for (const file of files) {
        assert.equal(await recogniseFormat(file), ending.slice(1));
        const model = await openModelFile(file);
        for (const tensor of model.tensors.filter(({ dtype }) => isNumeric(dtype))) {
          let count = 0;
          const scan = await readTensor(tensor, (values) => (count += values.length));
          assert.equal(count, tensor.shape.reduce((product, size) => product * size, 1), `${file} ${tensor.name}`);
          assert.equal(scan.nonFinite.count, 0, `${file} ${tensor.name}`);
        }
      }
    });
  }

  it('of the ONNX backend tests open', async function () {
    this.timeout(20_000);
    const unpacked = spawnSync('tar', ['xzf', sharedData('onnx_backend', 'onnx_backend_core_shared.tar.gz'), '-C', path.dirname(temporary('x')), '--wildcards', '*.onnx']);
    if (unpacked.status !== 0) this.skip();
    const files = filesBelow(path.dirname(temporary('x')), '.onnx');
    assert.ok(files.length > 100, `${files.length} models`);
    for (const file of files) assert.ok((await openModelFile(file)).graph, file);
  });

  it('tell what exported them', async () => {
    const producers: Record<string, string> = { 'onnx_cifar/resnet_2b.onnx': 'pytorch 1.8', 'onnx_cifar/cifar10_small.onnx': 'tf2onnx 1.8.2', 'onnx_mnist/cntk_mnist.onnx': 'CNTK 2.5.1', 'derived/stories260K_hf_llama.safetensors': 'pytorch' };
    for (const [file, producer] of Object.entries(producers)) assert.equal((await openModelFile(sharedData(file))).producer, producer);
  });

  it('of other formats are refused by name', async () => {
    const formats: [string, RegExp][] = [
      ['.pt', /PyTorch checkpoint|pickle/],
      ['.pth', /PyTorch checkpoint|pickle/],
      ['.pickle', /pickle/],
      ['.h5', /HDF5/],
      ['.hdf5', /HDF5/],
      ['.keras', /Keras/],
      ['.gguf', /GGUF/],
      ['.tflite', /TensorFlow Lite/],
      ['.npz', /npz/],
      ['.npy', /npy/],
      ['.zip', /zip archive/],
      ['.gz', /gzip/],
      ['.csv', /text file/],
      ['.json', /JSON file/],
      ['.png', /image/],
      ['.bin', /no known format/],
    ];
    for (const [ending, sentence] of formats) {
      const files = filesBelow(sharedData(), ending);
      assert.ok(files.length > 0, ending);
      for (const file of files) {
        const error = await refusalOf(file);
        assert.equal(error.code, 'model/not-recognised');
        assert.match(error.message, sentence, file);
      }
    }
  });

  it('cut off at every kB are refused', async () => {
    for (const name of ['onnx_cifar/resnet_2b.onnx', 'onnx_cifar/cifar10_small.onnx', 'ort_testdata/qdq_with_multi_consumer_dq_nodes.onnx']) {
      const bytes = readFileSync(sharedData(name));
      for (let length = 1000; length < bytes.length; length += 1000) {
        const error: unknown = await onnx.open(memorySource(bytes.subarray(0, length), 'cut.onnx')).then(
          () => null,
          (reason: unknown) => reason,
        );
        assert.ok(error instanceof ModelFileError, `${name} was opened with ${length} bytes`);
        assertSentence(error);
        assert.equal(error.code, 'model/truncated', error.message);
      }
    }
    const bytes = readFileSync(sharedData('safetensors', 'silero_vad_16k.safetensors'));
    for (let length = 1000; length < bytes.length; length += 10_000) {
      writeFileSync(temporary('cut.safetensors'), bytes.subarray(0, length));
      assert.equal((await refusalOf(temporary('cut.safetensors'))).code, 'model/truncated');
    }
  });

  it('whose data are missing are refused', async () => {
    for (const name of ['conv_qdq_external_ini.onnx', 'model_with_external_initializers.onnx']) {
      writeFileSync(temporary(name), readFileSync(sharedData('ort_testdata', name)));
      const error = await refusalOf(temporary(name));
      assert.equal(error.code, 'model/external-data');
      assert.match(error.message, /missing/);
    }
  });
});
