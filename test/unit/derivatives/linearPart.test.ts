import assert from 'node:assert/strict';
import { jacobianVectorProduct, vectorJacobianProduct } from '../../../server/derivatives/differentiate.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { linearised } from '../../../server/derivatives/linearPart.js';
import { NetworkDerivatives } from '../../../server/derivatives/networkDerivatives.js';
import { GraphSession, type TensorData } from '../../../server/derivatives/session.js';
import { openModelFile } from '../../../server/formats/open.js';
import { RandomGenerator } from '../../../server/linalg/random.js';

const random = new RandomGenerator(5);
const tensor = (shape: number[]): TensorData => ({ dtype: 'float32', shape, elements: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()) });

describe('a derivative graph in two parts', () => {
  for (const [name, build, seedShape] of [
    ['forward', jacobianVectorProduct, [3, 2, 1, 16, 16]],
    ['backward', vectorJacobianProduct, [3, 2, 10]],
  ] as const) {
    it(`gives what the whole gives, ${name}, for other directions too`, async () => {
      const image = tensor([2, 1, 16, 16]);
      const file = await openModelFile('samples/models/plain.onnx');
      const { network } = await NetworkDerivatives.create(await importGraph(file), { image }, { precision: 'float32' });
      const derivative = build(network, { of: [network.outputs[0]], by: ['image'], directions: 3 });
      const { point, linear } = linearised(derivative);
      assert.ok(point !== null);
      // Nothing of the weights goes from one part to the other, and no operation is done in both.
      const weights = new Set(network.constants.keys());
      assert.ok(point.outputs.every((output) => !weights.has(output)));
      assert.ok(linear.nodes.length < derivative.graph.nodes.length);
      const [first, second, whole] = [await GraphSession.create(point), await GraphSession.create(linear), await GraphSession.create(derivative.graph)];
      const known = Object.fromEntries(await first.run({ image }));
      for (let turn = 0; turn < 2; turn++) {
        const seeds = { [derivative.seeds[0]]: tensor([...seedShape]) };
        const [a, b] = [await second.run({ image, ...known, ...seeds }), await whole.run({ image, ...seeds })];
        const [x, y] = [a, b].map((results) => results.get(derivative.results[0])?.elements as Float32Array);
        const largest = y.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        assert.ok(largest > 0 && x.length === y.length && x.every((value, i) => Math.abs(value - y[i]) <= 1e-6 * largest));
      }
      for (const session of [first, second, whole]) await session.release();
    });
  }
});
