import { ModelFileError, type AttributeValue, type Graph, type GraphNode, type StoredTensor, type ValueInfo } from '../formats/modelFile.js';

/** Nested graphs (bodies of If, Loop and Scan) deeper than this are refused: no exporter comes near. */
const maximumNesting = 64;

/** A node with the graph it stands in. */
export interface PlacedNode {
  node: GraphNode;
  scope: Scope;
}

/** A place where a value is read. */
export interface Use extends PlacedNode {
  /** Which input of the node. */
  input: number;
}

/**
 * A graph with its names resolved: who makes a value, who reads it. Names of an enclosing graph are visible inside
 * (ONNX's outer scope), and inner names hide outer ones.
 */
export class Scope {
  readonly initializers = new Map<string, StoredTensor>();
  readonly producers = new Map<string, GraphNode>();
  readonly infos = new Map<string, ValueInfo>();
  readonly outputs: Set<string>;
  /** In topological order. */
  readonly nodes: GraphNode[];
  readonly children = new Map<GraphNode, Scope[]>();
  private readonly inputs: Set<string>;
  private readonly uses = new Map<string, Use[]>();
  private readonly readNames = new Map<GraphNode, string[]>();

  /** @throws ModelFileError `model/corrupt` for a cycle */
  constructor(
    readonly graph: Graph,
    readonly parent: Scope | null = null,
    depth = 0,
  ) {
    if (depth > maximumNesting) throw new ModelFileError('model/limit', `The model nests graphs more than ${maximumNesting} deep, which no exporter writes: it is damaged.`);
    for (const tensor of graph.initializers) this.initializers.set(tensor.name, tensor);
    for (const node of graph.nodes) for (const output of node.outputs) if (output !== '') this.producers.set(output, node);
    for (const info of [...graph.values, ...graph.outputs, ...graph.inputs]) this.infos.set(info.name, info);
    this.inputs = new Set(graph.inputs.map((input) => input.name));
    this.outputs = new Set(graph.outputs.map((output) => output.name));
    for (const node of graph.nodes) {
      const bodies = Object.values(node.attributes).flatMap(graphsOf);
      if (bodies.length > 0) this.children.set(node, bodies.map((body) => new Scope(body, this, depth + 1)));
    }
    this.nodes = this.topologicalOrder();
    for (const node of this.nodes) {
      for (const [input, name] of node.inputs.entries()) if (name !== '') this.addUse(name, { node, scope: this, input });
    }
  }

  /** The scope that defines a name: this one or an enclosing one. */
  definingScope(name: string): Scope | null {
    if (this.producers.has(name) || this.initializers.has(name) || this.inputs.has(name)) return this;
    return this.parent?.definingScope(name) ?? null;
  }

  initializer(name: string): StoredTensor | null {
    const scope = this.definingScope(name);
    return scope && !scope.producers.has(name) ? (scope.initializers.get(name) ?? null) : null;
  }

  producer(name: string): PlacedNode | null {
    const scope = this.definingScope(name);
    const node = scope?.producers.get(name);
    return scope && node ? { node, scope } : null;
  }

  info(name: string): ValueInfo | null {
    return this.definingScope(name)?.infos.get(name) ?? null;
  }

  /** Every place that reads the value, nested graphs included. */
  usesOf(name: string): Use[] {
    return this.definingScope(name)?.uses.get(name) ?? this.uses.get(name) ?? [];
  }

  /** An output of the graph that defines it (of the network or of a nested graph). */
  isOutput(name: string): boolean {
    return this.definingScope(name)?.outputs.has(name) ?? false;
  }

  /** All nodes in topological order, those of nested graphs at the place of the node that holds them. */
  *allNodes(): Generator<PlacedNode> {
    for (const node of this.nodes) {
      for (const child of this.children.get(node) ?? []) yield* child.allNodes();
      yield { node, scope: this };
    }
  }

  /** This scope and all nested ones. */
  *allScopes(): Generator<Scope> {
    yield this;
    for (const children of this.children.values()) for (const child of children) yield* child.allScopes();
  }

  private addUse(name: string, use: Use): void {
    const scope = this.definingScope(name) ?? this;
    const uses = scope.uses.get(name);
    if (uses) uses.push(use);
    else scope.uses.set(name, [use]);
  }

  /** Names that a node reads from this scope: its inputs and what its bodies capture. */
  private reads(node: GraphNode): string[] {
    const known = this.readNames.get(node);
    if (known) return known;
    const names = node.inputs.filter((name) => name !== '');
    this.readNames.set(node, names);
    for (const child of this.children.get(node) ?? []) {
      for (const inner of child.nodes) for (const name of child.reads(inner)) if (!child.defines(name)) names.push(name);
      for (const name of child.outputs) if (!child.defines(name)) names.push(name);
    }
    return names;
  }

  private defines(name: string): boolean {
    return this.producers.has(name) || this.initializers.has(name) || this.inputs.has(name);
  }

  /** The file's order where it is one; else makers before readers. */
  private topologicalOrder(): GraphNode[] {
    const order: GraphNode[] = [];
    const state = new Map<GraphNode, 'open' | 'done'>();
    for (const root of this.graph.nodes) {
      const stack = [root];
      for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
        if (state.get(node) === 'done') {
          stack.pop();
          continue;
        }
        const missing = this.reads(node)
          .map((name) => this.producers.get(name))
          .filter((maker) => maker !== undefined && state.get(maker) !== 'done');
        if (state.get(node) === 'open' || missing.length === 0) {
          if (missing.length > 0) {
            throw new ModelFileError('model/corrupt', `The graph runs in a circle through node "${node.name || node.opType}"; a model's graph must have a beginning and an end.`);
          }
          state.set(node, 'done');
          order.push(node);
          stack.pop();
        } else {
          state.set(node, 'open');
          stack.push(...missing.filter((maker) => maker !== undefined));
        }
      }
    }
    return order;
  }
}

/** The graphs that an attribute holds. */
export function graphsOf(value: AttributeValue): Graph[] {
  if (value === null || typeof value !== 'object') return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter(isGraph);
}

function isGraph(value: unknown): value is Graph {
  return typeof value === 'object' && value !== null && 'nodes' in value && 'initializers' in value;
}
