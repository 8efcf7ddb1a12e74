import { setImmediate } from 'node:timers/promises';
import type { Lines, TallShape } from '../../model/readBlocks.js';
import { countZeros, normScaleExponent, normsOf, type LayerNorms } from './layerScan.js';

/** Elements that are looked at before the event loop gets its turn: some ten milliseconds. */
const sliceElements = 4 * 1024 * 1024;

/**
 * What `layerNorms` and `readWeight` tell of a matrix, gathered from blocks of rows of the tall matrix in ascending order. The
 * sums are added up in the same order, so that the results are the same to the last digit.
 */
export class StreamedScan {
  zeros = 0;
  nonFinite = 0;
  private readonly longSums: Float64Array;
  private readonly shortSums: Float64Array;
  private readonly longFilled: Uint8Array;
  private readonly shortFilled: Uint8Array;
  private largest = 0;
  /** Squares are summed of entries times 2^exponent. */
  private exponent = 0;
  private first = NaN;
  private isConstant = true;

  constructor(private readonly shape: TallShape) {
    this.longSums = new Float64Array(shape.longer);
    this.shortSums = new Float64Array(shape.shorter);
    this.longFilled = new Uint8Array(shape.longer);
    this.shortFilled = new Uint8Array(shape.shorter);
  }

  /** Takes rows from … from + count − 1. Leaves the event loop its turns. */
  async add(lines: Lines, from: number, count: number, signal?: AbortSignal): Promise<void> {
    const { shorter } = this.shape;
    const perTurn = Math.max(1, Math.floor(sliceElements / count));
    const eachTurn = async (visit: (line: Float64Array, column: number) => void): Promise<void> => {
      for (let column = 0; column < shorter; column++) {
        visit(lineOf(lines, column, count), column);
        if ((column + 1) % perTurn !== 0) continue;
        await setImmediate();
        signal?.throwIfAborted();
      }
    };
    let largest = this.largest;
    await eachTurn((line) => (largest = Math.max(largest, largestFinite(line))));
    this.rescale(largest);
    if (from === 0) this.first = lines.target[lines.offset];
    await eachTurn((line, column) => this.addLine(line, column, from));
  }

  /** The value that all weights have, or null. */
  get constant(): number | null {
    // −0 is 0.
    return this.isConstant && Number.isFinite(this.first) ? this.first + 0 : null;
  }

  norms(): LayerNorms {
    const { wide } = this.shape;
    const [rowSums, columnSums] = wide ? [this.shortSums, this.longSums] : [this.longSums, this.shortSums];
    const [rowFilled, columnFilled] = wide ? [this.shortFilled, this.longFilled] : [this.longFilled, this.shortFilled];
    let total = 0;
    for (const sum of rowSums) total += sum;
    return normsOf(rowSums, columnSums, total, rowSums.length * columnSums.length, 2 ** this.exponent, countZeros(rowFilled), countZeros(columnFilled));
  }

  private rescale(largest: number): void {
    if (largest === 0) return;
    const exponent = normScaleExponent(largest);
    const change = 2 * (exponent - this.exponent);
    if (change !== 0 && this.largest > 0) {
      // In two factors, each of which is a number.
      const half = Math.trunc(change / 2);
      for (const sums of [this.longSums, this.shortSums]) for (let i = 0; i < sums.length; i++) sums[i] = sums[i] * 2 ** half * 2 ** (change - half);
    }
    this.exponent = exponent;
    this.largest = largest;
  }

  private addLine(line: Float64Array, column: number, from: number): void {
    const { longSums, longFilled, first } = this;
    const scale = 2 ** this.exponent;
    let sum = this.shortSums[column];
    let zeros = 0;
    let nonFinite = 0;
    let different = 0;
    for (let i = 0; i < line.length; i++) {
      const value = line[i];
      if (value !== first) different++;
      if (value === 0) {
        zeros++;
        continue;
      }
      if (value - value !== 0) nonFinite++;
      longFilled[from + i] = 1;
      const square = (value * scale) * (value * scale);
      sum += square;
      longSums[from + i] += square;
    }
    this.shortSums[column] = sum;
    if (zeros < line.length) this.shortFilled[column] = 1;
    this.zeros += zeros;
    this.nonFinite += nonFinite;
    if (different > 0) this.isConstant = false;
  }
}

function lineOf({ target, step, offset }: Lines, column: number, count: number): Float64Array {
  return target.subarray(column * step + offset, column * step + offset + count);
}

/** Largest absolute value among those that are finite. */
function largestFinite(values: Float64Array): number {
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest && size <= Number.MAX_VALUE) largest = size;
  }
  return largest;
}
