import { bandReductionBytes } from './bandReduction.js';
import { alignedBytes, compileKernel, KernelMemory } from '../kernel.js';

/** Columns of a panel: the products between panels then hold most of the arithmetic. */
const panelWidth = 32;
/** 2 to this power still has a reciprocal. */
const smallestExponent = -1022;
/** Columns of A beyond the span of those before leave a pivot of this many rounding errors of the largest. */
const rankTolerance = 8;

/** A = Q·R with orthonormal columns of Q and upper triangular R, whose diagonal may have either sign. */
export interface ThinQr {
  /** rows × columns, row-major. */
  q: Float64Array;
  /** columns × columns, row-major, zeros below the diagonal. */
  r: Float64Array;
}

/**
 * QR factorization of a tall matrix by Householder reflections in panels (Schreiber and Van Loan, SIAM J. Sci. Stat.
 * Comput. 10, 1989), Q formed from the panels in reverse order. Q is orthonormal to rounding whatever the condition of A.
 *
 * @param a rows × columns, row-major, rows ≥ columns; not changed
 * Throws a RangeError for wrong sizes, an Error for NaN and infinity.
 * Cost: 4·rows·columns² − 4/3·columns³ operations.
 */
export async function thinQr(a: Float64Array, rows: number, columns: number): Promise<ThinQr> {
  const factored = await factor(a, rows, columns);
  const { memory, panels, address, scale } = factored;
  const kernel = memory.exports;
  const r = upperTriangle(memory.elements(address, rows * columns), columns).map((x) => x * scale);
  const q = memory.elements(address, rows * columns).fill(0);
  for (let i = 0; i < columns; i++) q[i * columns + i] = 1;
  for (const { from, width, v, t } of panels.reverse()) {
    // Q ← (I − V·T·Vᵀ)·Q, of which the columns before this panel are still those of the identity.
    const height = rows - from;
    const part = address + 8 * (from * columns + from);
    const rest = columns - from;
    kernel.gemm(rest, width, height, 1, part, 1, columns, v, 1, height, 0, factored.w, width, 1);
    kernel.gemm(rest, width, width, 1, factored.w, width, 1, t, 1, width, 0, factored.y, width, 1);
    kernel.gemm(height, rest, width, -1, v, 1, height, factored.y, 1, width, 1, part, columns, 1);
  }
  return { q: memory.elements(address, rows * columns).slice(), r };
}

/** The X that makes ‖A·X − B‖ least, and what is left. */
export interface LeastSquares {
  /** columns × right sides, row-major. */
  solution: Float64Array;
  /** ‖A·x − b‖₂ for each right side. */
  residualNorms: Float64Array;
}

/**
 * Least squares by QR factorization: R·X = (Qᵀ·B)₁, without squaring the condition number.
 *
 * @param a rows × columns, row-major, rows ≥ columns, of full rank
 * @param b rows × sides, row-major
 * Throws a RangeError for wrong sizes, an Error for NaN and infinity and where the columns of A are dependent to
 * rounding, so that no single solution exists. Cost: 2·rows·columns² operations and 4·rows·columns a right side.
 */
export async function leastSquares(a: Float64Array, rows: number, columns: number, b: Float64Array, sides: number): Promise<LeastSquares> {
  if (a.length !== rows * columns) throw new RangeError(`The matrix has ${a.length} elements, and ${rows} × ${columns} need ${rows * columns}.`);
  if (b.length !== rows * sides) throw new RangeError(`The right sides have ${b.length} elements, and ${rows} × ${sides} need ${rows * sides}.`);
  const both = new Float64Array(rows * (columns + sides));
  const width = columns + sides;
  for (let i = 0; i < rows; i++) {
    both.set(a.subarray(i * columns, (i + 1) * columns), i * width);
    both.set(b.subarray(i * sides, (i + 1) * sides), i * width + columns);
  }
  const { memory, address, scale } = await factor(both, rows, width, columns);
  const reduced = memory.elements(address, rows * width);
  let largest = 0;
  for (let j = 0; j < columns; j++) largest = Math.max(largest, Math.abs(reduced[j * width + j]));
  for (let j = 0; j < columns; j++) {
    if (!(Math.abs(reduced[j * width + j]) > rankTolerance * rows * Number.EPSILON * largest)) {
      throw new Error(`Least squares has no single solution: column ${j + 1} of the ${rows} × ${columns} matrix depends on those before it to rounding.`);
    }
  }
  const solution = new Float64Array(columns * sides);
  const residualNorms = new Float64Array(sides);
  for (let s = 0; s < sides; s++) {
    for (let i = columns - 1; i >= 0; i--) {
      let sum = reduced[i * width + columns + s];
      for (let j = i + 1; j < columns; j++) sum -= reduced[i * width + j] * solution[j * sides + s];
      solution[i * sides + s] = sum / reduced[i * width + i];
    }
    let squares = 0;
    for (let i = columns; i < rows; i++) squares += reduced[i * width + columns + s] ** 2;
    residualNorms[s] = Math.sqrt(squares) * scale;
  }
  return { solution, residualNorms };
}

interface Panel {
  from: number;
  width: number;
  /** Addresses of V (by columns) and T (by rows). */
  v: number;
  t: number;
}

interface Factored {
  memory: KernelMemory;
  /** Row-major: R over `scale` above and on the diagonal, rubbish below. */
  address: number;
  /** A power of two by which the entries were divided, so that no square overflows or vanishes. */
  scale: number;
  panels: Panel[];
  /** Two scratch areas of columns × panelWidth. */
  w: number;
  y: number;
}

/** Reflections for the first `pivots` columns, applied to all. */
async function factor(a: Float64Array, rows: number, columns: number, pivots = columns): Promise<Factored> {
  if (a.length !== rows * columns || rows < pivots) throw new RangeError(`A QR factorization needs at least as many rows as columns and rows · columns elements; ${rows} × ${pivots} with ${a.length} elements were given.`);
  const memory = new KernelMemory(await compileKernel());
  const panelCount = Math.ceil(pivots / panelWidth);
  memory.reserve(alignedBytes(rows * columns) + panelCount * (alignedBytes(panelWidth * rows) + alignedBytes(panelWidth * panelWidth)) + bandReductionBytes(0, columns, panelWidth));
  const kernel = memory.exports;
  const address = memory.take(rows * columns);
  memory.elements(address, rows * columns).set(a);
  const largest = kernel.maximumAbsolute(address, rows * columns);
  if (!Number.isFinite(largest)) throw new Error('The matrix holds a value that is not finite (NaN or infinity): it has no QR factorization.');
  const scale = largest > 0 ? 2 ** Math.max(Math.floor(Math.log2(largest)), smallestExponent) : 1;
  kernel.scale(1 / scale, address, rows * columns);
  const w = memory.take(panelWidth * columns);
  const y = memory.take(panelWidth * columns);
  const r = memory.take(panelWidth * panelWidth);
  const panels: Panel[] = [];
  for (let from = 0; from < pivots; from += panelWidth) {
    const width = Math.min(panelWidth, pivots - from);
    const height = rows - from;
    const rest = columns - from - width;
    const v = memory.take(panelWidth * height);
    const t = memory.take(panelWidth * panelWidth);
    const at = (j: number) => address + 8 * (from * columns + j);
    kernel.copyMatrix(height, width, at(from), columns, 1, v, 1, height);
    kernel.factorPanel(v, height, width, height, r, t);
    kernel.copyMatrix(width, width, r, width, 1, at(from), columns, 1);
    if (rest > 0) {
      // A ← (I − V·Tᵀ·Vᵀ)·A for the columns behind the panel.
      kernel.gemm(rest, width, height, 1, at(from + width), 1, columns, v, 1, height, 0, w, width, 1);
      kernel.gemm(rest, width, width, 1, w, width, 1, t, width, 1, 0, y, width, 1);
      kernel.gemm(height, rest, width, -1, v, 1, height, y, 1, width, 1, at(from + width), columns, 1);
    }
    panels.push({ from, width, v, t });
  }
  return { memory, address, scale, panels, w, y };
}

function upperTriangle(a: Float64Array, columns: number): Float64Array {
  const r = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) r.set(a.subarray(i * columns + i, (i + 1) * columns), i * columns + i);
  return r;
}
