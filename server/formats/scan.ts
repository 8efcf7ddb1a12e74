import { createHash, type Hash } from 'node:crypto';
import { smallestNormal } from './floats.js';
import type { DType } from './modelFile.js';

/** What reading every element of a tensor tells besides its values. */
export interface TensorScan {
  /** NaN and infinities; the index is flat, row-major, in the whole tensor. */
  nonFinite: { count: number; firstIndex: number | null };
  zeros: number;
  /** In the stored dtype. */
  denormals: number;
  /** The value that all elements have, or null; null for an empty tensor. */
  constant: number | null;
  /** SHA-256 of the stored bytes that were read, hexadecimal. */
  digest: string;
}

/** Gathers a TensorScan from the pieces of a tensor in order; about 1 ns an element, and the hash. */
export class Scanner {
  private readonly hash: Hash = createHash('sha256');
  private readonly smallestNormal: number;
  private count = 0;
  private firstIndex: number | null = null;
  private zeros = 0;
  private denormals = 0;
  private first: number | null = null;
  private constant = true;

  constructor(dtype: DType) {
    this.smallestNormal = smallestNormal(dtype);
  }

  bytes(stored: Uint8Array): void {
    this.hash.update(stored);
  }

  /** @param start flat index of values[0] in the tensor */
  values(values: Float64Array, start: number): void {
    const normal = this.smallestNormal > 0 ? this.smallestNormal : Number.MIN_VALUE;
    const largest = Number.MAX_VALUE;
    for (let i = 0; i < values.length; i++) {
      const magnitude = Math.abs(values[i]);
      // One comparison pair for ordinary values; NaN fails both.
      if (magnitude >= normal && magnitude <= largest) continue;
      if (magnitude === 0) this.zeros += 1;
      else if (magnitude < normal) this.denormals += 1;
      else {
        this.count += 1;
        this.firstIndex ??= start + i;
      }
    }
    if (values.length > 0) {
      this.first ??= values[0];
      if (this.constant) this.constant = values.every((value) => value === this.first);
    }
  }

  result(): TensorScan {
    return {
      nonFinite: { count: this.count, firstIndex: this.firstIndex },
      zeros: this.zeros,
      denormals: this.denormals,
      constant: this.constant && this.first !== null && Number.isFinite(this.first) ? this.first : null,
      digest: this.hash.digest('hex'),
    };
  }
}
