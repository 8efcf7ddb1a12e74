import { scaleByPowerOfTwo, scalingExponent, timesPowerOfTwo } from './blockSingularValues.js';
import { type KernelMemory } from '../kernel.js';
import { type Steps } from '../steps.js';

/**
 * The power of two by which the entries read so far are multiplied, so that their squares neither overflow nor vanish, and
 * the sum of these squares. A block with larger entries may change it: then R follows, and what vanishes of it lies
 * below the rounding of the new entries.
 */
export class EntryRange {
  exponent = 0;
  squares = 0;
  private largest = 0;

  constructor(private readonly memory: KernelMemory) {}

  /** Takes n lines of `length`, R in their first `kept` elements and new entries behind. */
  *take(lines: number, n: number, length: number, kept: number): Steps<void> {
    const { memory } = this;
    const kernel = memory.exports;
    const count = length - kept;
    const each = function* (from: number, size: number, visit: (address: number) => void): Steps<void> {
      for (let j = 0; j < n; j++) {
        visit(lines + 8 * (j * length + from));
        yield size;
      }
    };
    let largest = this.largest;
    yield* each(kept, count, (address) => {
      const found = kernel.maximumAbsolute(address, count);
      if (!Number.isFinite(found)) throw new Error('The matrix holds a value that is not finite (NaN or infinity): it has no singular values.');
      largest = Math.max(largest, found);
    });
    const exponent = largest > 0 ? scalingExponent(largest) : 0;
    const change = exponent - this.exponent;
    if (change !== 0 && this.largest > 0) {
      yield* each(0, kept, (address) => scaleByPowerOfTwo(memory, address, kept, change));
      this.squares = timesPowerOfTwo(timesPowerOfTwo(this.squares, change), change);
    }
    this.largest = largest;
    this.exponent = exponent;
    yield* each(kept, count, (address) => {
      if (exponent !== 0) scaleByPowerOfTwo(memory, address, count, exponent);
      this.squares += kernel.sumOfSquares(address, count);
    });
  }
}
