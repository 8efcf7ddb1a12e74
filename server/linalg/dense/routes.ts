import { bandLength, bandReductionBytes, bandReductionWork, bandWidth, reduceToBand, reduceToTriangle, triangleReductionWork } from './bandReduction.js';
import { bandSingularValues, bandToValuesBytes, bandToValuesWork } from './bidiagonal.js';
import { delayedReductionBytes, reduceToBandDelayed } from './delayedBandReduction.js';
import { gramBytes, gramSingularValues, gramWork } from './gram.js';
import { type KernelMemory, type MatrixView } from '../kernel.js';
import { type MatrixProducts } from '../matrixProducts.js';
import { type Steps } from '../steps.js';
import { triangleByProducts, triangleByProductsBytes } from './triangleByProducts.js';

/** Dense → band → bidiagonal; the same on the triangle of a QR factorization; eigenvalues of AᵀA. */
export type Method = 'two-stage' | 'qr-first' | 'gram';

/** How one matrix is reduced. */
export interface Route {
  method: Method;
  bandWidth: number;
  /** Third stage by bisection instead of dqds: slow, with nothing in common but the bidiagonal matrix. */
  bisect: boolean;
  /** Engine of the products; null: the kernel's own. */
  products: MatrixProducts | null;
}

/** From this ratio of the sides on, a QR factorization before the band reduction saves work, and AᵀA more. */
const tallRatio = 1.7;
/** From this smaller side on, half the work of AᵀA is worth its check; below, everything takes milliseconds. */
export const gramPaysFrom = 256;
/** From this smaller side on, a native engine's products pay for their calls and for what is copied for them. */
export const productsPayFrom = 700;

/** The route for a matrix with the given longer and smaller side. */
export function usualRoute(large: number, small: number, products: MatrixProducts | null): Route {
  const tall = large >= tallRatio * small && small > 1;
  return {
    method: tall ? (small >= gramPaysFrom ? 'gram' : 'qr-first') : 'two-stage',
    bandWidth: bandWidth(small),
    bisect: false,
    products: small >= productsPayFrom ? products : null,
  };
}

/** One that shares as little as possible with the given. */
export function otherRoute({ method, bandWidth }: Route): Route {
  return { method: method === 'two-stage' ? 'qr-first' : 'two-stage', bandWidth: bandWidth === 16 ? 24 : 16, bisect: true, products: null };
}

/** Bytes of the kernel's memory that `valuesByRoute` takes besides the matrix, by any route. */
export function routeBytes(large: number, small: number): number {
  const { method, bandWidth } = usualRoute(large, small, null);
  const widest = Math.max(bandWidth, 24);
  const byProducts = method === 'two-stage' ? delayedReductionBytes(large, small, bandWidth) : triangleByProductsBytes(large, small) + delayedReductionBytes(small, small, bandWidth);
  const direct = bandLengthBytes(small, widest) + Math.max(bandReductionBytes(large, small, widest), small >= productsPayFrom ? byProducts : 0) + bandToValuesBytes(small);
  return method === 'gram' ? Math.max(direct, gramBytes(large, small)) : direct;
}

function bandLengthBytes(size: number, width: number): number {
  return 8 * bandLength(size, width) + 64;
}

/** Multiply–adds of `valuesByRoute`, for progress. */
export function routeWork(large: number, small: number): number {
  const { method, bandWidth } = usualRoute(large, small, null);
  if (method === 'gram') return gramWork(large, small);
  const reduction = method === 'qr-first' ? triangleReductionWork(large, small) + bandReductionWork(small, small) : bandReductionWork(large, small);
  return reduction + bandToValuesWork(small, bandWidth);
}

/** Singular values by the given route, unordered (destroys the matrix), and the method that they come from in the end. */
export function* valuesByRoute(memory: KernelMemory, a: MatrixView, route: Route): Steps<{ values: Float64Array; method: Method }> {
  if (route.method === 'gram') {
    const values = yield* gramSingularValues(memory, a, route.products);
    if (values !== null) return { values, method: 'gram' };
  }
  const method = route.method === 'two-stage' ? 'two-stage' : 'qr-first';
  const { bandWidth, products } = route;
  const mark = memory.mark();
  const band = memory.take(bandLength(a.columns, bandWidth));
  if (products !== null) {
    const reduced = method === 'qr-first' ? yield* triangleByProducts(memory, a, products) : a;
    yield* reduceToBandDelayed(memory, reduced, bandWidth, band, products);
  } else {
    const reduced = method === 'qr-first' ? yield* reduceToTriangle(memory, a, bandWidth) : a;
    yield* reduceToBand(memory, reduced, bandWidth, band);
  }
  const values = yield* bandSingularValues(memory, band, a.columns, bandWidth, route.bisect);
  memory.release(mark);
  return { values, method };
}
