import assert from 'node:assert/strict';
import type { FlatGraph } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { SampleDerivatives } from '../../../server/derivatives/sampleDerivatives.js';
import { batchOf, samplesAt, withValues, type Samples } from '../../../server/derivatives/samples.js';
import { openModelFile } from '../../../server/formats/open.js';
import { RandomGenerator } from '../../../server/linalg/random.js';

const n = 7;
const size = 16 * 16;
const pixels = (): Float64Array => {
  const random = new RandomGenerator(3);
  return Float64Array.from({ length: n * size }, () => random.uniform());
};
const samples: Samples = { n, inputs: { image: { dtype: 'float64', shape: [1, 1, 16, 16], elements: pixels(), held: false, batched: true } } };

const settings = { precision: 'float64', by: 'image' } as const;

/** All Jacobians by place. */
async function jacobians(network: FlatGraph, of: string, batch: number): Promise<Float64Array[]> {
  const derivatives = await SampleDerivatives.create(network, samples, { ...settings, of, batch });
  const found: Float64Array[] = [];
  await derivatives.jacobians(of, 'image', samples, (place, matrix) => {
    found[place] = matrix;
  });
  await derivatives.release();
  return found;
}

describe('derivatives at samples', () => {
  let network: FlatGraph;
  before(async () => {
    network = await importGraph(await openModelFile('samples/models/plain.onnx'));
  });

  it('are the same in batches, the last of which is not full, and one by one', async () => {
    const of = network.outputs[0];
    const [together, alone] = [await jacobians(network, of, 3), await jacobians(network, of, 1)];
    assert.equal(together.length, n);
    for (const [place, matrix] of together.entries()) assert.ok(matrix.every((value, i) => Math.abs(value - alone[place][i]) <= 1e-13), `input ${place}`);
  });

  it('take a network that mixes its batch one input at a time', async () => {
    const of = network.outputs[0];
    // Each logit less the mean over the batch: of a batch of one nothing is left.
    const mixing: FlatGraph = {
      ...network,
      nodes: [
        ...network.nodes,
        { name: 'mean', operator: 'ReduceMean', domain: '', inputs: [of], outputs: ['mean'], attributes: { axes: { type: 'ints', value: [0] }, keepdims: { type: 'int', value: 1 } } },
        { name: 'centred', operator: 'Sub', domain: '', inputs: [of, 'mean'], outputs: ['centred'], attributes: {} },
      ],
      outputs: ['centred'],
      opset: { ...network.opset, '': Math.min(network.opset[''], 17) },
    };
    for (const matrix of await jacobians(mixing, 'centred', 4)) assert.ok(matrix.every((value) => Math.abs(value) <= 1e-14));
  });

  it('multiply by the Jacobians of a whole batch as by each of them', async () => {
    const of = network.outputs[0];
    const derivatives = await SampleDerivatives.create(network, samples, { ...settings, of, batch: 4 });
    const whole = await jacobians(network, of, 1);
    const [rows, columns] = [whole[0].length / size, size];
    const seen: number[] = [];
    for (const { places, members, operator } of derivatives.operators(of, 'image', samples)) {
      const x = Float64Array.from({ length: members * columns }, (_, i) => Math.sin(i));
      const y = new Float64Array(members * rows);
      await operator.applyBlock(x, y, 1);
      for (const [member, place] of places.entries()) {
        seen.push(place);
        for (let i = 0; i < rows; i++) {
          const expected = whole[place].subarray(i * columns, (i + 1) * columns).reduce((sum, value, j) => sum + value * x[member * columns + j], 0);
          assert.ok(Math.abs(y[member * rows + i] - expected) <= 1e-12);
        }
      }
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6]);
    const cotangents = Float64Array.from({ length: n * rows }, (_, i) => Math.cos(i));
    const products = await derivatives.vectorJacobianProducts(of, 'image', cotangents, samples);
    for (let place = 0; place < n; place++) {
      const expected = Array.from({ length: columns }, (_, j) => cotangents.subarray(place * rows, (place + 1) * rows).reduce((sum, c, i) => sum + c * whole[place][i * columns + j], 0));
      assert.ok(expected.every((value, j) => Math.abs(value - products[place * columns + j]) <= 1e-12));
    }
    await derivatives.release();
  });

  it('say where they stop', async () => {
    const derivatives = await SampleDerivatives.create(network, samples, { ...settings, of: network.outputs[0] });
    await assert.rejects(derivatives.values(network.outputs, samples, AbortSignal.abort()), { name: 'AbortError' });
    await derivatives.release();
  });
});

describe('samples', () => {
  it('are fed by their places; a held input is given to each of a batch, or as it is', () => {
    const held = { dtype: 'float32', shape: [1, 2], elements: Float32Array.of(8, 9), held: true, batched: true } as const;
    const state = { dtype: 'int64', shape: [], elements: BigInt64Array.of(5n), held: true, batched: false } as const;
    const x = { dtype: 'float32', shape: [1, 2], elements: Float32Array.of(1, 2, 3, 4, 5, 6), held: false, batched: true } as const;
    const fed = batchOf({ n: 3, inputs: { x, held, state } }, [2, 0]);
    assert.deepEqual(fed.x, { dtype: 'float32', shape: [2, 2], elements: Float32Array.of(5, 6, 1, 2) });
    assert.deepEqual(fed.held, { dtype: 'float32', shape: [2, 2], elements: Float32Array.of(8, 9, 8, 9) });
    assert.deepEqual(fed.state, { dtype: 'int64', shape: [], elements: BigInt64Array.of(5n) });
    const some = samplesAt({ n: 3, inputs: { x, held } }, [1]);
    assert.deepEqual([some.n, [...some.inputs.x.elements], [...some.inputs.held.elements]], [1, [3, 4], [8, 9]]);
    assert.equal(withValues(some, 'x', Float64Array.of(7, 7)).inputs.x.dtype, 'float64');
  });
});
