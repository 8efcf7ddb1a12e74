import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { allAxes, fillOutput, linear, shifted, sumToShape, type Rule, type Rules } from '../rule.js';
import { selection } from './positions.js';
import { slice } from './slice.js';

/** The elements in their order, with other sizes of axes. */
const reshaped = linear(
  (operation, tangent) => operation.graph.reshape(tangent, [operation.directions, ...operation.output().shape]),
  (operation, cotangent) => operation.graph.reshape(cotangent, [operation.directions, ...operation.input(0).shape]),
);

const transpose = linear(
  (operation, tangent) => operation.graph.transpose(tangent, [0, ...shifted(permutation(operation))]),
  (operation, cotangent) => operation.graph.transpose(cotangent, [0, ...shifted(inverse(permutation(operation)))]),
);

function permutation(operation: Operation): readonly number[] {
  return operation.integers('perm') ?? allAxes(operation.input(0).shape).reverse();
}

function inverse(order: readonly number[]): number[] {
  return allAxes(order).map((axis) => order.indexOf(axis));
}

const expand = linear(
  (operation, tangent) => fillOutput(operation, tangent),
  (operation, cotangent) => sumToShape(operation, cotangent, operation.input(0).shape),
);

/** Copies side by side: their cotangents are added. */
const tile = linear(
  (operation, tangent) => operation.graph.one('Tile', [tangent, operation.graph.integers([1, ...repeats(operation)])], [operation.directions, ...operation.output().shape]),
  (operation, cotangent) => {
    const { graph, directions } = operation;
    const copies = repeats(operation);
    const shape = operation.input(0).shape.flatMap((size, axis) => [copies[axis], size]);
    return graph.sum(graph.reshape(cotangent, [directions, ...shape]), copies.map((_, axis) => 1 + 2 * axis));
  },
);

function repeats(operation: Operation): number[] {
  const output = operation.output().shape;
  return operation.input(0).shape.map((size, axis) => (size === 0 ? 1 : output[axis] / size));
}

const concat: Rule = {
  forward(operation, tangents) {
    const { graph, directions } = operation;
    const parts = tangents.map((tangent, i) => tangent ?? graph.filled(0, [directions, ...operation.input(i).shape], operation.output().dtype));
    return [graph.concat(parts, concatenatedAxis(operation) + 1)];
  },
  reverse(operation, [cotangent], needed) {
    if (cotangent === null) return [];
    const axis = concatenatedAxis(operation);
    let end = 0;
    return needed.map((isNeeded, i) => {
      const start = end;
      end += operation.input(i).shape[axis];
      return isNeeded ? operation.graph.slice(cotangent, [axis + 1], [start], [end]) : null;
    });
  },
};

function concatenatedAxis(operation: Operation): number {
  return operation.axis(operation.integer('axis', 0));
}

/** Axes taken apart to `inner` and put together in another order; both are told for a value without directions. */
function rearranged(places: (operation: Operation) => { inner: readonly number[]; order: readonly number[] }): Rule {
  return linear(
    (operation, tangent) => {
      const { graph, directions } = operation;
      const { inner, order } = places(operation);
      const moved = graph.transpose(graph.reshape(tangent, [directions, ...inner]), [0, ...shifted(order)]);
      return graph.reshape(moved, [directions, ...operation.output().shape]);
    },
    (operation, cotangent) => {
      const { graph, directions } = operation;
      const { inner, order } = places(operation);
      const apart = graph.reshape(cotangent, [directions, ...order.map((axis) => inner[axis])]);
      const moved = graph.transpose(apart, [0, ...shifted(inverse(order))]);
      return graph.reshape(moved, [directions, ...operation.input(0).shape]);
    },
  );
}

/** Blocks of channels become blocks of pixels. In the mode CRD the channels come before the places in a block. */
const depthToSpace = rearranged((operation) => {
  const block = operation.integer('blocksize', 1);
  const [batch, channels, height, width] = operation.input(0).shape;
  const left = channels / block ** 2;
  if (operation.text('mode', 'DCR') === 'CRD') return { inner: [batch, left, block, block, height, width], order: [0, 1, 4, 2, 5, 3] };
  return { inner: [batch, block, block, left, height, width], order: [0, 3, 4, 1, 5, 2] };
});

const spaceToDepth = rearranged((operation) => {
  const block = operation.integer('blocksize', 1);
  const [batch, channels, height, width] = operation.input(0).shape;
  return { inner: [batch, channels, height / block, block, width / block, block], order: [0, 3, 5, 1, 2, 4] };
});

/** Zeros or another constant around the input are added and cut off again; everything else picks elements. */
const pad: Rule = {
  forward(operation, tangents) {
    const [tangent] = tangents;
    const widths = paddedWidths(operation);
    if (tangent === null || widths === null || (tangents.at(2) ?? null) !== null) return paddedByPositions.forward(operation, tangents);
    return [operation.graph.pad(tangent, [0, ...widths.before], [0, ...widths.after])];
  },
  reverse(operation, cotangents, needed) {
    const [cotangent] = cotangents;
    const widths = paddedWidths(operation);
    if (cotangent === null || widths === null || needed.at(2) === true) return paddedByPositions.reverse(operation, cotangents, needed);
    const negative = (counts: readonly number[]): number[] => counts.map((count) => 0 - count);
    return [operation.graph.pad(cotangent, [0, ...negative(widths.before)], [0, ...negative(widths.after)])];
  },
};

/** Elements of the input, and of the constant value. */
const paddedByPositions = selection([0, 2]);

/** Elements put before and after every axis where they are constants; null where they repeat the input, or their number is not fixed. */
function paddedWidths(operation: Operation): { before: number[]; after: number[] } | null {
  const { graph, rank } = operation;
  if (operation.text('mode', 'constant') !== 'constant') return null;
  const pads = graph.numbersOf(operation.input(1));
  const given = operation.inputs.at(3) ?? null;
  const axes = given === null ? allAxes(operation.input(0).shape) : graph.numbersOf(given)?.map((axis) => operation.axis(axis));
  if (pads === null || axes === undefined) return null;
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  for (const [i, axis] of axes.entries()) {
    before[axis] = pads[i];
    after[axis] = pads[axes.length + i];
  }
  return { before, after };
}

/** Every axis is cut or padded to its new size, half of the difference (rounded down) in front. */
const centerCropPad = linear(
  (operation, tangent) => centered(operation, tangent, operation.input(0).shape, operation.output().shape),
  (operation, cotangent) => centered(operation, cotangent, operation.output().shape, operation.input(0).shape),
);

function centered({ graph }: Operation, value: Value, from: readonly number[], to: readonly number[]): Value {
  const before = from.map((size, axis) => Math.trunc((to[axis] - size) / 2));
  const after = from.map((size, axis) => to[axis] - size - before[axis]);
  return graph.pad(value, [0, ...before], [0, ...after]);
}

/** A factor of 0 or 1 for every element, the same in both directions. */
const triangle = linear(trilu, trilu);

function trilu({ graph, node, inputs }: Operation, value: Value): Value {
  return graph.one('Trilu', [value, ...inputs.slice(1)], value.shape, node.attributes);
}

/** Reversing twice is the identity, so that the operation is its own transpose. It knows no batch but its own: directions go last. */
const reverseSequence = linear(reversedSequences, reversedSequences);

function reversedSequences({ graph, node, inputs }: Operation, value: Value): Value {
  const axes = allAxes(value.shape);
  const last = axes.length - 1;
  const turned = graph.transpose(value, [...axes.slice(1), 0]);
  return graph.transpose(graph.one('ReverseSequence', [turned, ...inputs.slice(1)], turned.shape, node.attributes), [last, ...axes.slice(0, last)]);
}

/**
 * Operations that move elements, repeat them or leave some out.
 * Definitions: https://onnx.ai/onnx/operators
 */
export const shapes: Rules = {
  Reshape: reshaped, Flatten: reshaped, Squeeze: reshaped, Unsqueeze: reshaped, Transpose: transpose, Expand: expand, Tile: tile, Concat: concat,
  DepthToSpace: depthToSpace, SpaceToDepth: spaceToDepth, Pad: pad, CenterCropPad: centerCropPad, Slice: slice, Trilu: triangle, ReverseSequence: reverseSequence,
};
