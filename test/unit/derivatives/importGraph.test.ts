import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { NotDifferentiable } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { probe } from '../../../server/derivatives/probe.js';
import { openModelFile } from '../../../server/formats/open.js';
import { onnxModelBytes, type OnnxGraph } from '../../../server/runtime/onnxWriter.js';
import { gaussian } from '../../support/matrices.js';
import { temporaryFolder } from '../formats/support.js';

describe('networks for differentiation', () => {
  const temporary = temporaryFolder();

  async function imported(graph: OnnxGraph) {
    const file = temporary('network.onnx');
    writeFileSync(file, onnxModelBytes(graph, { '': 18 }));
    return importGraph(await openModelFile(file));
  }

  const weights = Float32Array.from(gaussian(40, 30, 1));
  const graph: OnnxGraph = {
    nodes: [
      { operator: 'Constant', domain: '', inputs: [], outputs: ['sizes'], attributes: { value_ints: { type: 'ints', value: [10, 20, 10] } } },
      { operator: 'MatMul', domain: '', inputs: ['weights', 'x'], outputs: ['product'], attributes: {} },
      // The middle part is left out.
      { operator: 'Split', domain: '', inputs: ['product', 'sizes'], outputs: ['first', '', 'last'], attributes: { axis: { type: 'int', value: 0 } } },
      { operator: 'Add', domain: '', inputs: ['first', 'last'], outputs: ['sum'], attributes: {} },
    ],
    inputs: [{ name: 'x', elementType: 'float32', shape: [30, 'n'] }],
    outputs: ['sum', 'sizes'],
    initializers: [{ name: 'weights', elementType: 'float32', shape: [40, 30], data: new Uint8Array(weights.buffer) }],
  };

  it('leave large weights where they are, and know the numbers of small constants', async () => {
    const network = await imported(graph);
    const { data } = network.constants.get('weights') ?? assert.fail();
    assert.ok(!(data instanceof Uint8Array));
    assert.deepEqual([data.location, data.length], ['network.onnx', 4 * 40 * 30]);
    assert.deepEqual(network.numbers.get('sizes'), [10, 20, 10]);
    assert.deepEqual(network.inputs, [{ name: 'x', dtype: 'float32', shape: [30, 'n'] }]);
  });

  it('are run by onnxruntime, parts that are left out and constants as outputs too', async () => {
    const { graph: shaped, results } = await probe(await imported(graph), { x: { dtype: 'float32', shape: [30, 2], elements: Float32Array.from(gaussian(30, 2, 2)) } });
    assert.deepEqual(shaped.values.get('sum')?.shape, [10, 2]);
    assert.deepEqual(Array.from(results.get('sizes')?.elements ?? [], Number), [10, 20, 10]);
    assert.equal(shaped.dataDependent.has('sizes'), false);
  });

  it('need a graph', async () => {
    await assert.rejects(openModelFile('samples/models/plain.safetensors').then(importGraph), (error) => error instanceof NotDifferentiable && /^plain\.safetensors holds weights and no graph, .*\.$/.test(error.message));
  });
});
