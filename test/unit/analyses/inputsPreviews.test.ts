import assert from 'node:assert/strict';
import path from 'node:path';
import { InputsPreviews, type PreviewAnswer } from '../../../server/analyses/preview/inputsPreviews.js';
import type { InputsRequest } from '../../../server/protocol.js';
import type { InputPicture } from '../../../server/report/jacobianViews.js';
import { describeShared, sharedData } from '../../support/shared.js';

const model = path.resolve('samples', 'models', 'plain.onnx');
const clean = path.resolve('samples', 'inputs', 'clean.npz');
const request = (more: Partial<InputsRequest>): InputsRequest => ({ file: clean, labels: null, preprocess: null, layout: null, range: null, resize: false, ...more });

async function previewed(network: string, more: Partial<InputsRequest>): Promise<PreviewAnswer> {
  return (await new InputsPreviews().carryOut({ question: 'preview', model: network, request: request(more), count: 8, largestSide: 64, threads: 1 })) as PreviewAnswer;
}

describe('preview of inputs', () => {
  it('shows pictures, values and the accuracy of a network whose accuracy is known', async () => {
    const { arrays, preview, mistake } = await previewed(model, { preprocess: 'x/255' });
    assert.deepEqual(arrays, [{ name: 'x', dtype: 'uint8', shape: [200, 1, 16, 16] }, { name: 'y', dtype: 'int64', shape: [200] }]);
    assert.equal(mistake, null);
    assert.ok(preview);
    // samples/README.md: right on 97.5 % of the 200, by PyTorch.
    assert.deepEqual([preview.n, preview.shape, preview.accuracy, preview.accuracyOf], [200, [200, 1, 16, 16], 0.975, 200]);
    assert.deepEqual(preview.range, [0, 1]);
    assert.equal(preview.items.length, 8);
    assert.deepEqual(preview.items.map(({ index }) => index), [0, 1, 2, 3, 4, 5, 6, 7]);
    for (const { picture, values, label, prediction } of preview.items) {
      assert.ok(picture && values === null && label !== null && prediction !== null);
      assert.deepEqual([picture.width, picture.height, picture.channels, picture.pixels.length], [16, 16, 1, 256]);
    }
    assert.equal(preview.channels.length, 1);
    const [{ smallest, largest, mean }] = preview.channels;
    assert.ok(smallest !== null && largest !== null && mean !== null && smallest >= 0 && largest <= 1 && smallest < mean && mean < largest);
    assert.ok(largest > 0.9);
  });

  it('shows the same pictures whatever mean and std are, and another accuracy', async () => {
    const [right, wrong] = [await previewed(model, { preprocess: 'x/255' }), await previewed(model, { preprocess: 'x/255 mean=3 std=0.1' })];
    assert.deepEqual(wrong.preview?.items.map(({ picture }) => picture), right.preview?.items.map(({ picture }) => picture));
    assert.ok((wrong.preview?.accuracy ?? 1) < 0.5);
    assert.ok((wrong.preview?.channels[0].largest ?? 0) < -19);
  });

  it('puts the sentence of a mistake beside its field', async () => {
    const cases: [Partial<InputsRequest>, string, RegExp][] = [
      [{ preprocess: 'x/256' }, 'preprocess', /^preprocess has 'x\/256'/],
      [{ preprocess: 'mean=0.1,0.2,0.3' }, 'preprocess', /^preprocess has 3 values by channel/],
      [{ range: '5' }, 'range', /^range 5 is no pair of numbers: write LO,HI, e\.g\. range 0,1\.$/],
      [{ file: `${clean}#z` }, 'array', /holds no array 'z', but 'x', 'y'/],
      [{ file: '/nowhere/none.npz' }, 'file', /none\.npz/],
      [{ labels: `${clean}#x` }, 'labels', /labels are one number an input/],
      [{ file: path.resolve('samples', 'inputs', 'logits.npz') }, 'array', /'plain', 'regularised'/],
      [{ file: `${path.resolve('samples', 'inputs', 'logits.npz')}#plain` }, 'file', /10 elements an input, and the model takes/],
    ];
    for (const [more, field, sentence] of cases) {
      const { preview, mistake } = await previewed(model, more);
      assert.equal(preview, null, JSON.stringify(more));
      assert.equal(mistake?.field, field, JSON.stringify(mistake));
      assert.match(mistake.sentence, sentence);
    }
    const weights = await previewed(path.resolve('samples', 'models', 'plain.safetensors'), {});
    assert.match(weights.mistake?.sentence ?? '', /^plain\.safetensors holds weights and no graph/);
  });

  it('names the arrays also of an archive that does not fit', async () => {
    assert.deepEqual((await previewed(model, { file: `${clean}#z` })).arrays?.map(({ name }) => name), ['x', 'y']);
  });

  it('answers one input as a picture, by its place', async () => {
    const previews = new InputsPreviews();
    const ask = async (index: number): Promise<InputPicture | null> => (await previews.carryOut({ question: 'picture', model, request: request({ preprocess: 'x/255' }), index, largestSide: 256 })) as InputPicture | null;
    const { preview } = await previewed(model, { preprocess: 'x/255' });
    assert.deepEqual(await ask(5), preview?.items[5].picture);
    assert.equal((await ask(199))?.index, 199);
    assert.equal(await ask(200), null);
  });
});

describeShared('preview of inputs of trained networks', () => {
  const networks: [string, string, Partial<InputsRequest>, number][] = [
    ['onnx_mnist/mnist_relu_6_100.onnx', 'derived/mnist_holdout.npz', { preprocess: 'x/255' }, 0.9629],
    ['onnx_mnist/convSmallRELU__Point.onnx', 'derived/mnist_holdout.npz', { preprocess: 'x/255 mean=0.1307 std=0.3081' }, 0.9825],
    ['onnx_cifar/resnet_2b.onnx', 'data_cifar/cifar10_test.csv', { preprocess: 'x/255 mean=.4914,.4822,.4465 std=.2471,.2435,.2616', layout: 'nhwc' }, 0.703],
  ];
  for (const [network, file, more, measured] of networks) {
    it(`tells the measured accuracy: ${path.basename(network)}`, async () => {
      const { preview, mistake } = await previewed(sharedData(network), { file: sharedData(file), ...more });
      assert.equal(mistake, null);
      assert.ok(preview !== null && preview.accuracy !== null);
      const deviation = Math.sqrt((measured * (1 - measured)) / preview.accuracyOf);
      assert.ok(Math.abs(preview.accuracy - measured) < 3 * deviation, `${preview.accuracy} of ${preview.accuracyOf} is not ${measured} ± ${3 * deviation}`);
      assert.ok(preview.items.every(({ picture, prediction }) => picture !== null && prediction !== null));
    });
  }

  it('tells a wrong layout by its accuracy', async () => {
    const { preview } = await previewed(sharedData('onnx_cifar/resnet_2b.onnx'), { file: sharedData('data_cifar/cifar10_test.csv'), preprocess: 'x/255 mean=.4914,.4822,.4465 std=.2471,.2435,.2616' });
    assert.ok((preview?.accuracy ?? 1) < 0.4, String(preview?.accuracy));
  });
});
