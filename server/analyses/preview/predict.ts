import { isFloat, NotDifferentiable, type FlatGraph, type Node } from '../../derivatives/graph.js';
import { importGraph } from '../../derivatives/importGraph.js';
import { batchOf, type Samples } from '../../derivatives/samples.js';
import { asFloats, GraphSession, largestMagnitude, type TensorData } from '../../derivatives/session.js';
import type { ModelFile } from '../../formats/modelFile.js';
import { classesOf, predictions } from '../../inputs/accuracy.js';
import { forSingleInputs } from '../../inputs/feeds.js';
import { elementTypeNumber, type OnnxType } from '../../runtime/onnxWriter.js';

/** Inputs in one run, where the network takes several. */
const batchSize = 32;
/** Outputs of an input in a batch and alone may differ by rounding. */
const sameOutputs = 1e-3;

export interface Predicted {
  /** By place. */
  predictions: Map<number, number>;
  classes: number;
}

export interface PredictOptions {
  threads: number;
  /** No run begins after so long; at least one does. */
  milliseconds: number;
  signal?: AbortSignal;
}

/**
 * The predicted class of inputs, by place, in the given order as far as the time reaches: several in one run where the
 * network takes batches and answers as it does for one. Null where the value is no vector of at least two entries.
 * @param value of the graph whose largest entry is the prediction
 * @throws NotDifferentiable where onnxruntime refuses the network
 */
export async function predict(file: ModelFile, value: string, samples: Samples, places: readonly number[], { threads, milliseconds, signal }: PredictOptions): Promise<Predicted | null> {
  const start = performance.now();
  const network = forBatches(forSingleInputs(withFloat32(await importGraph(file), value), samples), samples);
  const session = await GraphSession.create(network, { threads });
  const run = async (some: readonly number[]): Promise<TensorData | undefined> => (await session.run(feeds(network, batchOf(samples, some)))).get(network.outputs[0]);
  try {
    const first = await run(places.slice(0, 1));
    const classes = first === undefined ? null : classesOf(first.shape);
    if (first === undefined || classes === null) return null;
    const together = places.length > 1 && (await takesBatches(places.slice(0, batchSize), first, run)) ? batchSize : 1;
    const found = new Map<number, number>();
    for (let at = 0; at < places.length; at += together) {
      signal?.throwIfAborted();
      if (at > 0 && performance.now() - start > milliseconds) break;
      const some = places.slice(at, at + together);
      const outputs = asFloats((await run(some))?.elements ?? new Float32Array(), 'float32');
      predictions(outputs, classes).forEach((prediction, i) => found.set(some[i], prediction));
    }
    return { predictions: found, classes };
  } finally {
    await session.release();
  }
}

/** Inputs that are given in float32, and the value answered in it, whatever floating-point type the network has. */
function withFloat32(network: FlatGraph, value: string): FlatGraph {
  const other = network.inputs.filter(({ dtype }) => isFloat(dtype) && dtype !== 'float32');
  if (other.length === 0) return { ...network, outputs: [value] };
  const cast = (from: string, to: string, dtype: OnnxType): Node => ({ name: '', operator: 'Cast', domain: '', inputs: [from], outputs: [to], attributes: { to: { type: 'int', value: elementTypeNumber(dtype) } } });
  return {
    ...network,
    nodes: [...other.map(({ name, dtype }) => cast(givenName(name), name, dtype)), ...network.nodes, cast(value, givenName(value), 'float32')],
    inputs: network.inputs.map((input) => (other.includes(input) ? { ...input, name: givenName(input.name), dtype: 'float32' as const } : input)),
    outputs: [givenName(value)],
  };
}

function givenName(name: string): string {
  return `${name} in float32`;
}

/** A batch fixed in the file is lifted: onnxruntime would refuse another one. */
function forBatches(network: FlatGraph, samples: Samples): FlatGraph {
  const batched = (name: string): boolean => Object.entries(samples.inputs).some(([input, { batched: counts }]) => counts && (name === input || name === givenName(input)));
  return { ...network, inputs: network.inputs.map((input) => (batched(input.name) ? { ...input, shape: null } : input)) };
}

/** The batch under the names and in the types that the graph takes. */
function feeds(network: FlatGraph, batch: Readonly<Record<string, TensorData>>): Record<string, TensorData> {
  const taken = new Map(network.inputs.map((input) => [input.name, input]));
  return Object.fromEntries(
    Object.entries(batch).map(([name, tensor]) => {
      const given = taken.has(name) ? name : givenName(name);
      return [given, isFloat(tensor.dtype) ? { ...tensor, dtype: 'float32' as const, elements: asFloats(tensor.elements, 'float32') } : tensor];
    }),
  );
}

async function takesBatches(places: readonly number[], first: TensorData, run: (places: readonly number[]) => Promise<TensorData | undefined>): Promise<boolean> {
  try {
    const all = await run(places);
    if (all?.shape[0] !== places.length || all.elements.length !== places.length * first.elements.length) return false;
    const [alone, together] = [asFloats(first.elements, 'float32'), asFloats(all.elements, 'float32')];
    const scale = largestMagnitude(alone);
    return alone.every((x, i) => Math.abs(x - together[i]) <= sameOutputs * scale);
  } catch (error) {
    if (error instanceof NotDifferentiable) return false;
    throw error;
  }
}
