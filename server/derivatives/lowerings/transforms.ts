import type { GraphBuilder } from '../builder.js';
import type { Value } from '../graph.js';
import type { Lowering, Lowerings } from '../lowering.js';
import type { Operation } from '../operation.js';

/** A transform is a product with matrices: longer ones would take more memory (1 GB) and time than a network. */
const mostElements = 2 ** 26;
/** From this operator set on the axis of DFT is an input. */
const axisIsInput = 20;

/** C and S of a transform: cos(2π·j·k/N) and sin(2π·j·k/N). */
interface Waves {
  cosines: Value;
  sines: Value;
}

/**
 * The discrete Fourier transform along an axis, Σⱼ xⱼ·exp(∓2πi·j·k/N), as products with matrices of cosines and sines;
 * real and imaginary parts are the last axis. The inverse is divided by N; one-sided, it takes half a spectrum to real values.
 * https://onnx.ai/onnx/operators/onnx__DFT.html
 */
const discreteFourier: Lowering = (operation) => {
  const x = operation.input(0);
  const rank = x.shape.length;
  const axis = operation.axis(operation.opset >= axisIsInput ? (operation.parameters(2)?.[0] ?? -2) : operation.integer('axis', 1));
  const isInverse = operation.integer('inverse', 0) !== 0;
  const isHalf = isInverse && operation.output().shape[rank - 1] === 1;
  const [given, made] = [x.shape[axis], operation.output().shape[axis]];
  const length = operation.parameters(1)?.[0] ?? (isHalf ? made : given);
  if (isHalf && given !== halfOf(length)) return operation.fail(`is given ${given} elements of half a spectrum where a length of ${length} has ${halfOf(length)}, and what onnxruntime makes of that is not the inverse transform: give it as many`);
  return [transformed(operation, x, axis, { length, used: Math.min(given, length), made, isInverse, isHalf })];
};

interface Transform {
  /** N: samples of the time. */
  length: number;
  /** Elements along the axis that are read, from the first on, and that are made. */
  used: number;
  made: number;
  isInverse: boolean;
  /** Half a spectrum to real values. */
  isHalf: boolean;
}

function transformed(operation: Operation, x: Value, axis: number, { length, used, made, isInverse, isHalf }: Transform): Value {
  const { graph } = operation;
  if (used * made > mostElements) return operation.fail(`transforms ${used} elements to ${made}, and its derivative is known up to a product of ${mostElements}`);
  const rank = x.shape.length;
  const isComplex = x.shape[rank - 1] === 2;
  // The parts, then the axis, last.
  const order = [...x.shape.map((_, i) => i).filter((i) => i !== axis), axis];
  const turned = graph.transpose(graph.slice(x, [axis], [0], [used]), order);
  const part = (index: number): Value => graph.slice(turned, [rank - 2], [index], [index + 1]);
  const { cosines, sines } = waves(graph, x, used, made, length);
  const back = (value: Value): Value => graph.transpose(value, order.map((_, i) => order.indexOf(i)));
  const scaled = (value: Value): Value => (isInverse ? graph.divide(value, length) : value);
  const [real, imaginary] = [part(0), isComplex ? part(1) : null];
  if (isHalf) {
    // The other half is the conjugate of this one: all count twice but for the first, and the middle of an even number.
    const counts = graph.constant(x.dtype, [used], Array.from({ length: used }, (_, k) => (k === 0 || 2 * k === length ? 1 : 2)));
    const counted = (value: Value, matrix: Value): Value => graph.matrixProduct(graph.multiply(value, counts), matrix);
    const sum = counted(real, cosines);
    return back(scaled(imaginary === null ? sum : graph.subtract(sum, counted(imaginary, sines))));
  }
  const [cosine, sine] = [graph.matrixProduct(real, cosines), graph.matrixProduct(real, sines)];
  const signed = (value: Value): Value => (isInverse ? value : graph.negate(value));
  if (imaginary === null) return back(scaled(graph.concat([cosine, signed(sine)], rank - 2)));
  const [otherCosine, otherSine] = [graph.matrixProduct(imaginary, cosines), graph.matrixProduct(imaginary, sines)];
  return back(scaled(graph.concat([graph.subtract(cosine, signed(otherSine)), graph.add(otherCosine, signed(sine))], rank - 2)));
}

/** Matrices [rows, columns], chosen from one period by j·k modulo N, so that every entry is right to rounding. */
function waves(graph: GraphBuilder, like: Value, rows: number, columns: number, length: number): Waves {
  const counted = (count: number, shape: number[]): Value => graph.constant('int64', shape, Array.from({ length: count }, (_, i) => i));
  const places = graph.binary('Mod', graph.multiply(counted(rows, [rows, 1]), counted(columns, [1, columns])), length);
  const period = (wave: (angle: number) => number): Value => graph.gather(graph.constant(like.dtype, [length], Array.from({ length }, (_, i) => wave((2 * Math.PI * i) / length))), places, 0);
  return { cosines: period(Math.cos), sines: period(Math.sin) };
}

function halfOf(length: number): number {
  return Math.floor(length / 2) + 1;
}

/**
 * Fourier transforms of frames of a signal, each multiplied by a window: [batch, frames, bins, 2].
 * https://onnx.ai/onnx/operators/onnx__STFT.html
 */
const shortTimeFourier: Lowering = (operation) => {
  const { graph } = operation;
  const signal = operation.input(0);
  const window = operation.inputs.at(2) ?? null;
  const step = operation.parameters(1)?.[0] ?? operation.fail('has no step between its frames');
  const [, frames, made] = operation.output().shape;
  const length = operation.parameters(3)?.[0] ?? window?.shape[0] ?? operation.fail('has neither a window nor the length of its frames');
  const places = graph.constant('int64', [frames, length], Array.from({ length: frames * length }, (_, i) => Math.floor(i / length) * step + (i % length)));
  const parts = signal.shape.length === 2 ? graph.reshape(signal, [...signal.shape, 1]) : signal;
  const framed = graph.gather(parts, places, 1);
  const windowed = window === null ? framed : graph.multiply(framed, graph.reshape(window, [length, 1]));
  return [transformed(operation, windowed, 2, { length, used: length, made, isInverse: false, isHalf: false })];
};

/**
 * Products of the elements up to each, in as many steps as the number of elements has binary digits (Hillis and Steele 1986).
 * Its derivative is right where elements are zero, too. https://onnx.ai/onnx/operators/onnx__CumProd.html
 */
const cumulativeProduct: Lowering = (operation) => {
  const { graph } = operation;
  const x = operation.input(0);
  const axis = operation.axis(operation.parameters(1)?.[0] ?? operation.fail('has no axis'));
  const size = x.shape[axis];
  const isReversed = operation.integer('reverse', 0) !== 0;
  const flipped = (value: Value): Value => (isReversed ? graph.slice(value, [axis], [size - 1], [-1], [-1]) : value);
  /** The elements moved on by some places, with ones before them. */
  const moved = (value: Value, places: number): Value => {
    const ones = graph.filled(1, value.shape.map((length, i) => (i === axis ? places : length)), value.dtype);
    return graph.concat([ones, graph.slice(value, [axis], [0], [size - places])], axis);
  };
  let products = flipped(x);
  if (operation.integer('exclusive', 0) !== 0) products = moved(products, 1);
  for (let places = 1; places < size; places *= 2) products = graph.multiply(products, moved(products, places));
  return [flipped(products)];
};

export const transforms: Lowerings = { DFT: discreteFourier, STFT: shortTimeFourier, CumProd: cumulativeProduct };
