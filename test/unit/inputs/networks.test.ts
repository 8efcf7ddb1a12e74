import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { encode } from 'fast-png';
import * as runtime from 'onnxruntime-node';
import { openModelFile } from '../../../server/formats/open.js';
import { accuracy, predictions } from '../../../server/inputs/accuracy.js';
import type { Layout } from '../../../server/inputs/layout.js';
import { modelBatch, prepareInputs } from '../../../server/inputs/prepare.js';
import { parsePreprocess } from '../../../server/inputs/preprocess.js';
import { readInputs, type ReadInputsOptions } from '../../../server/inputs/readInputs.js';
import { inFolder } from '../../support/inputs.js';
import { describeShared, sharedData } from '../../support/shared.js';

interface Network {
  file: string;
  preprocess: string;
  /** Measured over the test set of 10,000, or 1,000 of it. */
  measured: number;
  inputs: string;
  labels?: string;
  layout?: Layout;
}

const mnist = sharedData('data_mnist', 'mnist_test.csv');
const mnistHoldout = sharedData('derived', 'mnist_holdout.npz');
const cifar = sharedData('data_cifar', 'cifar10_test.csv');
const cifarHoldout = sharedData('derived', 'cifar10_holdout.npz');
const eran = 'x/255 mean=0.1307 std=0.3081';

const networks: Network[] = [
  { file: 'onnx_mnist/Convnet_maxpool.onnx', preprocess: 'x/255', measured: 0.9792, inputs: mnist },
  { file: 'onnx_mnist/mnist_relu_6_100.onnx', preprocess: 'x/255', measured: 0.9629, inputs: mnistHoldout },
  { file: 'onnx_mnist/mnist-net_256x2.onnx', preprocess: 'x/255', measured: 0.9808, inputs: mnistHoldout },
  { file: 'onnx_mnist/mnist_conv_maxpool.onnx', preprocess: 'x/255 mean=0.5', measured: 0.9898, inputs: mnist },
  { file: 'onnx_mnist/convSmallRELU__Point.onnx', preprocess: eran, measured: 0.9825, inputs: mnistHoldout },
  { file: 'onnx_mnist/cntk_mnist.onnx', preprocess: 'none', measured: 0.9891, inputs: mnist },
  { file: 'onnx_mnist/Convnet_maxpool.onnx', preprocess: 'none', measured: 0.9792, inputs: sharedData('data_mnist', 'X_sdp_mnist.npy'), labels: sharedData('data_mnist', 'y_sdp_mnist.npy'), layout: 'nhwc' },
  { file: 'onnx_cifar/cifar10_small.onnx', preprocess: 'x/255', measured: 0.63, inputs: cifar, layout: 'nhwc' },
  { file: 'onnx_cifar/cifar10_small.onnx', preprocess: 'x/255', measured: 0.63, inputs: cifarHoldout, layout: 'nchw' },
  { file: 'onnx_cifar/cifar_base_kw.onnx', preprocess: 'x/255 mean=.485,.456,.406 std=.225', measured: 0.611, inputs: cifarHoldout },
  { file: 'onnx_cifar/resnet_2b.onnx', preprocess: 'x/255 mean=.4914,.4822,.4465 std=.2471,.2435,.2616', measured: 0.703, inputs: cifar, layout: 'nhwc' },
  { file: 'onnx_cifar/pgd_2_3_16.onnx', preprocess: 'x/255 mean=.4914,.4822,.4465 std=.2023,.1994,.2010', measured: 0.611, inputs: cifarHoldout },
];

/** Predictions as the networks' users computed them, with PyTorch, on the perturbed pictures of each file. */
const attacked: { file: string; preprocess: string; inputs: string; layout?: Layout }[] = [
  { file: 'onnx_mnist/mnist_relu_6_100.onnx', preprocess: 'x/255', inputs: 'adv_pgd40_eps0.1_mnist_relu_6_100.npz' },
  { file: 'onnx_mnist/convSmallRELU__PGDK.onnx', preprocess: eran, inputs: 'adv_pgd40_eps0.1_convSmall_PGDK.npz' },
  { file: 'onnx_cifar/cifar10_small.onnx', preprocess: 'x/255', inputs: 'adv_pgd20_eps8_cifar10_small.npz', layout: 'nchw' },
  { file: 'onnx_cifar/resnet_2b.onnx', preprocess: 'x/255 mean=.4914,.4822,.4465 std=.2471,.2435,.2616', inputs: 'adv_pgd20_eps8_resnet_2b.npz' },
];

interface Answer {
  logits: Float32Array;
  classes: number;
  labels: number[] | null;
}

/** Logits of a network on all inputs of a file, one run each: most of these have their batch fixed at 1. */
async function run(network: string, inputs: string, preprocess: string, options: Omit<ReadInputsOptions, 'modelInputs'>): Promise<Answer> {
  const file = sharedData(network);
  const { inputs: modelInputs } = await openModelFile(file);
  const read = await readInputs(inputs, { ...options, modelInputs });
  const prepared = prepareInputs(read, { preprocessing: parsePreprocess(preprocess), layout: options.layout ?? null });
  const session = await runtime.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const logits: number[] = [];
    for (let i = 0; i < prepared.n; i++) {
      const { data, shape } = modelBatch(prepared, i, i + 1);
      const answer = await session.run({ [session.inputNames[0]]: new runtime.Tensor('float32', data as Float32Array, shape) });
      logits.push(...(answer[session.outputNames[0]].data as Float32Array));
    }
    return { logits: Float32Array.from(logits), classes: logits.length / prepared.n, labels: read.labels };
  } finally {
    await session.release();
  }
}

describeShared('inputs of trained networks', function () {
  for (const { file, preprocess, measured, inputs, labels, layout } of networks) {
    it(`reach the measured accuracy: ${path.basename(file)}, ${path.basename(inputs)}`, async () => {
      const answer = await run(file, inputs, preprocess, { layout: layout ?? null, labels: labels ?? null });
      assert.ok(answer.labels !== null);
      // Three standard deviations of a share of so few inputs: another order of the pixels or another scale is far outside.
      const deviation = Math.sqrt((measured * (1 - measured)) / answer.labels.length);
      const found = accuracy(answer.logits, answer.classes, answer.labels);
      assert.ok(Math.abs(found - measured) < 3 * deviation, `${found} is not ${measured} ± ${3 * deviation}`);
    });
  }

  for (const { file, preprocess, inputs, layout } of attacked) {
    it(`give PyTorch's predictions: ${path.basename(file)}, ${inputs}`, async () => {
      const archive = sharedData('derived', inputs);
      const { logits, classes, labels } = await run(file, `${archive}#adv_uint8_nchw`, preprocess, { layout: layout ?? null, labels: `${archive}#pred_on_adv` });
      assert.deepEqual(predictions(logits, classes), labels);
    });
  }

  it('are the same from a folder of pictures', () =>
    inFolder(async (folder) => {
      const modelInputs = [{ name: 'x', dtype: 'float32' as const, shape: [1, 3, 32, 32] }];
      const table = await readInputs(cifar, { modelInputs, layout: 'nhwc' });
      const width = 3072;
      const pixels = (i: number): Uint8Array => {
        const nchw = Uint8Array.from(table.data.subarray(i * width, (i + 1) * width) as Float64Array);
        return Uint8Array.from({ length: width }, (_, at) => nchw[(at % 3) * 1024 + Math.floor(at / 3)]);
      };
      const labels = table.labels ?? [];
      labels.forEach((label, i) => {
        mkdirSync(path.join(folder, String(label)), { recursive: true });
        writeFileSync(path.join(folder, String(label), `${String(i).padStart(3, '0')}.png`), encode({ width: 32, height: 32, channels: 3, depth: 8, data: pixels(i) }));
      });
      const pictures = await readInputs(folder, { modelInputs });
      const order = labels.map((label, i) => ({ label, i })).sort((a, b) => a.label - b.label || a.i - b.i);
      assert.deepEqual(pictures.labels, order.map(({ label }) => label));
      order.forEach(({ i }, at) => assert.deepEqual([...pictures.data.subarray(at * width, (at + 1) * width)], [...table.data.subarray(i * width, (i + 1) * width)]));
    }));
});
