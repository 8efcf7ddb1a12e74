import { gramProduct, jacobianVectorProduct, vectorJacobianProduct, type DerivativeGraph } from './differentiate.js';
import { inFloatType } from './elements.js';
import { withFloat64Kernels } from './float64/index.js';
import { elementsOf, isFloat, NotDifferentiable, type ShapedGraph } from './graph.js';
import { linearised } from './linearPart.js';
import { asFloats, GraphSession, type Elements, type TensorData } from './session.js';

export type Precision = 'float32' | 'float64';
export type Batch = Readonly<Record<string, TensorData>>;
/** J·t, Jᵀ·c or Jᵀ·J·t. */
export type ProductKind = 'forward' | 'reverse' | 'gram';

/** Sessions are kept while they are used in turns; the one unused longest is let go beyond this number. */
const mostSessions = 8;

/** A graph for one question, loaded. */
export interface Prepared {
  /** Null for the network itself. */
  derivative: DerivativeGraph | null;
  session: GraphSession;
  /** Makes what `session` needs beside the inputs and the directions; null where there is nothing. */
  point: GraphSession | null;
}

/** A point at which many products are taken: what they all need of it is computed once, by question. */
export interface Point {
  batch: Batch;
  known: Map<Prepared, Map<string, TensorData>>;
}

export interface RunSettings {
  precision: Precision;
  /** Threads of onnxruntime; all processors by default. */
  threads?: number;
}

/** Builds derivative graphs of one network, each when it is first asked for, loads them and runs them. */
export class DerivativeRuns {
  private readonly kept = new Map<string, Promise<Prepared>>();

  /** @param held what the held inputs were */
  constructor(
    readonly network: ShapedGraph,
    private readonly settings: RunSettings,
    private readonly held: ReadonlyMap<string, TensorData>,
  ) {}

  /** Shape of a value of the network. @throws NotDifferentiable where it has none of that name */
  shapeOf(name: string): readonly number[] {
    const value = this.network.values.get(name);
    if (value === undefined) throw new NotDifferentiable(`The network has no value ${name}.`);
    return value.shape;
  }

  /** Values of the network for a batch. */
  async values(names: readonly string[], batch: Batch): Promise<Map<string, TensorData>> {
    const { session } = await this.prepared(['values', ...names], async () => ({ derivative: null, session: await this.session({ ...this.network, outputs: names }), point: null }));
    return session.run(this.converted(batch));
  }

  /**
   * Products with K tangents of `by` or, in reverse, K cotangents of `of`.
   * @param at a batch, or a point at which many products are taken
   */
  async product(kind: ProductKind, of: string, by: string, seeds: Elements, at: Batch | Point): Promise<Elements> {
    const shape = this.shapeOf(kind === 'reverse' ? of : by);
    const directions = seeds.length / elementsOf(shape);
    const point = isPoint(at) ? at : null;
    const prepared = await this.prepared([kind, of, by, directions, point === null ? 'at once' : 'at a point'], () => this.build(kind, of, by, directions, point !== null));
    const inputs = this.converted(isPoint(at) ? at.batch : at);
    const known = point === null ? null : await this.knownAt(point, prepared, inputs);
    return this.answer(prepared, [directions, ...shape], seeds, { ...inputs, ...known });
  }

  /** The one result of a derivative graph for some directions. */
  async answer({ derivative, session }: Prepared, shape: readonly number[], seeds: Elements, inputs: Batch): Promise<Elements> {
    const [seed, result] = [derivative?.seeds[0] ?? '', derivative?.results[0] ?? ''];
    const results = await session.run({ ...inputs, [seed]: { dtype: this.settings.precision, shape, elements: this.floats(seeds) } });
    const answer = results.get(result);
    if (answer === undefined) throw new Error(`onnxruntime has not answered ${result}.`);
    return answer.elements;
  }

  /** The graph of a question, made when it is first asked. */
  prepare(question: readonly (string | number)[], make: () => DerivativeGraph): Promise<Prepared> {
    return this.prepared(question, async () => {
      const derivative = make();
      return { derivative, session: await this.session(derivative.graph), point: null };
    });
  }

  derivative(kind: ProductKind, of: string, by: string, directions: number): DerivativeGraph {
    if (this.held.has(by)) throw new NotDifferentiable(`The input ${by} is held, and nothing is differentiated by it.`);
    const request = { of: [of], by: [by], directions };
    return kind === 'forward' ? jacobianVectorProduct(this.network, request) : kind === 'reverse' ? vectorJacobianProduct(this.network, request) : gramProduct(this.network, request);
  }

  converted(batch: Batch): Record<string, TensorData> {
    for (const [name, tensor] of this.held) if (!sameElements(tensor, batch[name])) throw new NotDifferentiable(`The input ${name} was held when the network was differentiated, and now has other values: differentiate it anew for these.`);
    return Object.fromEntries(Object.entries(batch).map(([name, tensor]) => [name, isFloat(tensor.dtype) ? inFloatType(tensor, this.settings.precision) : tensor]));
  }

  /** Elements in the precision of the network. */
  floats(elements: Elements): Float32Array | Float64Array {
    return asFloats(elements, this.settings.precision);
  }

  /** Lets all sessions go. */
  async release(): Promise<void> {
    const kept = [...this.kept.values()];
    this.kept.clear();
    for (const entry of kept) await entry.then(releaseAll).catch(() => undefined);
  }

  /** A session for one question, made when it is first asked. */
  private prepared(question: readonly (string | number)[], make: () => Promise<Prepared>): Promise<Prepared> {
    const key = JSON.stringify(question);
    const known = this.kept.get(key);
    const prepared = known ?? make();
    // Used last, kept longest.
    this.kept.delete(key);
    this.kept.set(key, prepared);
    if (known === undefined) {
      prepared.catch(() => this.kept.delete(key));
      if (this.kept.size > mostSessions) this.dropOldest();
    }
    return prepared;
  }

  private async build(kind: ProductKind, of: string, by: string, directions: number, inParts: boolean): Promise<Prepared> {
    const derivative = this.derivative(kind, of, by, directions);
    const { point, linear } = inParts ? linearised(derivative) : { point: null, linear: derivative.graph };
    return { derivative, session: await this.session(linear), point: point === null ? null : await this.session(point) };
  }

  /** What products at a point need of it. */
  private async knownAt(point: Point, prepared: Prepared, inputs: Batch): Promise<Record<string, TensorData>> {
    if (prepared.point === null) return {};
    const known = point.known.get(prepared) ?? (await prepared.point.run(inputs));
    point.known.set(prepared, known);
    return Object.fromEntries(known);
  }

  private dropOldest(): void {
    const [[key, entry]] = this.kept;
    this.kept.delete(key);
    void entry.then(releaseAll).catch(() => undefined);
  }

  private session(graph: ShapedGraph): Promise<GraphSession> {
    const { threads, precision } = this.settings;
    const given = threads === undefined ? {} : { threads };
    // Beyond the basic ones, onnxruntime's own rewrites put in operators that it has in float32 alone.
    return precision === 'float64' ? GraphSession.create(withFloat64Kernels(graph), { ...given, optimization: 'basic' }) : GraphSession.create(graph, given);
  }
}

async function releaseAll({ session, point }: Prepared): Promise<void> {
  await session.release();
  await point?.release();
}

export function pointAt(batch: Batch): Point {
  return { batch, known: new Map() };
}

function isPoint(at: Batch | Point): at is Point {
  return 'known' in at && at.known instanceof Map;
}

function sameElements(a: TensorData, b: TensorData | undefined): boolean {
  if (b === undefined) return false;
  return a.elements === b.elements || (a.elements.length === b.elements.length && a.elements.every((x: number | bigint, i: number) => Number(x) === Number(b.elements[i])));
}
