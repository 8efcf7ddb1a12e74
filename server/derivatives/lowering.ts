import type { Value } from './graph.js';
import type { Operation } from './operation.js';

/**
 * An operation in terms of simpler ones: adds them to `operation.graph` and answers the values that take the place of its
 * outputs; null where the operation can stay as it is.
 */
export type Lowering = (operation: Operation) => (Value | null)[] | null;
export type Lowerings = Readonly<Record<string, Lowering>>;
