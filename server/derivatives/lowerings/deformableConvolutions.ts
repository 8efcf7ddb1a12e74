import type { GraphBuilder } from '../builder.js';
import { elementsOf, type Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { windowsOf, type WindowAxis } from '../rules/windows.js';

/**
 * A convolution whose windows read between the elements, each at a place of its own (Dai et al. 2017, arXiv:1703.06211;
 * with a mask Zhu et al. 2019, arXiv:1811.11168): what they read, times the weights.
 * https://onnx.ai/onnx/operators/onnx__DeformConv.html
 */
const deformableConvolution: Lowering = (operation) => {
  const { graph } = operation;
  const [input, weights, offset] = [operation.input(0), operation.input(1), operation.input(2)];
  if (operation.rank !== 4) return operation.fail('is of another number of axes than two');
  const [batch, channels, height, width] = input.shape;
  const [outputs, , ...kernel] = weights.shape;
  const places = operation.output().shape.slice(2);
  const groups = operation.integer('group', 1);
  const offsetGroups = operation.integer('offset_group', 1);
  const [size, count] = [elementsOf(kernel), elementsOf(places)];
  const [rows, columns] = windowsOf(operation, kernel, [height, width], places);
  const offsets = graph.reshape(offset, [batch, offsetGroups, size, 2, count]);
  const moved = (axis: number, regular: readonly number[]): Value => {
    const shape = [batch, offsetGroups, size, count];
    return graph.add(graph.reshape(graph.slice(offsets, [3], [axis], [axis + 1]), shape), graph.constant(offset.dtype, [size, count], regular));
  };
  const y = moved(0, regularPlaces(rows, columns, (q, _, i) => placeOf(rows, q, i)));
  const x = moved(1, regularPlaces(rows, columns, (_, r, __, j) => placeOf(columns, r, j)));
  const pixels = graph.transpose(graph.reshape(input, [batch, offsetGroups, channels / offsetGroups, height * width]), [0, 1, 3, 2]);
  const read = masked(operation, betweenPixels(graph, pixels, [height, width], y, x));
  const elements = graph.reshape(graph.transpose(read, [0, 1, 4, 2, 3]), [batch, groups, (channels / groups) * size, count]);
  const product = graph.matrixProduct(graph.reshape(weights, [groups, outputs / groups, (channels / groups) * size]), elements);
  const result = graph.reshape(product, operation.output().shape);
  const bias = operation.inputs.at(3) ?? null;
  return [bias === null ? result : graph.add(result, graph.reshape(bias, [outputs, 1, 1]))];
};

function placeOf({ stride, dilation, before }: WindowAxis, element: number, window: number): number {
  return window * stride + element * dilation - before;
}

/** A number for each element (q, r) of the kernel and each window (i, j). */
function regularPlaces(rows: WindowAxis, columns: WindowAxis, number: (q: number, r: number, i: number, j: number) => number): number[] {
  const numbers: number[] = [];
  for (let q = 0; q < rows.kernel; q++) {
    for (let r = 0; r < columns.kernel; r++) {
      for (let i = 0; i < rows.narrow; i++) for (let j = 0; j < columns.narrow; j++) numbers.push(number(q, r, i, j));
    }
  }
  return numbers;
}

/** Factors of the elements of each window, where there are any: [N, groups · kernel, ...places]. */
function masked({ graph, inputs }: Operation, read: Value): Value {
  const mask = inputs.at(4) ?? null;
  return mask === null ? read : graph.multiply(read, graph.reshape(mask, [...read.shape.slice(0, 4), 1]));
}

/**
 * Bilinear interpolation between the four pixels around each place; there are zeros around the picture.
 * @param pixels [N, G, height · width, C]
 * @param y, x places [N, G, ...places]
 * @returns [N, G, ...places, C]
 */
function betweenPixels(graph: GraphBuilder, pixels: Value, [height, width]: readonly [number, number], y: Value, x: Value): Value {
  const [batch, groups, count, channels] = pixels.shape;
  const table = graph.reshape(pixels, [batch * groups * count, channels]);
  const starts = graph.constant('int64', [batch, groups, ...y.shape.slice(2).map(() => 1)], Array.from({ length: batch * groups }, (_, i) => i * count));
  const vertical = neighbours(graph, y, height);
  const horizontal = neighbours(graph, x, width);
  const corners = vertical.flatMap((row) =>
    horizontal.map((column) => {
      const index = graph.add(graph.add(graph.multiply(row.index, width), column.index), starts);
      const weight = graph.multiply(row.weight, column.weight);
      return graph.multiply(graph.gather(table, index, 0), graph.reshape(weight, [...weight.shape, 1]));
    }),
  );
  return corners.reduce((sum, corner) => graph.add(sum, corner));
}

/** The two elements of an axis that a place lies between, with their weights, which are 0 outside. */
function neighbours(graph: GraphBuilder, place: Value, size: number): { index: Value; weight: Value }[] {
  const floor = graph.unary('Floor', place);
  const fraction = graph.subtract(place, floor);
  return [0, 1].map((step) => {
    const element = graph.add(floor, step);
    const inside = graph.one('Clip', [element, graph.scalar(0, place), graph.scalar(size - 1, place)], element.shape);
    const isInside = graph.indicator('Equal', element, inside);
    return { index: graph.cast(inside, 'int64'), weight: graph.multiply(isInside, step === 0 ? graph.subtract(1, fraction) : fraction) };
  });
}

export const deformableConvolutions: Lowerings = { DeformConv: deformableConvolution };
