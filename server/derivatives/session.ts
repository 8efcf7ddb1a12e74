import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { onnxModelBytes, type OnnxGraph, type OnnxType } from '../runtime/onnxWriter.js';
import { constantsFor, nodesFor, NotDifferentiable, type FlatGraph, type ShapedGraph } from './graph.js';

/** Elements of a tensor as onnxruntime takes them and gives them; float16 as bit patterns. */
export type Elements = Float32Array | Float64Array | BigInt64Array | BigUint64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;

export interface TensorData {
  dtype: OnnxType;
  shape: readonly number[];
  elements: Elements;
}

/** Elements as floating-point numbers; themselves where they are that already. */
export function asFloats(elements: Elements, dtype: 'float32' | 'float64'): Float32Array | Float64Array {
  if (dtype === 'float64' && elements instanceof Float64Array) return elements;
  if (dtype === 'float32' && elements instanceof Float32Array) return elements;
  const values = dtype === 'float64' ? new Float64Array(elements.length) : new Float32Array(elements.length);
  for (let i = 0; i < values.length; i++) values[i] = Number(elements[i]);
  return values;
}

/** Σ aᵢ·bᵢ in float64. */
export function dot(a: Elements, b: Elements): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Number(a[i]) * Number(b[i]);
  return sum;
}

/** Largest |x|; 0 of none, NaN where one is. */
export function largestMagnitude(elements: Elements): number {
  let most = 0;
  for (const x of elements) most = Math.max(most, Math.abs(Number(x)));
  return most;
}

export interface SessionOptions {
  /** Threads of one run; all processors by default. */
  threads?: number;
  /** 'disabled' leaves every node as it is: for a graph that runs once. */
  optimization?: 'disabled' | 'basic' | 'all';
}

/**
 * How long, in microseconds, a thread waits for its next part by spinning before it sleeps: as long as waking it up takes.
 * Longer ones take the processor from those that work, where more threads run than there are processors.
 */
const spinDuration = '100';
/** Texts of onnxruntime begin with a code that tells a user nothing. */
const errorPrefix = /^(Error: )?(Non-zero status code returned while )?/;

/** A graph loaded by onnxruntime. A run blocks its thread until it is done. */
export class GraphSession {
  private constructor(
    private readonly session: InferenceSession,
    private readonly tensor: new (type: never, data: never, dims: readonly number[]) => Tensor,
    private readonly outputs: readonly string[],
  ) {}

  /** @throws NotDifferentiable where onnxruntime refuses the graph, with its reason */
  static async create(graph: FlatGraph | ShapedGraph, { threads, optimization = 'all' }: SessionOptions = {}): Promise<GraphSession> {
    const runtime = await import('onnxruntime-node');
    const options: InferenceSession.SessionOptions = {
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: optimization,
      logSeverityLevel: 4,
      extra: { session: { model_external_initializers_file_folder_path: graph.folder, intra_op: { allow_spinning: '1', spin_duration_us: spinDuration } } },
    };
    try {
      const session = await runtime.InferenceSession.create(onnxModelBytes(writtenGraph(graph), graph.opset), options);
      return new GraphSession(session, runtime.Tensor, graph.outputs);
    } catch (error) {
      throw refusal('does not load the network', error);
    }
  }

  /** @throws NotDifferentiable where onnxruntime cannot run the graph on these inputs */
  async run(feeds: Readonly<Record<string, TensorData>>): Promise<Map<string, TensorData>> {
    const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { dtype, elements, shape }]) => [name, new this.tensor(dtype as never, elements as never, shape)]));
    try {
      const results = await this.session.run(inputs, [...this.outputs]);
      return new Map(this.outputs.map((name) => [name, { dtype: results[name].type, shape: results[name].dims, elements: results[name].data as Elements }]));
    } catch (error) {
      throw refusal('does not run the network', error);
    }
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function writtenGraph(graph: FlatGraph | ShapedGraph): OnnxGraph {
  const nodes = nodesFor(graph.nodes, graph.outputs);
  const inputs = graph.inputs.map(({ name, dtype, shape }) => ({ name, elementType: dtype, shape }));
  return { nodes, inputs, outputs: graph.outputs, initializers: constantsFor(nodes, graph.outputs, graph.constants) };
}

function refusal(what: string, error: unknown): NotDifferentiable {
  const reason = (error instanceof Error ? error.message : String(error)).replace(errorPrefix, '').trim().replace(/\.?$/, '.');
  return new NotDifferentiable(`onnxruntime ${what}: ${reason}`);
}
