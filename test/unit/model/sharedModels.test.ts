import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { openModelFile } from '../../../server/formats/open.js';
import { buildModel } from '../../../server/model/buildModel.js';
import { weightTensors } from '../../../server/model/expression.js';
import type { Layer, Model } from '../../../server/model/model.js';
import { readWeight } from '../../../server/model/readWeight.js';
import { describeShared, sharedData } from '../../support/shared.js';
import matrices from '../../fixtures/model_matrices.json';

interface Summary {
  shape: number[];
  sum: number;
  magnitudes: number;
  first: number;
  last: number;
  wave: number;
}

const byTensor = matrices.byTensor as Record<string, Record<string, Summary>>;
const byId = matrices.byId as Record<string, Record<string, Summary>>;
const folders = ['onnx_mnist', 'onnx_cifar', 'onnx_acasxu', 'onnx_other', 'onnx_transformer', 'ort_testdata', 'safetensors', 'derived'];

function modelFiles(): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(sharedData(folder), { withFileTypes: true })) {
      const at = path.join(folder, entry.name);
      if (entry.isDirectory()) walk(at);
      else if (/\.(onnx|safetensors)$/.test(entry.name)) found.push(at);
    }
  };
  for (const folder of folders) if (existsSync(sharedData(folder))) walk(folder);
  return found;
}

const open = async (name: string): Promise<Model> => buildModel(await openModelFile(sharedData(name)));

/** The same numbers that numpy stored, from the matrix as it is read here. */
async function summaryOf(layer: Layer): Promise<Summary> {
  const values = new Float64Array(layer.parameters);
  await readWeight(layer, values);
  const columns = layer.matrixShape[1] / layer.groups;
  let [sum, magnitudes, wave] = [0, 0, 0];
  for (const [i, value] of values.entries()) {
    sum += value;
    magnitudes += Math.abs(value);
    wave += value * Math.sin(Math.floor(i / columns) + 2) * Math.cos(3 * (i % columns) + 1);
  }
  return { shape: [layer.groups, layer.matrixShape[0] / layer.groups, columns], sum, magnitudes, wave, first: values[0], last: values[values.length - 1] };
}

async function assertSame(layer: Layer, expected: Summary): Promise<void> {
  const found = await summaryOf(layer);
  assert.deepEqual(found.shape, expected.shape, layer.id);
  for (const name of ['sum', 'wave', 'magnitudes', 'first', 'last'] as const) {
    assert.ok(Math.abs(found[name] - expected[name]) <= 1e-12 * expected.magnitudes, `${layer.id}: ${name} is ${found[name]}, numpy has ${expected[name]}`);
  }
}

describeShared('layers of real networks', () => {
  it('every tensor is either in a layer or skipped with a reason, none twice, and ids are unique', async () => {
    const files = modelFiles();
    assert.ok(files.length > 30);
    for (const name of files) {
      const model = await open(name);
      const inLayers = new Set(model.layers.flatMap(({ weight }) => weightTensors(weight).map((tensor) => tensor.name)));
      const skipped = model.skipped.map(({ tensor }) => tensor);
      assert.equal(new Set(skipped).size, skipped.length, `${name}: skipped twice`);
      assert.deepEqual(skipped.filter((tensor) => inLayers.has(tensor)), [], `${name}: both`);
      const missing = model.file.tensors.filter((tensor) => !inLayers.has(tensor.name) && !skipped.includes(tensor.name));
      assert.deepEqual(missing, [], `${name}: neither`);
      assert.ok(model.skipped.every(({ reason }) => reason !== ''));
      const ids = model.layers.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, `${name}: ids ${ids.join(' ')}`);
      for (const layer of model.layers) {
        assert.equal(layer.parameters * layer.groups, layer.matrixShape[0] * layer.matrixShape[1], `${name}: ${layer.id}`);
        assert.ok(model.layers.some(({ id }) => id === layer.id) && layer.tensor !== '');
      }
    }
  });

  for (const [name, expected] of Object.entries(byTensor)) {
    it(`${name}: matrices as numpy has them`, async () => {
      const { layers } = await open(name);
      assert.deepEqual(layers.map(({ tensor }) => tensor), Object.keys(expected));
      for (const layer of layers) await assertSame(layer, expected[layer.tensor]);
    });
  }

  for (const [name, expected] of Object.entries(byId)) {
    it(`${name}: gates and parts of projections as numpy has them`, async () => {
      const { layers } = await open(name);
      for (const [id, summary] of Object.entries(expected)) {
        const layer = layers.find((other) => other.id === id);
        assert.ok(layer, id);
        await assertSame(layer, summary);
      }
    });
  }

  const ids: Record<string, string[]> = {
    'onnx_mnist/cnn_mnist_pytorch.onnx': ['conv1', 'conv2', 'fc1', 'fc2'],
    'onnx_mnist/convSmallRELU__Point.onnx': ['0.0', '1.0', '4.0', '5'],
    'onnx_mnist/cntk_mnist.onnx': ['Convolution28', 'Convolution110', 'Times212'],
    'onnx_cifar/cifar10_small.onnx': ['sequential/conv2d/Conv2D', 'sequential/conv2d_1/Conv2D', 'sequential/dense/MatMul', 'sequential/dense_1/MatMul', 'sequential/dense_2/MatMul'],
    'onnx_other/magika/standard_v2_1_model.onnx': ['model/dense/Tensordot', 'model/conv1d/Conv1D/ExpandDims_1', 'model/target_label/MatMul'],
    'ort_testdata/conv_qdq_s8s8_perchannel.onnx': ['conv1'],
    'ort_testdata/scan_1.onnx': ['H_2', 'W_2', 'H_1', 'W_1', 'H_0', 'W_0', 'H', 'W'],
  };
  for (const [name, expected] of Object.entries(ids)) {
    it(`${name}: ids`, async () => {
      assert.deepEqual((await open(name)).layers.map(({ id }) => id), expected);
    });
  }

  it('anonymous weights of a transformer take the names that their biases have', async () => {
    const { layers, file } = await open('onnx_cifar/pgd_2_3_16.onnx');
    const projections = layers.filter(({ tensor }) => tensor.startsWith('onnx::'));
    assert.equal(projections.length, 12);
    for (const { id } of projections) assert.ok(file.tensors.some(({ name }) => name === `${id}.bias`), id);
  });

  it('the same LSTM in two formats has the same gate names', async () => {
    const gates = async (name: string) => (await open(name)).layers.flatMap(({ id }) => (/\.([wr]\.forward\.\w)$/.exec(id)?.slice(1) ?? [])).sort();
    const graph = await gates('onnx_other/silero/silero_vad_16k_op15.onnx');
    assert.equal(graph.length, 8);
    assert.deepEqual(await gates('safetensors/silero_vad_16k.safetensors'), graph);
  });
});
