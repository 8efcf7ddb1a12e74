import { type BlockOperator } from './linearOperator.js';

/**
 * Operators of one shape whose products are computed together, those of all members at once. Vectors are laid out
 * [vector, member, element]; x has members·columns elements a vector, y members·rows.
 */
export interface OperatorFamily {
  members: number;
  /** Of one member. */
  rows: number;
  columns: number;
  applyBlock(x: Float64Array, y: Float64Array, count: number): Promise<void>;
  applyTransposedBlock(y: Float64Array, x: Float64Array, count: number): Promise<void>;
}

interface Request {
  transposed: boolean;
  from: Float64Array;
  to: Float64Array;
  count: number;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/**
 * The members of a family as operators of their own, for solvers that run side by side: once every solver waits for a
 * product, those of the kind that most of them wait for are computed together. Members that are done get zeros.
 */
export class GatheredOperators {
  private readonly requests: (Request | null)[];
  private readonly alive: boolean[];
  /** Vectors of all members, kept from product to product: there is one at a time. */
  private readonly rooms = { from: new Float64Array(0), to: new Float64Array(0) };

  constructor(private readonly family: OperatorFamily) {
    this.requests = Array.from({ length: family.members }, () => null);
    this.alive = Array.from({ length: family.members }, () => true);
  }

  /** One member; its solver waits for each product before it asks for the next, and says when it is done. */
  member(index: number): BlockOperator {
    const { family } = this;
    const { rows, columns } = family;
    if (family.members === 1) return family;
    const request = (transposed: boolean, from: Float64Array, to: Float64Array, count: number): Promise<void> =>
      new Promise((resolve, reject) => {
        this.requests[index] = { transposed, from, to, count, resolve, reject };
        this.serve();
      });
    return { rows, columns, applyBlock: (x, y, count) => request(false, x, y, count), applyTransposedBlock: (y, x, count) => request(true, y, x, count) };
  }

  /** The member asks for no more products. */
  leave(index: number): void {
    this.alive[index] = false;
    this.serve();
  }

  private serve(): void {
    const waiting = this.requests.filter((request) => request !== null);
    if (waiting.length === 0 || this.requests.some((request, i) => this.alive[i] && request === null)) return;
    const alike = (a: Request, b: Request): boolean => a.transposed === b.transposed && a.count === b.count;
    const votes = waiting.map((request) => waiting.filter((other) => alike(request, other)).length);
    const kind = waiting[votes.indexOf(Math.max(...votes))];
    const served = this.requests.map((request) => (request !== null && alike(request, kind) ? request : null));
    for (const [i, request] of served.entries()) if (request !== null) this.requests[i] = null;
    this.multiply(served, kind).then(
      () => served.forEach((request) => request?.resolve()),
      (reason: unknown) => served.forEach((request) => request?.reject(reason)),
    );
  }

  private room(name: 'from' | 'to', length: number): Float64Array {
    if (this.rooms[name].length < length) this.rooms[name] = new Float64Array(length);
    return this.rooms[name].subarray(0, length);
  }

  private async multiply(served: readonly (Request | null)[], { transposed, count }: Request): Promise<void> {
    const { family } = this;
    const { members, rows, columns } = family;
    const [given, made] = transposed ? [rows, columns] : [columns, rows];
    const from = this.room('from', count * members * given);
    const to = this.room('to', count * members * made);
    from.fill(0);
    for (const [i, request] of served.entries()) {
      if (request === null) continue;
      for (let k = 0; k < count; k++) from.set(request.from.subarray(k * given, (k + 1) * given), (k * members + i) * given);
    }
    await (transposed ? family.applyTransposedBlock(from, to, count) : family.applyBlock(from, to, count));
    for (const [i, request] of served.entries()) {
      if (request === null) continue;
      for (let k = 0; k < count; k++) request.to.set(to.subarray((k * members + i) * made, (k * members + i + 1) * made), k * made);
    }
  }
}
