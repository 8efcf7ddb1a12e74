import { groupOf, product, type PlainConvolution } from './convolutionGeometry.js';
import { blockSizes, frequencyBatches, FrequencySymbols, symbolBytes } from './frequencySymbols.js';
import { alignedBytes, compileKernel, KernelMemory, type CompiledKernel } from '../kernel.js';
import { MatrixWorkspace } from '../matrixWorkspace.js';
import { scalarSymbolNorms } from './scalarSymbols.js';
import { runSteps, type SolveControl, type Steps } from '../steps.js';

/** Values of one or more blocks, each of which occurs `copies` times in the spectrum, and their error relative to the largest. */
export interface BlockValues {
  values: Float64Array;
  copies: 1 | 2;
  relativeError: number;
}

/** Blocks with a smaller side up to this are solved as complex matrices; larger ones gain from blocked real products. */
const complexSide = 256;
/** A batch of symbols holds at most this many bytes. */
const batchBytes = 4 * 1024 * 1024;

/**
 * Exact singular values of a convolution on a periodic image (Sedghi, Gupta and Long, ICLR 2019), `receive`d block by
 * block. Fourier transforms on both sides, which are unitary, make the operator block-diagonal: one outPerGroup ×
 * inPerGroup block per frequency, and with a stride s one of s times the columns per frequency of the output. The kernel
 * is real, so the blocks of u and −u are conjugates and have the same singular values: half of the frequencies do.
 * Throws the signal's reason on abort.
 */
export async function eachBlock(c: PlainConvolution, receive: (block: BlockValues) => void, control: SolveControl): Promise<void> {
  const kernel = await compileKernel();
  const { rows, columns } = blockSizes(c);
  if (c.outPerGroup === 1 && c.inPerGroup === 1) await runSteps(scalarBlocks(c, receive), c.groups, control);
  else if (Math.min(rows, columns) <= complexSide) await runSteps(complexBlocks(c, kernel, receive), c.groups * product(c.outputSize), control);
  else await embeddedBlocks(c, kernel, receive, control);
}

/** Depthwise convolution: every block has one row of numbers, whose norm is the one singular value. */
function* scalarBlocks(c: PlainConvolution, receive: (block: BlockValues) => void): Steps<void> {
  for (let group = 0; group < c.groups; group++) {
    receive({ values: scalarSymbolNorms(groupOf(c, group).weights, c, c.imageSize), copies: 1, relativeError: (c.taps + 8) * Number.EPSILON });
    yield 1;
  }
}

/** Small blocks, by the kernel's own routine for complex matrices. */
function* complexBlocks(c: PlainConvolution, kernel: CompiledKernel, receive: (block: BlockValues) => void): Steps<void> {
  const { aliases, rows, columns } = blockSizes(c);
  const [large, small] = [Math.max(rows, columns), Math.min(rows, columns)];
  const batch = Math.max(1, Math.min(product(c.outputSize), Math.floor(batchBytes / (16 * aliases * (c.taps + c.outPerGroup * c.inPerGroup)))));
  const relativeError = (40 + 8 * Math.sqrt(large) + c.taps) * Number.EPSILON;
  for (let group = 0; group < c.groups; group++) {
    const memory = new KernelMemory(kernel);
    memory.reserve(symbolBytes(c, batch) + alignedBytes(2 * large * small) + alignedBytes(memory.exports.complexWorkLength(large, small)) + alignedBytes(small));
    const symbols = new FrequencySymbols(memory, groupOf(c, group), batch);
    const matrix = memory.take(2 * large * small);
    const work = memory.take(memory.exports.complexWorkLength(large, small));
    const target = memory.take(small);
    for (const part of frequencyBatches(c.outputSize, batch)) {
      symbols.evaluate(part.map(({ frequency }) => frequency));
      for (const [index, { copies }] of part.entries()) {
        // Stored by columns with the longer side as rows: a wide block is looked at as its transpose.
        symbols.copyBlock(index, matrix, rows >= columns ? 1 : columns, rows >= columns ? rows : 1, large * small);
        if (memory.exports.complexSingularValues(matrix, large, small, work, target) !== 0) throw new Error(`The singular values of a ${rows} × ${columns} block of the circular operator did not converge; please report this layer.`);
        receive({ values: memory.elements(target, small), copies, relativeError });
        yield copies;
      }
    }
  }
}

/** Large blocks R + iM, as real matrices [[R, −M], [M, R]], which have every singular value twice. */
async function embeddedBlocks(c: PlainConvolution, kernel: CompiledKernel, receive: (block: BlockValues) => void, control: SolveControl): Promise<void> {
  const { rows, columns } = blockSizes(c);
  const total = c.groups * product(c.outputSize);
  let done = 0;
  const workspace = await MatrixWorkspace.create();
  const memory = new KernelMemory(kernel);
  memory.reserve(symbolBytes(c, 1) + alignedBytes(2 * rows * columns));
  const size = rows * columns;
  for (let group = 0; group < c.groups; group++) {
    memory.reserve(0);
    const symbols = new FrequencySymbols(memory, groupOf(c, group), 1);
    const block = memory.take(2 * size);
    for (const [{ frequency, copies }] of frequencyBatches(c.outputSize, 1)) {
      symbols.evaluate([frequency]);
      symbols.copyBlock(0, block, columns, 1, size);
      const target = workspace.allocate(1, 2 * rows, 2 * columns);
      const elements = memory.elements(block, 2 * size);
      for (let o = 0; o < rows; o++) {
        for (let i = 0; i < columns; i++) {
          const re = elements[o * columns + i];
          const im = elements[size + o * columns + i];
          const at = 2 * o * columns + i;
          target[at] = re;
          target[at + columns] = -im;
          target[at + 2 * size] = im;
          target[at + 2 * size + columns] = re;
        }
      }
      const inner: SolveControl = control.signal ? { signal: control.signal } : {};
      const { singularValues, relativeError } = await workspace.singularValues(inner);
      receive({ values: singularValues.filter((_, k) => k % 2 === 0), copies, relativeError: relativeError + c.taps * Number.EPSILON });
      done += copies;
      control.progress?.(done / total);
    }
  }
}
