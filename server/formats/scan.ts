import { createHash, type Hash } from 'node:crypto';
import { smallestNormal } from './floats.js';
import type { DType } from './modelFile.js';

/** What reading every element of a tensor tells besides its values. */
export interface TensorScan {
  /** NaN and infinities; the index is flat, row-major, in the whole tensor. */
  nonFinite: { count: number; firstIndex: number | null };
  /** In the stored dtype. */
  denormals: number;
  /** SHA-256 of the stored bytes that were read, hexadecimal. */
  digest: string;
}

/** Gathers a TensorScan from the pieces of a tensor in order; about 1 ns an element, and the hash. */
export class Scanner {
  private readonly hash: Hash = createHash('sha256');
  private readonly smallestNormal: number;
  private count = 0;
  private firstIndex: number | null = null;
  private denormals = 0;

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
      if (magnitude === 0) continue;
      if (magnitude < normal) this.denormals += 1;
      else {
        this.count += 1;
        this.firstIndex ??= start + i;
      }
    }
  }

  result(): TensorScan {
    return {
      nonFinite: { count: this.count, firstIndex: this.firstIndex },
      denormals: this.denormals,
      digest: this.hash.digest('hex'),
    };
  }
}
