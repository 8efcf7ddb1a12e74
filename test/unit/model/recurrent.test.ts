import assert from 'node:assert/strict';
import { counting, graph, integers, modelOf, node, reasonFor, rowsOf, tensor } from './graphs.js';

describe('recurrent layers of a graph', () => {
  it('LSTM: i o f c, per direction, W and R', async () => {
    const model = await modelOf({
      nodes: [node('LSTM', ['x', 'onnx::LSTM_1', 'onnx::LSTM_2', 'b', '', 'h0'], ['y'], { hidden_size: 2, direction: 'bidirectional' }, '/rnn/LSTM')],
      initializers: [tensor('onnx::LSTM_1', [2, 8, 3]), tensor('onnx::LSTM_2', [2, 8, 2]), tensor('b', [2, 16]), tensor('h0', [2, 1, 2])],
    });
    assert.deepEqual(model.layers.map(({ id }) => id).slice(0, 5), ['rnn.w.forward.i', 'rnn.w.forward.o', 'rnn.w.forward.f', 'rnn.w.forward.c', 'rnn.w.backward.i']);
    assert.deepEqual(model.layers.map(({ id }) => id).slice(-1), ['rnn.r.backward.c']);
    assert.equal(model.layers.length, 16);
    const backward = model.layers.find(({ id }) => id === 'rnn.w.backward.o')!;
    assert.deepEqual([backward.kind, backward.shape, backward.matrixShape, backward.parameters], ['recurrent', [2, 3], [2, 3], 6]);
    const all = counting(16, 3);
    assert.deepEqual(await rowsOf(backward), all.slice(10, 12));
    assert.equal(reasonFor(model, 'b'), 'bias of rnn');
    assert.equal(reasonFor(model, 'h0'), 'initial hidden state of LSTM /rnn/LSTM');
  });

  it('GRU: z r h; RNN: i; a reverse-only layer is backward', async () => {
    const ids = async (op: string, gates: number, attributes = {}) => {
      const { layers } = await modelOf({ nodes: [node(op, ['x', 'cell.W', 'cell.R'], ['y'], attributes)], initializers: [tensor('cell.W', [1, gates * 2, 3]), tensor('cell.R', [1, gates * 2, 2])] });
      return layers.map(({ id }) => id);
    };
    assert.deepEqual(await ids('GRU', 3), ['cell.W.w.forward.z', 'cell.W.w.forward.r', 'cell.W.w.forward.h', 'cell.R.r.forward.z', 'cell.R.r.forward.r', 'cell.R.r.forward.h']);
    assert.deepEqual(await ids('RNN', 1, { direction: 'reverse' }), ['cell.W.w.backward.i', 'cell.R.r.backward.i']);
  });

  it('gates that the graph puts together from slices of PyTorch’s order are found one by one, once for both branches of an If', async () => {
    const part = (input: string, start: number, end: number, output: string) => node('Slice', [input, `n${start}`, `n${end}`, 'zero'], [output]);
    const stacked = (input: string, output: string) => [
      part(input, 0, 2, `${output}i`),
      part(input, 6, 8, `${output}o`),
      part(input, 2, 6, `${output}fc`),
      node('Concat', [`${output}i`, `${output}o`, `${output}fc`], [`${output}c`], { axis: 0 }),
      node('Unsqueeze', [`${output}c`, 'zero'], [output]),
    ];
    const branch = () => graph({ nodes: [...stacked('rnn.weight_ih', 'w'), ...stacked('rnn.weight_hh', 'r'), node('LSTM', ['x', 'w', 'r'], ['z'], { hidden_size: 2 })], inputs: {}, outputs: ['z'] });
    const { layers } = await modelOf({
      nodes: [node('If', ['c'], ['y'], { then_branch: branch(), else_branch: branch() })],
      initializers: [tensor('rnn.weight_ih', [8, 3]), tensor('rnn.weight_hh', [8, 2]), ...[0, 2, 6, 8].map((n) => integers(`n${n}`, [n])), integers('zero', [0])],
    });
    assert.deepEqual(layers.map(({ id }) => id), ['w', 'r'].flatMap((letter) => ['i', 'o', 'f', 'c'].map((gate) => `rnn.${letter}.forward.${gate}`)));
    const byGate = async (id: string) => rowsOf(layers.find((layer) => layer.id === id)!);
    const ih = counting(8, 3);
    assert.deepEqual(await byGate('rnn.w.forward.o'), ih.slice(6, 8));
    assert.deepEqual(await byGate('rnn.w.forward.f'), ih.slice(2, 4));
    assert.deepEqual(await byGate('rnn.w.forward.c'), ih.slice(4, 6));
  });

  it('two layers of one module: the second is #2', async () => {
    const { layers } = await modelOf({
      nodes: [node('RNN', ['x', '1', '2'], ['h'], {}, '/rnn/RNN'), node('RNN', ['h', '3', '4'], ['y'], {}, '/rnn/RNN_1')],
      initializers: ['1', '2', '3', '4'].map((name) => tensor(name, [1, 2, 2])),
    });
    assert.deepEqual(layers.map(({ id }) => id), ['rnn.w.forward.i', 'rnn.r.forward.i', 'rnn.w.forward.i#2', 'rnn.r.forward.i#2']);
  });

  it('says why a tensor that does not divide into gates is none', async () => {
    const model = await modelOf({ nodes: [node('LSTM', ['x', 'w', 'r'], ['y'])], initializers: [tensor('w', [1, 6, 3]), tensor('r', [1, 6, 2])] });
    assert.deepEqual(model.layers, []);
    assert.match(reasonFor(model, 'w'), /does not divide into 4 gates/);
  });
});
