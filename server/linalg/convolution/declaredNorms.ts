import { gridSpan, groupOf, type PlainConvolution, type PlainGeometry } from './convolutionGeometry.js';
import { ConvolutionProducts, groupShape, writeDenseBlocks } from './convolutionProducts.js';
import { alignedBytes, type CompiledKernel, KernelMemory } from '../kernel.js';
import { largestValueSteps } from '../krylov/largestSingularValue.js';
import { tallView } from '../matrixWorkspace.js';
import { RandomGenerator } from '../random.js';
import { scalarSymbolNorms } from './scalarSymbols.js';
import { smallestSingularValue, smallestValueBytes } from '../krylov/smallestSingularValue.js';
import { type Steps } from '../steps.js';

/** Extreme singular values of a zero-padded convolution. */
export interface DeclaredNorms {
  largest: number;
  /** null where finding it would take longer than all the rest. */
  smallest: number | null;
  /** Error of both, relative to the largest. */
  relativeError: number;
}

/** The iterations end at this residual, relative. */
const residualTolerance = 1e-6;
/** Reached only where the largest values lie closer together than in any layer of usual size; the result says so. */
const maximumSteps = 600;
/** The start vector of the iterations: any fixed seed, so that reports repeat. */
const startSeed = 1;
/** The smallest value is sought where the operator, written out, and its factorization stay within these: a fifth of a second. */
const factoredEntries = 4_000_000;
const factoredWork = 1e9;

/**
 * The largest singular value by Lanczos iteration without the operator's matrix, and the smallest, where that is
 * cheap, by iteration with the inverse of its triangular factor. Groups are operators of their own.
 * Cost: largest: some dozens of convolutions and transposed ones; smallest: see `smallestSingularValue`.
 */
export function* declaredNorms(c: PlainConvolution, kernel: CompiledKernel): Steps<DeclaredNorms> {
  const largest = yield* largestOfGroups(c, kernel);
  if (largest.value === 0) return { largest: 0, smallest: 0, relativeError: 0 };
  const smallest = factorizationWork(c) <= factoredWork ? yield* smallestOfGroups(c, kernel) : null;
  const { value, relativeError } = smallest ?? { value: null, relativeError: 0 };
  return { largest: largest.value, smallest: value, relativeError: Math.max(largest.relativeError, (relativeError * (value ?? 0)) / largest.value) };
}

/** Multiply–adds of the iterations and factorizations, for progress: an estimate. */
export function declaredNormsWork(c: PlainGeometry): number {
  return c.groups * maximumSteps + (factorizationWork(c) <= factoredWork ? factorizationWork(c) : 0);
}

interface Extreme {
  value: number;
  relativeError: number;
}

/**
 * Groups in the order of their upper bounds, until the next bound lies below what was found: of the channels of a
 * depthwise convolution, which are many, two or three have to be looked at.
 */
function* largestOfGroups(c: PlainConvolution, kernel: CompiledKernel): Steps<Extreme> {
  const bounds: { group: PlainConvolution; bound: number }[] = [];
  for (let g = 0; g < c.groups; g++) {
    const group = groupOf(c, g);
    bounds.push({ group, bound: upperBound(group) });
    yield 1;
  }
  bounds.sort((a, b) => b.bound - a.bound);
  let value = 0;
  let top = 0;
  for (const { group, bound } of bounds) {
    if (bound <= value) break;
    const found = yield* largestValueSteps(new ConvolutionProducts(group, kernel), { tolerance: residualTolerance, maximumSteps, random: new RandomGenerator(startSeed) });
    value = Math.max(value, found.largest);
    top = Math.max(top, found.largest * (1 + found.relativeError));
  }
  return { value, relativeError: value > 0 ? top / value - 1 : 0 };
}

/**
 * Of one channel: the norm of the circular operator on a grid that holds the image and its padding, of which the
 * zero-padded one is a part (mathematics.md 5.1). Of several: none that is cheap.
 */
function upperBound(c: PlainConvolution): number {
  if (c.inPerGroup > 1 || c.outPerGroup > 1) return Infinity;
  const grid = gridSpan(c).map((size, axis) => Math.ceil(size / c.strides[axis]) * c.strides[axis]);
  return scalarSymbolNorms(c.weights, c, grid).reduce((a, b) => Math.max(a, b), 0);
}

function* smallestOfGroups(c: PlainConvolution, kernel: CompiledKernel): Steps<Extreme> {
  const { rows, columns } = groupShape(c);
  const [large, small] = [Math.max(rows, columns), Math.min(rows, columns)];
  const memory = new KernelMemory(kernel);
  memory.reserve(alignedBytes(c.groups * rows * columns) + smallestValueBytes(large, small));
  const address = memory.takeZeroed(c.groups * rows * columns);
  writeDenseBlocks(c, memory.elements(address, c.groups * rows * columns));
  let value = Infinity;
  let relativeError = 0;
  for (let g = 0; g < c.groups; g++) {
    const block = tallView(address + 8 * g * rows * columns, rows, columns);
    const found = yield* smallestSingularValue(memory, block, { tolerance: residualTolerance, maximumSteps, random: new RandomGenerator(startSeed) });
    if (found.smallest < value) ({ smallest: value, relativeError } = found);
  }
  return { value, relativeError };
}

/**
 * Multiply–adds of all factorizations; Infinity where the matrices would be too large to write out. Neighbouring
 * columns share most of their rows: a column of the staircase is as high as the image lines that the kernel covers.
 */
function factorizationWork(c: PlainGeometry): number {
  const { rows, columns } = groupShape(c);
  if (c.groups * rows * columns > factoredEntries) return Infinity;
  const small = Math.min(rows, columns);
  const covered = Math.min(1, ((c.kernel[0] - 1) * c.dilations[0] + 1) / c.imageSize[0]);
  const height = Math.min(covered * Math.max(rows, columns), Math.max(rows, columns));
  const width = Math.min(2 * covered * small, small);
  return c.groups * 2 * small * height * width;
}
