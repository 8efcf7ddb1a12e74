import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import type { GraphNode } from '../../../server/formats/modelFile.js';
import { orderNodes } from '../../../server/formats/onnx/graphChecks.js';
import { openModelFile } from '../../../server/formats/open.js';
import { bytesField, graphAttribute, model, node } from './protobuf.js';
import { refusalOf, temporaryFolder } from './support.js';

const made = (name: string, inputs: string[], outputs: string[]): GraphNode => ({ name, opType: 'Op', domain: '', inputs, outputs, attributes: {} });

describe('the order of a graph', () => {
  const temporary = temporaryFolder();

  it('stays as it is where it already is one', () => {
    const nodes = [made('b', ['x'], ['2']), made('a', ['x', ''], ['1']), made('c', ['1', '2'], ['3', ''])];
    assert.deepEqual(orderNodes(nodes, ['x'], 'm.onnx'), nodes);
  });

  it('is found for shuffled nodes', () => {
    // Node i reads from some earlier nodes; the shuffled list must come out with every source before its reader.
    const graphs = fc.integer({ min: 1, max: 30 }).chain((size) => fc.tuple(fc.array(fc.array(fc.nat(size), { maxLength: 3 }), { minLength: size, maxLength: size }), fc.shuffledSubarray([...Array(size).keys()], { minLength: size })));
    fc.assert(
      fc.property(graphs, ([edges, order]) => {
        const nodes = edges.map((sources, i) => made(`n${i}`, sources.filter((source) => source < i).map(String), [`${i}`]));
        const seen = new Set<string>();
        const sorted = orderNodes(order.map((i) => nodes[i]), [], 'm.onnx');
        assert.equal(sorted.length, nodes.length);
        for (const { inputs, outputs } of sorted) {
          assert.ok(inputs.every((input) => seen.has(input)));
          outputs.forEach((output) => seen.add(output));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is found for a chain of 100,000 nodes written backwards', () => {
    const length = 100_000;
    const nodes = Array.from({ length }, (_, i) => made('', [`${length - i - 1}`], [`${length - i}`]));
    assert.deepEqual(orderNodes(nodes, ['0'], 'm.onnx').at(0)?.outputs, ['1']);
  });

  it('is refused for a cycle, whose nodes are named', async () => {
    writeFileSync(temporary('cycle.onnx'), model(node('Relu', ['x'], ['a'], bytesField(3, 'start')), node('Add', ['a', 'd'], ['b'], bytesField(3, 'first')), node('Mul', ['b'], ['c'], bytesField(3, 'second')), node('Neg', ['c'], ['d'])));
    const error = await refusalOf(temporary('cycle.onnx'));
    assert.equal(error.code, 'model/corrupt');
    const [cycle] = /\((.*)\)/.exec(error.message)?.slice(1) ?? [];
    const steps = cycle.split(' → ');
    assert.equal(steps[0], steps[3]);
    assert.equal(["'first'", "'second'", "Neg of 'd'"].map((step) => steps[(steps.indexOf(step) + 1) % 3]).join(), ["'second'", "Neg of 'd'", "'first'"].join());
    writeFileSync(temporary('self.onnx'), model(node('Relu', ['y'], ['y'], bytesField(3, 'alone'))));
    assert.match((await refusalOf(temporary('self.onnx'))).message, /'alone' → 'alone'/);
  });

  it('counts what a branch reads from outside', async () => {
    const branch = graphAttribute('then_branch', node('Relu', ['late'], ['inner']), bytesField(12, bytesField(1, 'inner')));
    writeFileSync(temporary('branch.onnx'), model(node('If', ['x'], ['y'], branch), node('Neg', ['x'], ['late'])));
    assert.deepEqual((await openModelFile(temporary('branch.onnx'))).graph?.nodes.map(({ opType }) => opType), ['Neg', 'If']);
    writeFileSync(temporary('loop.onnx'), model(node('If', ['x'], ['late'], branch)));
    assert.match((await refusalOf(temporary('loop.onnx'))).message, /cycle/);
  });

  it('needs one origin for every value', async () => {
    writeFileSync(temporary('twice.onnx'), model(node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])));
    const error = await refusalOf(temporary('twice.onnx'));
    assert.match(error.message, /'y' twice, the second time by Neg of 'y'/);
    assert.throws(() => orderNodes([made('n', [], ['x'])], ['x'], 'm.onnx'), { code: 'model/corrupt' });
  });
});
