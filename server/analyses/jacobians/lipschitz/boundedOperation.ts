import { describeNode, elementsOf, type Node } from '../../../derivatives/graph.js';
import type { Operation } from '../../../derivatives/operation.js';
import type { ConstantValues, NetworkConstants } from './networkConstants.js';
import type { OperatorNorms } from './operatorNorms.js';

/** An operation has no Lipschitz constant, or none that is known here: one sentence. */
export class Unbounded extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Unbounded';
  }
}

/** One node with what is known of the derivatives of its inputs. */
export class BoundedOperation {
  constructor(
    /** The node's values and attributes. */
    readonly operation: Operation,
    /** By input: a bound of the norm of its derivative; null where it does not depend on the variable. */
    readonly bounds: readonly (number | null)[],
    private readonly constants: NetworkConstants,
    readonly norms: OperatorNorms,
  ) {}

  get node(): Node {
    return this.operation.node;
  }

  isActive(input: number): boolean {
    return (this.bounds.at(input) ?? null) !== null;
  }

  /** Shape of an input. */
  shape(input: number): readonly number[] {
    return this.operation.input(input).shape;
  }

  get outputShape(): readonly number[] {
    return this.operation.output().shape;
  }

  /** The bound of one input, the only one that depends on the variable. @throws Unbounded where another does */
  only(input = 0): number {
    const other = this.bounds.findIndex((bound, i) => bound !== null && i !== input);
    if (other >= 0) return this.refuse(`takes its input ${other} from values that depend on the input, for which no Lipschitz constant is known here`);
    return this.bounds[input] ?? 0;
  }

  /**
   * The bounds of all inputs after they are broadcast to the output: each element is repeated equally often, and a matrix
   * that repeats every element c times has the norm √c.
   */
  broadcast(inputs: readonly number[] = this.bounds.map((_, i) => i)): number[] {
    return inputs.flatMap((input) => {
      const bound = this.bounds.at(input) ?? null;
      return bound === null ? [] : [bound * Math.sqrt(copies(this.outputShape, this.shape(input)))];
    });
  }

  /** Elements of an input that does not depend on the variable. @throws Unbounded where it depends on other data */
  async constant(input: number): Promise<ConstantValues> {
    const value = this.operation.input(input);
    return (await this.constants.of(value.name)) ?? this.refuse(`takes its input ${input} (${value.name}) from the data, so that its Lipschitz constant is not known`);
  }

  /** Largest |element| of such an input; 0 of none. @throws Unbounded as `constant` */
  async largestMagnitude(input: number): Promise<number> {
    const { values } = await this.constant(input);
    let largest = 0;
    for (const value of values) largest = Math.max(largest, Math.abs(value));
    return Number.isFinite(largest) ? largest : this.refuse(`has a constant with an element that is no finite number (${this.operation.input(input).name})`);
  }

  /** @throws Unbounded always: a sentence about this node */
  refuse(what: string): never {
    throw new Unbounded(`${describeNode(this.node)} ${what}.`);
  }
}

/** How often each element of a value is repeated in one that it is broadcast to. */
export function copies(output: readonly number[], input: readonly number[]): number {
  const elements = elementsOf(input);
  return elements === 0 ? 1 : elementsOf(output) / elements;
}

/** √Σb²: of values that are put together, or of which each element is chosen from one: ‖[A; B]‖² ≤ ‖A‖² + ‖B‖². */
export function rootOfSquares(bounds: readonly number[]): number {
  return Math.hypot(...bounds);
}

export function sum(bounds: readonly number[]): number {
  return bounds.reduce((a, b) => a + b, 0);
}

/** Bounds of the outputs: of all of them, or of each; null where no bound is known. */
export type OutputBounds = number | readonly (number | null)[];

/** How an operator passes bounds on. */
export type Gain = (operation: BoundedOperation) => OutputBounds | Promise<OutputBounds>;

export type Gains = Readonly<Record<string, Gain>>;

