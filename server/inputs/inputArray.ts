/** Element types of inputs. float16 elements are widened to float32, which is exact; bool elements are the bytes 0 and 1. */
export type InputDType = 'bool' | 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'uint64' | 'int64' | 'float16' | 'float32' | 'float64';

export type InputElements = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | BigUint64Array | BigInt64Array | Float32Array | Float64Array;

/** An array as its file holds it: row-major, in the machine's byte order, never scaled. */
export interface InputArray {
  dtype: InputDType;
  /** [] is a scalar. */
  shape: number[];
  data: InputElements;
}

/**
 * Inputs that cannot be read, or cannot be given to this model: one sentence for the user.
 * Codes that begin with `inputs/option` are mistakes in an option's text; all others are about the file.
 */
export class InputsError extends Error {
  /**
   * @param code stable, for programs: `inputs/not-found`, `inputs/not-readable`, `inputs/empty`, `inputs/not-recognised`,
   *   `inputs/truncated`, `inputs/corrupt`, `inputs/limit`, `inputs/objects`, `inputs/dtype`, `inputs/shape`,
   *   `inputs/missing-array`, `inputs/labels`, `inputs/option`
   * @param message one sentence with the value, the limit and what to do
   */
  constructor(
    readonly code: `inputs/${string}`,
    message: string,
  ) {
    super(message);
    this.name = 'InputsError';
  }
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** A shape for a sentence: [64, 3, 32, 32]. */
export function formatShape(shape: readonly (number | string | null)[]): string {
  return `[${shape.map((size) => size ?? '?').join(', ')}]`;
}

/** An empty array of the same kind. */
export function emptyLike(data: InputElements, length: number): InputElements {
  const kind = data.constructor as new (length: number) => InputElements;
  return new kind(length);
}
