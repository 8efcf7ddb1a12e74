import { type KernelMemory } from './kernel.js';

/** A matrix stored row by row without gaps. */
export interface Block {
  elements: Float64Array;
  rows: number;
  columns: number;
}

/**
 * Products of float64 matrices by an engine from outside this library, for matrices so large that a native routine pays
 * for its calls. Blocks may lie in the memory of the kernel; results are written in place. Each call answers the number
 * of multiply–adds once it is done, and only one runs at a time.
 */
export interface MatrixProducts {
  /** For the report, e.g. "onnxruntime, 2 threads". */
  readonly name: string;
  /** c ← a·bᵀ */
  multiplyByTransposed(a: Block, b: Block, c: Block): Promise<number>;
  /** c ← aᵀ·bᵀ */
  multiplyTransposed(a: Block, b: Block, c: Block): Promise<number>;
  /** c ← c − a·b */
  subtract(a: Block, b: Block, c: Block): Promise<number>;
}

/** rows × columns elements of the kernel's memory as an operand. */
export function blockAt(memory: KernelMemory, address: number, rows: number, columns: number): Block {
  return { elements: memory.elements(address, rows * columns), rows, columns };
}
