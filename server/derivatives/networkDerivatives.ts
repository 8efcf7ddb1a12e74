import { flattenControlFlow } from './controlFlow.js';
import { DerivativeRuns, pointAt, type Batch, type RunSettings } from './derivativeRuns.js';
import { vectorJacobianProduct, type DerivativeGraph } from './differentiate.js';
import { inFloatType } from './elements.js';
import { mostElementsAlive } from './elementsAlive.js';
import { elementsOf, isFloat, NotDifferentiable, type FlatGraph, type ShapedGraph } from './graph.js';
import { withGramMatrices } from './gramMatrices.js';
import { inPrecision } from './precision.js';
import { probe } from './probe.js';
import { rewrite } from './rewrite.js';
import { sampleGradients } from './sampleGradients.js';
import { asFloats, type Elements, type TensorData } from './session.js';

export type { Precision } from './derivativeRuns.js';

export interface DerivativeSettings extends RunSettings {
  /** What the intermediate values of one run may take; decides how many directions are carried at once. */
  memoryBytes?: number;
  /** Inputs that have the same values in all batches: shapes, axes, scales, which an operation needs to know beforehand. */
  held?: readonly string[];
}

/** The Jacobians of the samples of a batch, each rows × columns, row-major. */
export interface Jacobians {
  rows: number;
  columns: number;
  matrices: Float64Array[];
}

interface Layout {
  samples: number;
  rows: number;
  columns: number;
  /** By cotangents, a row each; else by tangents, a column each. */
  reverse: boolean;
  /** Directions at once. */
  together: number;
}

/** A Jacobian that is known by its products: what block Lanczos takes. */
export interface JacobianOperator {
  rows: number;
  columns: number;
  applyBlock(x: Float64Array, y: Float64Array, count: number): Promise<void>;
  applyTransposedBlock(y: Float64Array, x: Float64Array, count: number): Promise<void>;
}

const defaultMemoryBytes = 512 * 1024 * 1024;
/** A rule needs copies of what it works on: operands put in another order, and parts before they are added. */
const copiesAlive = 3;
/** Lines in float64, and as many turned. */
const gramCopies = 2;
/** More directions at once than this do not make a product faster. */
const mostDirections = 128;

export interface JacobianOptions {
  /** Samples along the first axis of every value of a batch; 1: the whole of each value belongs to one. Default: the first axis of `of`. */
  samples?: number;
  signal?: AbortSignal;
}

/**
 * The derivatives of a network at batches of inputs of one shape: builds a graph for each question once, and runs it for
 * every batch. Batches are taken to be independent along their first axis, as those of every network that classifies are.
 */
export class NetworkDerivatives {
  private readonly runs: DerivativeRuns;

  private constructor(
    /** The network as it is differentiated: rewritten, in the chosen precision. */
    readonly network: ShapedGraph,
    /** The same before operations were rewritten: those of the file, control flow laid flat. */
    readonly imported: ShapedGraph,
    private readonly settings: DerivativeSettings,
    held: ReadonlyMap<string, TensorData>,
  ) {
    this.runs = new DerivativeRuns(network, settings, held);
  }

  /**
   * Probes the network with one batch of inputs, whose shapes all later batches must have, and whose branches and
   * numbers of iterations are taken. Floating-point inputs may be given in float16, float32 or float64, whatever the
   * network takes.
   * @throws NotDifferentiable where onnxruntime refuses it, or an operation cannot be written in known ones
   */
  static async create(network: FlatGraph, batch: Batch, settings: DerivativeSettings): Promise<NetworkDerivatives> {
    const declared = new Map(network.inputs.map(({ name, dtype }) => [name, dtype]));
    const given = Object.entries(batch).map(([name, tensor]) => [name, asDeclared(tensor, declared.get(name) ?? tensor.dtype)] as const);
    const inputs = Object.fromEntries(given);
    const held = (settings.held ?? []).filter((name) => Object.hasOwn(batch, name));
    const { graph } = await probe(await flattenControlFlow(network, inputs), inputs, network.outputs, held);
    return new NetworkDerivatives(inPrecision(rewrite(graph), settings.precision), graph, settings, new Map(held.map((name) => [name, batch[name]])));
  }

  /** Values of the network for a batch. */
  async values(names: readonly string[], batch: Batch): Promise<Map<string, TensorData>> {
    return this.runs.values(names, batch);
  }

  /** J·t for K tangents of `by`: each has the shape [K, ...shape]. The result has the shape [K, ...shape of `of`]. */
  async jacobianVectorProducts(of: string, by: string, tangents: Elements, batch: Batch): Promise<Elements> {
    return this.runs.product('forward', of, by, tangents, batch);
  }

  /** Jᵀ·c for K cotangents of `of`. */
  async vectorJacobianProducts(of: string, by: string, cotangents: Elements, batch: Batch): Promise<Elements> {
    return this.runs.product('reverse', of, by, cotangents, batch);
  }

  /** Jᵀ·J·t for K tangents of `by`. */
  async gramProducts(of: string, by: string, tangents: Elements, batch: Batch): Promise<Elements> {
    return this.runs.product('gram', of, by, tangents, batch);
  }

  /**
   * Jᵀ·c by parameters, summed over the batch: the gradients of ⟨c, of⟩.
   * @param parameters constants of the network by their names in the file
   * @param cotangents one of the shape of `of`
   * @returns elements by parameter, of its shape
   */
  async parameterGradients(of: string, parameters: readonly string[], cotangents: Elements, batch: Batch): Promise<Map<string, Elements>> {
    const make = (): DerivativeGraph => vectorJacobianProduct(this.network, { of: [of], by: parameters, directions: 1 });
    return this.gradients(['gradients', of, ...parameters], make, of, parameters, cotangents, batch);
  }

  /**
   * The same for every sample of a batch: [samples, ...shape of the parameter] each.
   * @param isBatched whether the first axis of a value counts the samples
   * @throws NotDifferentiable also where the samples cannot be told apart
   */
  async sampleGradients(of: string, parameters: readonly string[], cotangents: Elements, batch: Batch, isBatched: (name: string) => boolean): Promise<Map<string, Elements>> {
    const [samples] = this.shapeOf(of);
    const make = (): DerivativeGraph => sampleGradients(this.network, { of, by: parameters, samples, isBatched });
    return this.gradients(['gradients by sample', of, ...parameters], make, of, parameters, cotangents, batch);
  }

  /**
   * ∂of/∂by of every sample of a batch, by the mode that takes fewer products.
   * Throws the signal's reason between products; NotDifferentiable for a missing rule, and where the batch axes differ.
   */
  async jacobians(of: string, by: string, batch: Batch, options: JacobianOptions = {}): Promise<Jacobians> {
    const layout = this.layout(of, by, options);
    const { samples, rows, columns } = layout;
    const matrices = Array.from({ length: samples }, () => new Float64Array(rows * columns));
    await this.fill(matrices, of, by, batch, layout, options.signal);
    return { rows, columns, matrices };
  }

  /**
   * J·Jᵀ of every sample, or Jᵀ·J where that is smaller, in float64, row-major. Null where that does not fit into one run.
   * Each entry is right to the rounding of the derivative, and their roots of eigenvalues are J's singular values.
   */
  async gramMatrices(of: string, by: string, batch: Batch, samples: number): Promise<{ size: number; matrices: Float64Array[] } | null> {
    const [rows, columns] = [elementsOf(this.shapeOf(of)) / samples, elementsOf(this.shapeOf(by)) / samples];
    const reverse = rows <= columns;
    const [size, length] = reverse ? [rows, columns] : [columns, rows];
    const budget = this.settings.memoryBytes ?? defaultMemoryBytes;
    if (size > this.directionsAtOnce(of, by) || gramCopies * 8 * size * samples * length > budget) return null;
    const kind = reverse ? 'reverse' : 'forward';
    const prepared = await this.runs.prepare([kind, of, by, size, 'gram'], () => withGramMatrices(this.runs.derivative(kind, of, by, size), size, samples, length));
    const shape = [size, ...this.shapeOf(reverse ? of : by)];
    const all = asFloats(await this.runs.answer(prepared, shape, unitDirections(size, samples, size, 0), this.runs.converted(batch)), 'float64') as Float64Array;
    return { size, matrices: Array.from({ length: samples }, (_, n) => all.subarray(n * size * size, (n + 1) * size * size)) };
  }

  /**
   * ∂of/∂by as an operator, for Jacobians that are too large to be written out. Of a batch of several samples it is the
   * block-diagonal matrix of all of them: give it one sample for that of one.
   */
  jacobianOperator(of: string, by: string, batch: Batch): JacobianOperator {
    const most = this.directionsAtOnce(of, by);
    const point = pointAt(batch);
    const product = async (kind: 'forward' | 'reverse', from: Float64Array, to: Float64Array, count: number): Promise<void> => {
      const [given, made] = [from.length / count, to.length / count];
      const together = Math.min(count, most);
      for (let first = 0; first < count; first += together) {
        const last = Math.min(first + together, count);
        const results = await this.runs.product(kind, of, by, this.floats(from.slice(first * given, last * given)), point);
        to.set(this.floats(results), first * made);
      }
    };
    return {
      rows: elementsOf(this.shapeOf(of)),
      columns: elementsOf(this.shapeOf(by)),
      applyBlock: (x, y, count) => product('forward', x, y, count),
      applyTransposedBlock: (y, x, count) => product('reverse', y, x, count),
    };
  }

  /** How many directions are carried at once: at least 1. */
  directionsAtOnce(of: string, by: string): number {
    return Math.max(1, Math.min(mostDirections, this.directionsThatFit(of, by)));
  }

  /** How many directions the memory has room for; 0 where one alone is too large. */
  directionsThatFit(of: string, by: string): number {
    const bytes = this.settings.precision === 'float64' ? 8 : 4;
    const budget = this.settings.memoryBytes ?? defaultMemoryBytes;
    return Math.floor(budget / Math.max(1, bytes * copiesAlive * mostElementsAlive(this.network, of, by)));
  }

  /** Whether the memory has room for so many numbers. */
  hasRoomFor(elements: number): boolean {
    return (this.settings.precision === 'float64' ? 8 : 4) * elements <= (this.settings.memoryBytes ?? defaultMemoryBytes);
  }

  /** Shape of a value of the network. @throws NotDifferentiable where it has none of that name */
  shapeOf(name: string): readonly number[] {
    return this.runs.shapeOf(name);
  }

  /** Elements in the precision of the network. */
  floats(elements: Elements): Float32Array | Float64Array {
    return this.runs.floats(elements);
  }

  /** Lets all sessions go. */
  async release(): Promise<void> {
    await this.runs.release();
  }

  /** How the Jacobians of a batch are computed: by which mode, and in how many directions at once. */
  private layout(of: string, by: string, { samples: given }: JacobianOptions): Layout {
    const [output, input] = [this.shapeOf(of), this.shapeOf(by)];
    const samples = given ?? output[0];
    if (samples !== 1 && (output[0] !== samples || input[0] !== samples)) throw new NotDifferentiable(`${of} holds ${output[0]} samples and ${by} ${input[0]}: their derivatives do not belong to single samples.`);
    const [rows, columns] = [elementsOf(output) / samples, elementsOf(input) / samples];
    const directions = Math.min(rows, columns);
    const groups = Math.ceil(directions / this.directionsAtOnce(of, by));
    return { samples, rows, columns, reverse: rows <= columns, together: Math.ceil(directions / groups) };
  }

  /** Computes Jacobians into matrices of rows × columns, one for each sample. */
  private async fill(matrices: readonly Float64Array[], of: string, by: string, batch: Batch, { samples, rows, columns, reverse, together }: Layout, signal?: AbortSignal): Promise<void> {
    const [directions, resultLength] = reverse ? [rows, columns] : [columns, rows];
    // One run does both parts sooner than two.
    const point = together < directions ? pointAt(batch) : batch;
    for (let first = 0; first < directions; first += together) {
      signal?.throwIfAborted();
      // The last group begins earlier, so that one graph serves all.
      const start = Math.min(first, directions - together);
      const lines = this.floats(await this.runs.product(reverse ? 'reverse' : 'forward', of, by, unitDirections(together, samples, directions, start), point));
      for (let k = 0; k < together; k++) {
        for (let n = 0; n < samples; n++) {
          const from = (k * samples + n) * resultLength;
          if (reverse) matrices[n].set(lines.subarray(from, from + resultLength), (start + k) * columns);
          else for (let i = 0, at = start + k; i < resultLength; i++, at += columns) matrices[n][at] = lines[from + i];
        }
      }
    }
  }

  private async gradients(question: readonly string[], make: () => DerivativeGraph, of: string, parameters: readonly string[], cotangents: Elements, batch: Batch): Promise<Map<string, Elements>> {
    const { derivative, session } = await this.runs.prepare(question, make);
    const seed = { dtype: this.settings.precision, shape: [1, ...this.shapeOf(of)], elements: this.floats(cotangents) };
    const results = await session.run({ ...this.runs.converted(batch), [derivative?.seeds[0] ?? '']: seed });
    return new Map(parameters.map((name, i) => [name, results.get(derivative?.results[i] ?? '')?.elements ?? new Float64Array()]));
  }
}

/** Of all samples the directions start … start + K − 1 of a basis: [K, samples, length]. */
function unitDirections(count: number, samples: number, length: number, start: number): Float64Array {
  const seeds = new Float64Array(count * samples * length);
  for (let k = 0; k < count; k++) for (let n = 0; n < samples; n++) seeds[(k * samples + n) * length + start + k] = 1;
  return seeds;
}

/** A floating-point tensor in the type that the network takes; any other as it is. */
function asDeclared(tensor: TensorData, dtype: TensorData['dtype']): TensorData {
  return isFloat(tensor.dtype) && (dtype === 'float16' || dtype === 'float32' || dtype === 'float64') ? inFloatType(tensor, dtype) : tensor;
}
