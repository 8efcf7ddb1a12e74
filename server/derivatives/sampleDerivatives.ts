import { elementsOf, NotDifferentiable, type FlatGraph } from './graph.js';
import { NetworkDerivatives, type DerivativeSettings, type JacobianOperator, type Jacobians } from './networkDerivatives.js';
import { batchOf, type Samples } from './samples.js';
import { sampleGradients } from './sampleGradients.js';
import { asFloats, largestMagnitude, type TensorData } from './session.js';

export interface SampleSettings extends DerivativeSettings {
  /** Value whose derivatives will be asked for most: its size by the variable decides how many samples go into one run. */
  of: string;
  by: string;
  /** Most samples in one run. */
  batch?: number;
}

export interface GradientOptions {
  /** The gradients of every sample, and not their sum. */
  perSample: boolean;
  signal?: AbortSignal;
}

const defaultBatch = 16;
/** So many directions should fit beside a batch: fewer, and the samples wait for each other's runs. */
const directionsBeside = 16;
/** The gradients of all samples of a run are held as they are computed, turned, and handed out. */
const gradientCopies = 3;
/** Values of a sample in a batch and alone may differ by rounding: kernels add up in another order. */
const sameValues = 1e-3;

/**
 * Derivatives of a network at samples, each for itself: several in one run where the network takes batches and does not
 * mix them, which is tried out and not believed; one by one where it does not (a batch fixed at 1 in the file, a value that
 * folds the batch into another axis, a recurrent network whose batch is the second axis).
 */
export class SampleDerivatives {
  private constructor(
    /** For one sample. */
    readonly single: NetworkDerivatives,
    private readonly batched: { derivatives: NetworkDerivatives; size: number } | null,
  ) {}

  /**
   * @param samples those whose shapes, branches and numbers of iterations are taken: all later ones must have these
   * @throws NotDifferentiable where onnxruntime refuses the network
   */
  static async create(network: FlatGraph, samples: Samples, given: SampleSettings): Promise<SampleDerivatives> {
    // What is no part of a batch has one value for good, and operations may need to know it.
    const held = Object.entries(samples.inputs).flatMap(([name, input]) => (input.held && !input.batched && name !== given.by ? [name] : []));
    const settings = { ...given, held: [...(given.held ?? []), ...held] };
    const single = await NetworkDerivatives.create(network, batchOf(samples, [0]), settings);
    const size = Math.min(samples.n, settings.batch ?? defaultBatch, Math.max(1, Math.floor(single.directionsThatFit(settings.of, settings.by) / directionsBeside)));
    if (size < 2 || !Object.values(samples.inputs).some(({ batched, held }) => batched && !held)) return new SampleDerivatives(single, null);
    const derivatives = await tryBatch(network, samples, size, single, settings);
    return new SampleDerivatives(single, derivatives === null ? null : { derivatives, size });
  }

  /** Shape of a value for one sample. */
  shapeOf(name: string): readonly number[] {
    return this.single.shapeOf(name);
  }

  /** Values of the network for all samples, each [n, ...] by sample. Throws the signal's reason between runs. */
  async values(names: readonly string[], samples: Samples, signal?: AbortSignal): Promise<Map<string, Float64Array>> {
    const lengths = new Map(names.map((name) => [name, elementsOf(this.shapeOf(name))]));
    const all = new Map(names.map((name) => [name, new Float64Array(samples.n * (lengths.get(name) ?? 0))]));
    for (const group of this.groups(names, everyPlace(samples))) {
      signal?.throwIfAborted();
      const results = await group.derivatives.values(names, batchOf(samples, group.fed));
      for (const name of names) {
        const length = lengths.get(name) ?? 0;
        const values = asFloats(results.get(name)?.elements ?? new Float64Array(), 'float64');
        for (const [i, place] of group.places.entries()) all.get(name)?.set(values.subarray(i * length, (i + 1) * length), place * length);
      }
    }
    return all;
  }

  /** Jᵀ·c of every sample: cotangents [n, ...shape of `of`], the answer [n, ...shape of `by`]. */
  async vectorJacobianProducts(of: string, by: string, cotangents: ArrayLike<number>, samples: Samples, signal?: AbortSignal): Promise<Float64Array> {
    const [rows, columns] = [elementsOf(this.shapeOf(of)), elementsOf(this.shapeOf(by))];
    const all = new Float64Array(samples.n * columns);
    for (const group of this.groups([of, by], everyPlace(samples))) {
      signal?.throwIfAborted();
      const seeds = new Float64Array(group.fed.length * rows);
      for (const [i, place] of group.fed.entries()) for (let k = 0; k < rows; k++) seeds[i * rows + k] = cotangents[place * rows + k];
      const products = asFloats(await group.derivatives.vectorJacobianProducts(of, by, group.derivatives.floats(seeds), batchOf(samples, group.fed)), 'float64');
      for (const [i, place] of group.places.entries()) all.set(products.subarray(i * columns, (i + 1) * columns), place * columns);
    }
    return all;
  }

  /**
   * Jᵀ·c by parameters: the gradients of ⟨c, of⟩, for every sample or summed over all.
   * In batches where the network takes them and every value that a parameter goes into is laid out by samples; else sample
   * by sample. Cost: about two passes of the network for each sample.
   * @param parameters constants of the network by their names in the file
   * @param cotangents [n, ...shape of `of`]
   * @returns by parameter [n, ...its shape], or its shape for the sum
   * @throws NotDifferentiable for a missing rule, and for parameters of a type that has no derivatives
   */
  async parameterGradients(of: string, parameters: readonly string[], cotangents: ArrayLike<number>, samples: Samples, { perSample, signal }: GradientOptions): Promise<Map<string, Float64Array>> {
    const rows = elementsOf(this.shapeOf(of));
    const lengths = new Map(parameters.map((name) => [name, elementsOf(this.shapeOf(name))]));
    const all = new Map([...lengths].map(([name, length]) => [name, new Float64Array(perSample ? samples.n * length : length)]));
    const groups = perSample && !this.tellsApart(of, parameters) ? this.alone(everyPlace(samples)) : this.groups([of], everyPlace(samples));
    for (const { derivatives, fed, places } of groups) {
      signal?.throwIfAborted();
      const seeds = new Float64Array(fed.length * rows);
      // What a batch is filled up with has no part in a sum.
      for (const [i, place] of places.entries()) for (let k = 0; k < rows; k++) seeds[i * rows + k] = cotangents[place * rows + k];
      const batch = batchOf(samples, fed);
      const found = perSample && fed.length > 1 ? await derivatives.sampleGradients(of, parameters, seeds, batch, (name) => this.isBatched(name)) : await derivatives.parameterGradients(of, parameters, seeds, batch);
      for (const [name, gradients] of all) {
        const [values, length] = [asFloats(found.get(name) ?? new Float64Array(), 'float64'), lengths.get(name) ?? 0];
        if (perSample) for (const [i, place] of places.entries()) gradients.set(values.subarray(i * length, (i + 1) * length), place * length);
        else for (let i = 0; i < length; i++) gradients[i] += values[i];
      }
    }
    return all;
  }

  /**
   * ∂of/∂by of the given samples, handed over batch by batch.
   * @param each gets the matrix of a sample, rows × columns row-major, which it may keep
   */
  async jacobians(of: string, by: string, samples: Samples, each: (place: number, matrix: Float64Array, shape: Pick<Jacobians, 'rows' | 'columns'>) => Promise<void> | void, signal?: AbortSignal): Promise<void> {
    for (const { derivatives, fed, places } of this.groups([of, by], everyPlace(samples))) {
      const jacobians = await derivatives.jacobians(of, by, batchOf(samples, fed), { samples: fed.length, ...(signal === undefined ? {} : { signal }) });
      for (const [i, place] of places.entries()) await each(place, jacobians.matrices[i], jacobians);
    }
  }

  /**
   * J·Jᵀ of every sample, or Jᵀ·J where that is smaller, in float64, handed over batch by batch.
   * @returns false, and nothing is handed over, where they do not fit into one run
   */
  async gramMatrices(of: string, by: string, samples: Samples, each: (place: number, matrix: Float64Array, size: number) => void, signal?: AbortSignal): Promise<boolean> {
    for (const { derivatives, fed, places } of this.groups([of, by], everyPlace(samples))) {
      signal?.throwIfAborted();
      const found = await derivatives.gramMatrices(of, by, batchOf(samples, fed), fed.length);
      if (found === null) return false;
      for (const [i, place] of places.entries()) each(place, found.matrices[i], found.size);
    }
    return true;
  }

  /**
   * ∂of/∂by of the given samples as operators. Each entry holds the samples of one run: `operator` multiplies vectors laid
   * out [direction, member, element], for which the block-diagonal matrix of all members is the Jacobian.
   */
  operators(of: string, by: string, samples: Samples, places: readonly number[] = everyPlace(samples)): { places: readonly number[]; members: number; operator: JacobianOperator }[] {
    return this.groups([of, by], places).map(({ derivatives, fed, places: those }) => ({ places: those, members: fed.length, operator: derivatives.jacobianOperator(of, by, batchOf(samples, fed)) }));
  }

  async release(): Promise<void> {
    await this.single.release();
    await this.batched?.derivatives.release();
  }

  /** Samples that go into one run each. The last run of a batch is filled up with its first sample, so that one graph serves all. */
  private groups(values: readonly string[], places: readonly number[]): SampleGroup[] {
    const { batched } = this;
    if (batched === null || places.length < 2 || !values.every((name) => this.isBatched(name))) return this.alone(places);
    return Array.from({ length: Math.ceil(places.length / batched.size) }, (_, i) => {
      const those = places.slice(i * batched.size, (i + 1) * batched.size);
      const fed = Array.from({ length: batched.size }, (__, k) => those[k] ?? those[0]);
      return { derivatives: batched.derivatives, fed, places: those };
    });
  }

  private alone(places: readonly number[]): SampleGroup[] {
    return places.map((place) => ({ derivatives: this.single, fed: [place], places: [place] }));
  }

  /** Whether the first axis of a value counts the samples of a batch. */
  private isBatched(name: string): boolean {
    const { batched, single } = this;
    return batched !== null && isBatched(single.network.values.get(name)?.shape ?? [], batched.derivatives.network.values.get(name)?.shape ?? [], batched.size);
  }

  /** Whether one run can give the gradients of every sample of a batch, within the memory. */
  private tellsApart(of: string, parameters: readonly string[]): boolean {
    const { batched } = this;
    if (batched === null) return false;
    const { derivatives, size } = batched;
    const elements = parameters.reduce((sum, name) => sum + elementsOf(this.shapeOf(name)), 0);
    if (!derivatives.hasRoomFor(gradientCopies * size * elements)) return false;
    try {
      sampleGradients(derivatives.network, { of, by: parameters, samples: size, isBatched: (name) => this.isBatched(name) });
      return true;
    } catch (error) {
      if (error instanceof NotDifferentiable) return false;
      throw error;
    }
  }
}

/** Samples that are fed together, and those of them that are asked for: the first ones. */
interface SampleGroup {
  derivatives: NetworkDerivatives;
  fed: readonly number[];
  places: readonly number[];
}

function everyPlace({ n }: Samples): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** A value with one sample at [1, …] has a batch of them at [size, …]. */
function isBatched(single: readonly number[], together: readonly number[], size: number): boolean {
  return single[0] === 1 && together[0] === size && single.length === together.length && single.every((length, i) => i === 0 || length === together[i]);
}

/** The network for batches; null where it does not take them, or answers otherwise than for one sample. */
async function tryBatch(network: FlatGraph, samples: Samples, size: number, single: NetworkDerivatives, settings: SampleSettings): Promise<NetworkDerivatives | null> {
  const places = Array.from({ length: size }, (_, i) => i);
  const batch = batchOf(samples, places);
  // A batch fixed in the file is lifted: onnxruntime would refuse another one.
  const lifted: FlatGraph = { ...network, inputs: network.inputs.map((input) => (Object.hasOwn(samples.inputs, input.name) && samples.inputs[input.name].batched ? { ...input, shape: null } : input)) };
  try {
    const together = await NetworkDerivatives.create(lifted, batch, settings);
    const last = size - 1;
    for (const place of [0, last]) {
      const [one, all] = [await single.values([settings.of], batchOf(samples, [place])), await together.values([settings.of], batch)];
      if (!agrees(one.get(settings.of), all.get(settings.of), place, size)) {
        await together.release();
        return null;
      }
    }
    return together;
  } catch (error) {
    if (error instanceof NotDifferentiable) return null;
    throw error;
  }
}

function agrees(one: TensorData | undefined, all: TensorData | undefined, place: number, size: number): boolean {
  if (one === undefined || all === undefined || !isBatched(one.shape, all.shape, size)) return false;
  const length = one.elements.length;
  const part = (all.elements as Float64Array).subarray(place * length, (place + 1) * length);
  const scale = largestMagnitude(one.elements);
  for (let i = 0; i < length; i++) if (!(Math.abs(Number(one.elements[i]) - part[i]) <= sameValues * scale)) return false;
  return true;
}
