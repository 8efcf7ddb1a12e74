import { predictedBytes } from '../linalg/matrixWorkspace.js';
import type { ConvolutionGeometry, Layer } from '../model/model.js';
import { intermediateBytes } from '../model/readWeight.js';
import type { OperatorMode } from '../report/report.js';

/**
 * What one layer's analysis costs, from its shapes alone: bytes that decide what runs side by side, seconds that tell
 * a moment from an hour. Seconds rest on measured runs of the kernel, one thread of a server processor; they are right
 * to a factor of about two.
 */

/** What every unit of an analysis is told. */
export interface UnitSettings {
  operator: OperatorMode;
  seed: number;
  weightWatcher: boolean;
}

/** Singular values of a block: per m·k², m the longer and k the shorter side … */
const secondsPerCube = 2.2e-10;
/** … and per value (bulge chase, fits). */
const secondsPerValue = 4e-6;
/** Reading, widening, health. */
const secondsPerWeight = 2e-8;
const secondsPerLayer = 2e-3;
/** A multiplication of a matrix-free product runs at this speed, and an iteration takes so many of them. */
const secondsPerMultiplication = 1e-9;
const productsOfIteration = 250;
/** The operator is written out up to these sizes, and iterated on beyond. */
const denseSide = 1500;
const denseEntries = 4_000_000;
/** Vectors that the iteration keeps, as long as both sides of the operator. */
const vectorsOfIteration = 120;

/**
 * Peak bytes of the weights' singular values: what the memory limit is compared with, as the analysis itself does.
 */
export function matrixBytes(layer: Layer): number {
  const [rows, columns] = blockSides(layer);
  return predictedBytes(layer.groups, rows, columns) + intermediateBytes(layer.weight);
}

/** Peak bytes of the whole unit. The operators of a convolution, and its slices, work on a copy of the kernel. */
export function unitBytes(layer: Layer, settings: UnitSettings): number {
  const copied = layer.convolution !== null && (settings.operator !== 'none' || settings.weightWatcher);
  const operator = operatorSize(layer, settings);
  const operatorBytes = operator === null ? 0 : operator.dense ? predictedBytes(operator.groups, operator.rows, operator.columns) : 8 * vectorsOfIteration * (operator.rows + operator.columns);
  return matrixBytes(layer) + (copied ? 8 * layer.parameters : 0) + operatorBytes;
}

/** Predicted seconds of the unit on one thread. */
export function unitSeconds(layer: Layer, settings: UnitSettings): number {
  const [rows, columns] = blockSides(layer);
  const slices = settings.weightWatcher && layer.convolution !== null ? 2 : 1;
  const own = secondsPerLayer + slices * layer.groups * decompositionSeconds(rows, columns) + secondsPerWeight * layer.parameters;
  const operator = operatorSize(layer, settings);
  if (operator === null) return own;
  const { groups, dense, multiplications, points, channels } = operator;
  const declared = dense ? groups * decompositionSeconds(operator.rows, operator.columns) : secondsPerMultiplication * productsOfIteration * multiplications;
  // Frequencies come in conjugate pairs, each a real problem of twice the size.
  const circular = (points / 2) * groups * decompositionSeconds(2 * channels[0], 2 * channels[1]);
  return own + declared + circular;
}

interface OperatorSize {
  groups: number;
  /** Sides of one group's operator. */
  rows: number;
  columns: number;
  dense: boolean;
  /** Of one product with the operator. */
  multiplications: number;
  /** Frequencies of the circular operator, and its block at each. */
  points: number;
  channels: [number, number];
}

function operatorSize(layer: Layer, settings: UnitSettings): OperatorSize | null {
  const { convolution } = layer;
  if (!convolution?.inputSize || settings.operator === 'none') return null;
  const { groups } = convolution;
  const inside = product(convolution.inputSize);
  const outside = product(convolution.inputSize.map((size, axis) => outputSize(convolution, size, axis)));
  const [outChannels, inChannels] = [convolution.outChannels / groups, convolution.inChannels / groups];
  const [rows, columns] = [outChannels * outside, inChannels * inside];
  const strides = product(convolution.strides);
  return {
    groups,
    rows,
    columns,
    dense: Math.min(rows, columns) <= denseSide && groups * rows * columns <= denseEntries,
    multiplications: layer.parameters * (convolution.transposed ? inside : outside),
    points: convolution.transposed ? inside : inside / strides,
    channels: convolution.transposed ? [outChannels * strides, inChannels] : [outChannels, inChannels * strides],
  };
}

function outputSize(geometry: ConvolutionGeometry, size: number, axis: number): number {
  const { kernel, dilations, strides, pads } = geometry;
  const extent = dilations[axis] * (kernel[axis] - 1) + 1;
  const padding = pads[axis] + pads[kernel.length + axis];
  const output = geometry.transposed ? (size - 1) * strides[axis] - padding + extent + geometry.outputPadding[axis] : Math.floor((size + padding - extent) / strides[axis]) + 1;
  return Math.max(0, output);
}

function decompositionSeconds(rows: number, columns: number): number {
  const [shorter, longer] = rows < columns ? [rows, columns] : [columns, rows];
  return secondsPerCube * longer * shorter * shorter + secondsPerValue * shorter;
}

function blockSides(layer: Layer): [number, number] {
  return [layer.matrixShape[0] / layer.groups, layer.matrixShape[1] / layer.groups];
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
