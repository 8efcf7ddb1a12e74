import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { cellActivations, type Activation } from './cellActivations.js';

/**
 * RNN, GRU and LSTM written out step by step (https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours). Shapes: X
 * [steps T, batch N, inputs I], W [directions D, gates·hidden, I], R [D, gates·hidden, hidden H], B [D, 2·gates·hidden]; for
 * layout 1 the batch comes first. A step is about 5 operations for RNN and 15 for GRU and LSTM.
 */

/** Steps of all directions that are written out: onnxruntime takes half a minute to load the derivative of so many. */
const writtenSteps = 1024;

/** What a direction of one operation needs for a step. */
interface Cell {
  operation: Operation;
  graph: GraphBuilder;
  /** R of all gates, transposed: [H, gates·H]. */
  recurrent: Value;
  /** Bias of R, [gates·H], where there is one. */
  recurrentBias: Value | null;
  /** Weights from the cell's state to the gates i, o and f, [H] each: of LSTM alone. */
  peepholes: Value[] | null;
  activations: Activation[];
  /** Limits what goes into an activation. */
  clipped: (x: Value) => Value;
}

interface State {
  hidden: Value;
  /** Of LSTM alone. */
  cell: Value | null;
}

interface Architecture {
  gates: number;
  defaultActivations: readonly string[];
  /** How many gates, the first ones, have the bias of R added to W·x beforehand. */
  gatesWithBias: (operation: Operation) => number;
  /** A step from W·x + b of all gates, [N, gates·H]. */
  step: (cell: Cell, input: Value, state: State) => State;
}

/** H′ = f(W·x + R·h + b). */
const rnn: Architecture = {
  gates: 1,
  defaultActivations: ['Tanh'],
  gatesWithBias: () => 1,
  step: (cell, input, { hidden }) => ({ hidden: activated(cell, 0, cell.graph.add(input, cell.graph.matrixProduct(hidden, cell.recurrent))), cell: null }),
};

/** z = f(…), r = f(…), h̃ = g(Wₕ·x + Rₕ·(r∘h) + b), or g(Wₕ·x + bw + r∘(Rₕ·h + br)) with linear_before_reset; H′ = (1 − z)∘h̃ + z∘h. */
const gru: Architecture = {
  gates: 3,
  defaultActivations: ['Sigmoid', 'Tanh'],
  gatesWithBias: (operation) => (resetsLast(operation) ? 2 : 3),
  step(cell, input, { hidden }) {
    const { graph, operation, recurrent, recurrentBias } = cell;
    const size = hidden.shape[1];
    const [ofUpdate, ofReset, ofCandidate] = split(graph, input, 1, [size, size, size]);
    const [gateWeights, candidateWeights] = split(graph, recurrent, 1, [2 * size, size]);
    const [update, reset] = split(graph, graph.matrixProduct(hidden, gateWeights), 1, [size, size]).map((product, i) => activated(cell, 0, graph.add([ofUpdate, ofReset][i], product)));
    const candidate = (): Value => {
      if (!resetsLast(operation)) return graph.matrixProduct(graph.multiply(reset, hidden), candidateWeights);
      const product = graph.matrixProduct(hidden, candidateWeights);
      return graph.multiply(reset, recurrentBias === null ? product : graph.add(product, graph.slice(recurrentBias, [0], [2 * size], [3 * size])));
    };
    const proposed = activated(cell, 1, graph.add(ofCandidate, candidate()));
    return { hidden: graph.add(graph.multiply(graph.subtract(1, update), proposed), graph.multiply(update, hidden)), cell: null };
  },
};

function resetsLast(operation: Operation): boolean {
  return operation.integer('linear_before_reset', 0) !== 0;
}

/** i, o, f = f(W·x + R·h + P∘c + b), c̃ = g(…); c′ = f∘c + i∘c̃; H′ = o∘h(c′), where o looks at c′. */
const lstm: Architecture = {
  gates: 4,
  defaultActivations: ['Sigmoid', 'Tanh', 'Tanh'],
  gatesWithBias: () => 4,
  step(cell, input, { hidden, cell: memory }) {
    const { graph, operation, recurrent, peepholes } = cell;
    if (memory === null) throw new Error('An LSTM was started without the state of its cell.');
    const size = hidden.shape[1];
    const [toInput, toOutput, toForget, toCandidate] = split(graph, graph.add(input, graph.matrixProduct(hidden, recurrent)), 1, [size, size, size, size]);
    const looking = (sum: Value, at: Value, peephole: number): Value => (peepholes === null ? sum : graph.add(sum, graph.multiply(at, peepholes[peephole])));
    const entering = activated(cell, 0, looking(toInput, memory, 0));
    const staying = operation.integer('input_forget', 0) === 0 ? activated(cell, 0, looking(toForget, memory, 2)) : graph.subtract(1, entering);
    const next = graph.add(graph.multiply(staying, memory), graph.multiply(entering, activated(cell, 1, toCandidate)));
    const leaving = activated(cell, 0, looking(toOutput, next, 1));
    return { hidden: graph.multiply(leaving, cell.activations[2](graph, next)), cell: next };
  },
};

function activated(cell: Cell, index: number, x: Value): Value {
  return cell.activations[index](cell.graph, cell.clipped(x));
}

function unrolled(architecture: Architecture): Lowering {
  return (operation) => {
    const { graph } = operation;
    const layout = operation.integer('layout', 0);
    const x = layout === 0 ? operation.input(0) : graph.transpose(operation.input(0), [1, 0, 2]);
    const [steps, batch] = x.shape;
    const directions = operation.input(1).shape[0];
    const hidden = operation.input(2).shape[2];
    if (steps * directions > writtenSteps) return operation.fail(`has ${steps} steps in ${directions} direction(s), and at most ${writtenSteps} are written out: analyse shorter sequences`);
    const lengths = sequenceLengths(operation, steps);
    const runs = Array.from({ length: directions }, (_, direction) => {
      const isReverse = operation.text('direction', 'forward') === 'reverse' || direction === 1;
      const inputs = inputsOfSteps(operation, architecture, x, direction);
      const cell = cellOf(operation, architecture, direction);
      const start = (index: number): Value => {
        const given = operation.inputs.at(index) ?? null;
        if (given === null) return graph.filled(0, [batch, hidden], x.dtype);
        return part(graph, layout === 0 ? given : graph.transpose(given, [1, 0, 2]), 0, direction);
      };
      let state: State = { hidden: start(5), cell: architecture === lstm ? start(6) : null };
      const outputs = new Array<Value>(steps);
      for (let i = 0; i < steps; i++) {
        const time = isReverse ? steps - 1 - i : i;
        const next = architecture.step(cell, inputs[time], state);
        state = lengths === null ? next : held(graph, lengths, time, state, next);
        outputs[time] = lengths === null ? next.hidden : graph.where(within(graph, lengths, time), next.hidden, graph.scalar(0, next.hidden));
      }
      return { outputs: graph.reshape(graph.concat(outputs, 0), [steps, 1, batch, hidden]), state: lengths === null ? state : emptied(graph, lengths, state) };
    });
    const inLayout = (value: Value, order: readonly number[]): Value => (layout === 0 ? value : graph.transpose(value, order));
    const all = inLayout(graph.concat(runs.map(({ outputs }) => outputs), 1), [2, 0, 1, 3]);
    const last = inLayout(stacked(graph, runs.map(({ state }) => state.hidden)), [1, 0, 2]);
    const cells = runs.flatMap(({ state }) => state.cell ?? []);
    return [all, last, cells.length === 0 ? null : inLayout(stacked(graph, cells), [1, 0, 2])];
  };
}

/** Numbers of steps of the samples, [N, 1]; null where all take every step. */
function sequenceLengths(operation: Operation, steps: number): Value | null {
  const lengths = operation.inputs.at(4) ?? null;
  if (lengths === null || (operation.graph.numbersOf(lengths)?.every((length) => length === steps) ?? false)) return null;
  return operation.graph.reshape(lengths, [lengths.shape[0], 1]);
}

/** Whether a step is one of a sample's own: [N, 1]. A reverse pass begins with the last of those. */
function within(graph: GraphBuilder, lengths: Value, time: number): Value {
  return graph.compare('Greater', lengths, time);
}

/** The next state of the samples that have the step, and the state as it was of the others. */
function held(graph: GraphBuilder, lengths: Value, time: number, before: State, next: State): State {
  const has = within(graph, lengths, time);
  return { hidden: graph.where(has, next.hidden, before.hidden), cell: next.cell && before.cell && graph.where(has, next.cell, before.cell) };
}

/** Final states, which onnxruntime answers as 0 for samples without any step. */
function emptied(graph: GraphBuilder, lengths: Value, { hidden, cell }: State): State {
  const has = within(graph, lengths, 0);
  const zero = graph.scalar(0, hidden);
  return { hidden: graph.where(has, hidden, zero), cell: cell && graph.where(has, cell, zero) };
}

/** W·x + b of every step, [N, gates·H] each: one product for the whole sequence. */
function inputsOfSteps(operation: Operation, architecture: Architecture, x: Value, direction: number): Value[] {
  const { graph } = operation;
  const weights = part(graph, operation.input(1), 0, direction);
  const inputs = weights.shape[1];
  const [steps, batch] = x.shape;
  const product = graph.gemm(graph.reshape(x, [steps * batch, inputs]), weights, { transposeB: true });
  const bias = inputBias(operation, architecture, direction);
  return split(graph, bias === null ? product : graph.add(product, bias), 0, new Array<number>(steps).fill(batch));
}

/** What is added to W·x: the bias of W, and that of R for the gates that it can be added for. */
function inputBias(operation: Operation, architecture: Architecture, direction: number): Value | null {
  const { graph } = operation;
  const bias = biases(operation, direction);
  if (bias === null) return null;
  const added = architecture.gatesWithBias(operation) * (bias.shape[0] / (2 * architecture.gates));
  const zeros = bias.shape[0] / 2 - added;
  const recurrentBias = graph.slice(bias, [0], [bias.shape[0] / 2], [bias.shape[0] / 2 + added]);
  return graph.add(graph.slice(bias, [0], [0], [bias.shape[0] / 2]), graph.pad(recurrentBias, [0], [zeros]));
}

function cellOf(operation: Operation, architecture: Architecture, direction: number): Cell {
  const { graph } = operation;
  const weights = part(graph, operation.input(2), 0, direction);
  const hidden = weights.shape[1];
  const bias = biases(operation, direction);
  const peepholes = architecture === lstm ? (operation.inputs.at(7) ?? null) : null;
  const limit = operation.has('clip') ? operation.float('clip', 0) : 0;
  return {
    operation,
    graph,
    recurrent: graph.transpose(weights, [1, 0]),
    recurrentBias: bias && graph.slice(bias, [0], [bias.shape[0] / 2], [bias.shape[0]]),
    peepholes: peepholes && split(graph, part(graph, peepholes, 0, direction), 0, [hidden, hidden, hidden]),
    activations: cellActivations(operation, architecture.defaultActivations, direction),
    clipped: (x) => (limit > 0 ? graph.one('Clip', [x, graph.scalar(-limit, x), graph.scalar(limit, x)], x.shape) : x),
  };
}

/** Biases of W and R of one direction, [2·gates·H]; null where there are none. */
function biases({ graph, inputs }: Operation, direction: number): Value | null {
  const bias = inputs.at(3) ?? null;
  return bias && part(graph, bias, 0, direction);
}

/** Parts of an axis, by their sizes. */
function split(graph: GraphBuilder, x: Value, axis: number, sizes: readonly number[]): Value[] {
  if (sizes.length === 1) return [x];
  const shapes = sizes.map((size) => ({ shape: x.shape.with(axis, size), dtype: x.dtype }));
  return graph.operation('Split', [x, graph.integers(sizes)], shapes, { axis });
}

/** One element of an axis, without the axis. */
function part(graph: GraphBuilder, x: Value, axis: number, index: number): Value {
  return graph.reshape(graph.slice(x, [axis], [index], [index + 1]), x.shape.filter((_, i) => i !== axis));
}

/** Values of equal shapes along a new first axis. */
function stacked(graph: GraphBuilder, parts: readonly Value[]): Value {
  return graph.concat(parts.map((value) => graph.reshape(value, [1, ...value.shape])), 0);
}

export const recurrent: Lowerings = { RNN: unrolled(rnn), GRU: unrolled(gru), LSTM: unrolled(lstm) };
