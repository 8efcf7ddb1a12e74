import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nearestDominators } from '../../../server/derivatives/dominators.js';
import type { FlatGraph, Node } from '../../../server/derivatives/graph.js';
import { importGraph } from '../../../server/derivatives/importGraph.js';
import { probe } from '../../../server/derivatives/probe.js';
import { openModelFile } from '../../../server/formats/open.js';
import { network, node, normalInputs } from '../../support/flatGraph.js';
import { describeShared, sharedData } from '../../support/shared.js';

function flat(nodes: readonly Node[]): FlatGraph {
  return network(nodes, { x: [2] }, {}, []);
}

/** Values that x reaches when one is taken out, by a walk of its own. */
function reached(nodes: readonly Node[], without: string | null): Set<string> {
  const found = new Set(['x']);
  for (const { inputs, outputs } of nodes) if (inputs.some((name) => found.has(name))) for (const name of outputs) if (name !== without) found.add(name);
  return found;
}

/** The same by definition: a dominator is what cannot be left out; the nearest is the one that is made last. */
function byDefinition(nodes: readonly Node[], values: readonly string[]): Map<string, string | null> {
  const made = nodes.flatMap(({ outputs }) => outputs);
  const all = reached(nodes, null);
  return new Map(values.filter((name) => all.has(name)).map((name) => {
    const dominators = made.filter((other) => other !== name && values.includes(other) && all.has(other) && !reached(nodes, other).has(name));
    return [name, dominators.at(-1) ?? null];
  }));
}

describe('nearest dominators', () => {
  it('of a residual network are the sums and what lies before them, not the branches', () => {
    const nodes = [node('Relu', ['x'], ['a']), node('Relu', ['a'], ['f']), node('Relu', ['f'], ['g']), node('Add', ['a', 'g'], ['s']), node('Relu', ['s'], ['y']), node('Relu', ['other'], ['z'])];
    assert.deepEqual([...nearestDominators(flat(nodes), 'x', ['a', 'f', 'g', 's', 'y', 'z'])], [['a', null], ['f', 'a'], ['g', 'f'], ['s', 'a'], ['y', 's']]);
    assert.deepEqual([...nearestDominators(flat(nodes), 'x', ['f', 'y'])], [['f', null], ['y', null]]);
    // From a value inside, what lies beside it is not reached.
    assert.deepEqual([...nearestDominators(flat(nodes), 'f', ['a', 'g', 's'])], [['g', null], ['s', 'g']]);
  });

  it('do not lead through shapes, steps or integers', async () => {
    const nodes = [node('Relu', ['x'], ['a']), node('Shape', ['x'], ['shape']), node('Reshape', ['a', 'shape'], ['r']), node('Floor', ['x'], ['f']), node('Add', ['r', 'f'], ['s']), node('Greater', ['x', 's'], ['b']), node('Where', ['b', 's', 's'], ['y'])];
    const graph = network(nodes, { x: [2] }, {}, ['y']);
    const shaped = (await probe(graph, normalInputs(graph))).graph;
    assert.deepEqual([...nearestDominators(shaped, 'x', ['a', 'r', 'f', 's', 'b', 'y'])], [['a', null], ['r', 'a'], ['s', 'r'], ['y', 's']]);
  });

  it('are those by definition on any graph', () => {
    const anyNodes = fc.array(fc.record({ inputs: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }), outputs: fc.integer({ min: 1, max: 2 }) }), { minLength: 1, maxLength: 14 }).map((shapes) => {
      const names = ['x', 'elsewhere'];
      return shapes.map(({ inputs, outputs }, i) => {
        const read = inputs.map((choice) => names[Math.max(0, names.length - 1 - (choice % 6))]);
        const made = Array.from({ length: outputs }, (_, k) => `v${i}.${k}`);
        names.push(...made);
        return node('Sum', read, made);
      });
    });
    fc.assert(fc.property(anyNodes, fc.nat(), (nodes, mask) => {
      const values = nodes.flatMap(({ outputs }) => outputs).filter((_, i) => ((mask >> (i % 28)) & 1) === 1);
      assert.deepEqual(nearestDominators(flat(nodes), 'x', values), byDefinition(nodes, values));
    }), { numRuns: 300 });
  });

  it('of ten thousand values with long bypasses are found at once', () => {
    const count = 10_000;
    const nodes = Array.from({ length: count }, (_, i) => node('Sum', i === 0 ? ['x'] : [`v${i - 1}`, `v${Math.max(0, i - 1 - (i % 50))}`], [`v${i}`]));
    const found = nearestDominators(flat(nodes), 'x', nodes.map(({ outputs }) => outputs[0]));
    assert.equal(found.size, count);
    assert.equal(found.get('v1'), 'v0');
  });
});

describeShared('nearest dominators in a shared network', () => {
  it('resnet_2b: of the second block, the sum of the first has two layers beside each other', async () => {
    const graph = await importGraph(await openModelFile(sharedData('onnx_cifar', 'resnet_2b.onnx')));
    const products = graph.nodes.filter(({ operator }) => operator === 'Conv' || operator === 'Gemm').map(({ outputs }) => outputs[0]);
    const found = nearestDominators(graph, graph.inputs[0].name, products);
    const places = products.map((name) => products.indexOf(found.get(name) ?? ''));
    // conv1 alone is before the first block; its three convolutions are before the second, but none is on every path.
    assert.deepEqual(places.slice(0, 2), [-1, 0]);
    assert.equal(found.size, products.length);
    assert.equal(places.at(-1), products.length - 2);
  });
});
