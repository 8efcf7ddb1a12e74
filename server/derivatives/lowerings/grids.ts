import { elementsOf, type Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';
import { sampleAt, type Sampling } from './sampling.js';

/** GridSample (Jaderberg et al. 2015): x [N, C, ...sizes] at the places of a grid [N, ...places, axes], −1 and 1 being the ends of an axis. */
const gridSample: Lowering = (operation) => {
  const { graph } = operation;
  const [x, grid] = [operation.input(0), operation.input(1)];
  const [batch, channels, ...sizes] = x.shape;
  const places = grid.shape.slice(1, -1);
  const sampling = samplingOf(operation);
  const coordinates = sizes.map((size, axis): Value => {
    // The first coordinate is the one along the last axis.
    const column = sizes.length - 1 - axis;
    const relative = graph.add(graph.reshape(graph.slice(grid, [grid.shape.length - 1], [column], [column + 1]), [batch, elementsOf(places)]), 1);
    if (sampling.alignCorners) return graph.multiply(relative, (size - 1) / 2);
    return graph.subtract(graph.multiply(relative, size / 2), 0.5);
  });
  return [graph.reshape(sampleAt(graph, x, coordinates, sampling), [batch, channels, ...places])];
};

/** Modes have had two names each. */
function samplingOf(operation: Operation): Sampling {
  const mode = operation.text('mode', 'linear').replace(/^bi/, '');
  const padding = operation.text('padding_mode', 'zeros');
  if (mode !== 'nearest' && mode !== 'linear' && mode !== 'cubic') return operation.fail(`has the unknown mode ${mode}`);
  if (padding !== 'zeros' && padding !== 'border' && padding !== 'reflection') return operation.fail(`has the unknown padding ${padding}`);
  return { mode, padding, alignCorners: operation.integer('align_corners', 0) !== 0 };
}

/** AffineGrid: the places [N, ...sizes, axes] of a grid over [−1, 1] under affine maps θ [N, axes, axes + 1]. */
const affineGrid: Lowering = (operation) => {
  const { graph } = operation;
  const theta = operation.input(0);
  const sizes = (operation.parameters(1) ?? operation.fail('has no size')).slice(2);
  const alignCorners = operation.integer('align_corners', 0) !== 0;
  const places = sizes.map((size) => Array.from({ length: size }, (_, i) => (alignCorners ? (size === 1 ? -1 : (2 * i) / (size - 1) - 1) : (2 * i + 1) / size - 1)));
  const count = elementsOf(sizes);
  const rows = Array.from({ length: count }, (_, place) => {
    let rest = place;
    const coordinates = [...sizes.entries()].reverse().map(([axis, size]) => {
      const index = rest % size;
      rest = Math.floor(rest / size);
      return places[axis][index];
    });
    return [...coordinates, 1];
  });
  const base = graph.constant(theta.dtype, [count, sizes.length + 1], rows.flat());
  return [graph.reshape(graph.matrixProduct(base, graph.transposeLast(theta)), [theta.shape[0], ...sizes, sizes.length])];
};

/**
 * Col2Im: columns [N, C·block, places] added up where their blocks lie in the image. It is a transposed convolution of each
 * channel whose kernels hold a single 1.
 */
const columnsToImage: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  const image = operation.parameters(1) ?? operation.fail('has no image shape');
  const block = operation.parameters(2) ?? operation.fail('has no block shape');
  const axes = image.length;
  const [strides, dilations] = ['strides', 'dilations'].map((name) => operation.integers(name) ?? new Array<number>(axes).fill(1));
  const pads = operation.integers('pads') ?? new Array<number>(2 * axes).fill(0);
  const spans = block.map((size, axis) => dilations[axis] * (size - 1) + 1);
  const padded = image.map((size, axis) => size + pads[axis] + pads[axes + axis]);
  const places = padded.map((size, axis) => Math.floor((size - spans[axis]) / strides[axis]) + 1);
  const [batch, columns] = x.shape;
  const blockSize = elementsOf(block);
  const channels = columns / blockSize;
  const identity = Array.from({ length: columns * blockSize }, (_, i) => (Math.floor(i / blockSize) % blockSize === i % blockSize ? 1 : 0));
  const kernels = graph.constant(x.dtype, [columns, 1, ...block], identity);
  const attributes = { group: channels, kernel_shape: block, strides, dilations, pads, output_padding: padded.map((size, axis) => size - (places[axis] - 1) * strides[axis] - spans[axis]) };
  return [graph.one('ConvTranspose', [graph.reshape(x, [batch, columns, ...places]), kernels], [batch, channels, ...image], attributes)];
};

export const grids: Lowerings = { GridSample: gridSample, AffineGrid: affineGrid, Col2Im: columnsToImage };
