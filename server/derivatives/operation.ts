import type { GraphBuilder } from './builder.js';
import { describeNode, NotDifferentiable, type Node, type Value } from './graph.js';

/** One node of the network with its values, and the graph that its derivative, or what stands for it, is added to. */
export class Operation {
  constructor(
    readonly graph: GraphBuilder,
    readonly node: Node,
    /** null: left out. */
    readonly inputs: readonly (Value | null)[],
    readonly outputs: readonly (Value | null)[],
    /** Version of the standard operator set that the node was written for. */
    readonly opset: number,
    /** Tangents or cotangents that are carried at once; 0 where none are. */
    readonly directions = 0,
  ) {}

  /** @throws NotDifferentiable for an input that is not there */
  input(index: number): Value {
    return this.inputs.at(index) ?? this.fail(`has no input ${index}`);
  }

  output(index = 0): Value {
    return this.outputs.at(index) ?? this.fail(`has no output ${index}`);
  }

  /** The rank of the first input. */
  get rank(): number {
    return this.input(0).shape.length;
  }

  /** An axis of the first input, counted from its start. */
  axis(axis: number, rank = this.rank): number {
    return axis < 0 ? axis + rank : axis;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.node.attributes, name);
  }

  /** An integer attribute. */
  integer(name: string, fallback: number): number {
    const attribute = this.attribute(name);
    return attribute?.type === 'int' ? attribute.value : fallback;
  }

  /** A floating-point attribute, which ONNX stores as float32. */
  float(name: string, fallback: number): number {
    const attribute = this.attribute(name);
    return Math.fround(attribute?.type === 'float' ? attribute.value : fallback);
  }

  integers(name: string): readonly number[] | null {
    const attribute = this.attribute(name);
    return attribute?.type === 'ints' ? attribute.value : null;
  }

  floats(name: string): readonly number[] | null {
    const attribute = this.attribute(name);
    return attribute?.type === 'floats' ? attribute.value.map(Math.fround) : null;
  }

  texts(name: string): readonly string[] | null {
    const attribute = this.attribute(name);
    return attribute?.type === 'strings' ? attribute.value : null;
  }

  text(name: string, fallback: string): string {
    const attribute = this.attribute(name);
    return attribute?.type === 'string' ? attribute.value : fallback;
  }

  /**
   * Numbers of an input that are a parameter of the operation: an axis, a shape, a number of steps. Null where it is left out.
   * @throws NotDifferentiable where they depend on the data
   */
  parameters(index: number): readonly number[] | null {
    const value = this.inputs.at(index) ?? null;
    if (value === null) return null;
    const numbers = this.graph.numbersOf(value);
    if (numbers !== null) return numbers;
    throw new NotDifferentiable(`${describeNode(this.node)} takes its input ${index} (${value.name}) from the data, and its derivative needs it fixed.`, this.node, value.name);
  }

  /** @throws NotDifferentiable always: a sentence about this node */
  fail(what: string): never {
    throw new NotDifferentiable(`${describeNode(this.node)} ${what}.`, this.node);
  }

  private attribute(name: string): Node['attributes'][string] | undefined {
    return this.has(name) ? this.node.attributes[name] : undefined;
  }
}
