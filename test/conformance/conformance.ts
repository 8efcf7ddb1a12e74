import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readTensor } from '../../server/formats/decode.js';
import { openModelFile } from '../../server/formats/open.js';
import { checkDerivatives, type DerivativeCheck } from '../../server/derivatives/check.js';
import { vectorJacobianProduct } from '../../server/derivatives/differentiate.js';
import { flattenControlFlow } from '../../server/derivatives/controlFlow.js';
import { encodeElements } from '../../server/derivatives/elements.js';
import { elementsOf, isFloat, namesRead, nodesFor, NotDifferentiable, type FlatGraph, type ShapedGraph } from '../../server/derivatives/graph.js';
import { importGraph } from '../../server/derivatives/importGraph.js';
import { inPrecision } from '../../server/derivatives/precision.js';
import { probe } from '../../server/derivatives/probe.js';
import { rewrite } from '../../server/derivatives/rewrite.js';
import { asFloats, GraphSession, type Elements, type TensorData } from '../../server/derivatives/session.js';
import { RandomGenerator } from '../../server/linalg/random.js';
import type { OnnxType } from '../../server/runtime/onnxWriter.js';

/**
 * Runs a folder of ONNX backend tests (folders with model.onnx and test_data_set_0/input_*.pb, output_*.pb) through the
 * derivative engine: for every test that onnxruntime itself passes, Jacobian–vector products against central differences, and
 * vector–Jacobian products against those.
 */

type Verdict = 'agrees' | 'wrong' | 'no rule' | 'not differentiable' | 'not run';

interface Outcome {
  verdict: Verdict;
  detail: string;
}

/** In float64 differences are right to about h² and ε/h; in float32 they only tell a wrong formula from a right one. */
const tolerances = { float64: { step: 1e-5, differences: 1e-6, adjoint: 1e-11 }, float32: { step: 1e-2, differences: 3e-2, adjoint: 1e-4 } } as const;
/** Of the magnitude of a value: what a derivative of zero may be by rounding. */
const vanishing = 1e-13;
/** Tests like to sit on kinks and jumps (zeros, ties, whole numbers), where there is no derivative to compare with: then beside them; a smaller step for differences that reach across one. */
const places = [[0, 1, ''], [0, 0.1, ''], [1e-3, 1, ', beside a kink'], [-1e-3, 1, ', beside a kink'], [0.1, 0.1, ', beside a kink']] as const;
/** How close onnxruntime must come to the expected outputs for a test to count as passed: those of the suite. */
const relativeTolerance = 1e-3;
const absoluteTolerance = 1e-4;

export async function testFolder(folder: string, order: 1 | 2 = 1): Promise<Outcome> {
  const data = path.join(folder, 'test_data_set_0');
  let network: FlatGraph;
  const feeds: Record<string, TensorData> = {};
  try {
    network = await importGraph(await openModelFile(path.join(folder, 'model.onnx')));
    for (const [i, { name }] of network.inputs.entries()) {
      const file = path.join(data, `input_${i}.pb`);
      if (existsSync(file)) feeds[name] = await tensorOf(file);
    }
    const session = await GraphSession.create(network, { optimization: 'disabled' });
    const results = await session.run(feeds).finally(() => session.release());
    for (const [i, name] of network.outputs.entries()) {
      const difference = differenceFrom(results.get(name), await tensorOf(path.join(data, `output_${i}.pb`)));
      if (difference !== null) return { verdict: 'not run', detail: `onnxruntime's ${name} ${difference}` };
    }
  } catch (error) {
    return { verdict: 'not run', detail: messageOf(error) };
  }
  try {
    return await differentiated(await flattenControlFlow(network, feeds), feeds, order, []);
  } catch (error) {
    if (error instanceof NotDifferentiable && error.message.startsWith('There is no derivative rule')) return { verdict: 'no rule', detail: error.message };
    return { verdict: error instanceof NotDifferentiable && error.node !== null ? 'not differentiable' : 'wrong', detail: messageOf(error) };
  }
}

/** @param held inputs that are parameters of an operation, such as the scales of a Resize: they stay as they are */
async function differentiated(network: FlatGraph, feeds: Record<string, TensorData>, order: 1 | 2, held: readonly string[]): Promise<Outcome> {
  try {
    const { graph } = await probe(network, feeds, network.outputs, held);
    const of = graph.outputs.filter((name) => isFloat(graph.values.get(name)?.dtype ?? 'bool'));
    const by = graph.inputs.filter(({ name, dtype, shape }) => isFloat(dtype) && !shape.includes(0) && !held.includes(name)).map(({ name }) => name);
    if (of.length === 0 || by.length === 0) return { verdict: 'not differentiable', detail: of.length === 0 ? 'no floating-point output' : 'no floating-point input' };
    const rewritten = rewrite(graph);
    return await checkedIn(rewritten, feeds, of, by, 'float64', order).catch((error: unknown) => {
      // Operators without a double kernel.
      if (error instanceof NotDifferentiable && error.node === null) return checkedIn(rewritten, feeds, of, by, 'float32', order);
      throw error;
    });
  } catch (error) {
    const parameters = error instanceof NotDifferentiable && error.parameter !== null ? inputsBehind(network, error.parameter).filter((name) => !held.includes(name)) : [];
    if (parameters.length === 0) throw error;
    return differentiated(network, feeds, order, [...held, ...parameters]);
  }
}

/** Inputs that a value is made of. */
function inputsBehind(network: FlatGraph, value: string): string[] {
  const read = new Set([value, ...nodesFor(network.nodes, [value]).flatMap(namesRead)]);
  return network.inputs.flatMap(({ name }) => (read.has(name) ? [name] : []));
}

/** The derivatives of the gradient: of the cotangents of `by` for random cotangents of `of`. */
async function checkSecond(network: ShapedGraph, feeds: Record<string, TensorData>, of: readonly string[], by: readonly string[], normal: () => number, step: number): Promise<DerivativeCheck> {
  const { graph, seeds, results } = vectorJacobianProduct(network, { of, by, directions: 1 });
  const inputs = { ...feeds };
  for (const [i, name] of seeds.entries()) {
    const { dtype, shape } = network.values.get(of[i]) ?? { dtype: 'float64' as const, shape: [] };
    const values = Float64Array.from(new Float64Array(elementsOf(shape)), normal);
    inputs[name] = { dtype, shape: [1, ...shape], elements: asFloats(values, dtype === 'float64' ? dtype : 'float32') };
  }
  return checkDerivatives(graph, inputs, { of: results, by, normal, step });
}

async function checkedIn(network: ShapedGraph, feeds: Record<string, TensorData>, of: readonly string[], by: readonly string[], precision: 'float32' | 'float64', order: 1 | 2): Promise<Outcome> {
  const { step, differences, adjoint } = tolerances[precision];
  const first = inPrecision(network, precision);
  const random = new RandomGenerator(1);
  const normal = (): number => random.normal();
  let failed: Outcome | null = null;
  let refused: unknown = null;
  for (const [shift, part, where] of places) {
    const moved = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, isFloat(tensor.dtype) ? movedTensor(tensor, precision, by.includes(name) ? shift : 0, normal) : tensor]));
    let check: DerivativeCheck;
    try {
      check = order === 1 ? await checkDerivatives(first, moved, { of, by, normal, step: part * step }) : await checkSecond(first, moved, of, by, normal, part * step);
    } catch (error) {
      // A difference across a jump may also change a shape: a depth of 10 less a little is one of 9.
      refused ??= error;
      continue;
    }
    const detail = `${precision}, differences ${(check.differences ?? NaN).toExponential(1)}, adjoint ${check.adjoint.toExponential(1)}${check.largest === 0 ? ', constant' : ''}${where}`;
    // A derivative that is zero but for rounding: its own rounding is all there is to compare.
    const vanishes = check.largest <= vanishing * check.magnitude && (check.differences ?? NaN) * check.largest <= differences * check.magnitude;
    if (vanishes || ((check.differences ?? NaN) <= differences && check.adjoint <= adjoint)) return { verdict: 'agrees', detail };
    failed ??= { verdict: 'wrong', detail };
  }
  if (failed === null) throw refused;
  return failed;
}

/** A tensor in another precision, every element moved by a random part of `shift`, relative to its size. */
function movedTensor(tensor: TensorData, precision: 'float32' | 'float64', shift: number, normal: () => number): TensorData {
  const values = new Float64Array(tensor.elements.length);
  for (let i = 0; i < values.length; i++) {
    const stored = Number(tensor.elements[i]);
    // NaN and infinity have no derivative either.
    const value = shift === 0 || Number.isFinite(stored) ? stored : 0;
    values[i] = value + shift * (1 + Math.abs(value)) * Math.min(2, 0.1 + Math.abs(normal()));
  }
  return { ...tensor, dtype: precision, elements: asFloats(values, precision) };
}

/** A TensorProto in a file of its own, read as the one constant of a model. */
async function tensorOf(file: string): Promise<TensorData> {
  const temporary = mkdtempSync(path.join(os.tmpdir(), 'sigmascope-tensor-'));
  try {
    const model = path.join(temporary, 'tensor.onnx');
    writeFileSync(model, modelAround(readFileSync(file)));
    const [tensor] = (await openModelFile(model)).tensors;
    const values: number[] = [];
    await readTensor(tensor, (chunk) => void values.push(...chunk));
    const dtype = tensor.dtype;
    const bytes = encodeElements(dtype, values).slice();
    return { dtype, shape: tensor.shape, elements: view(dtype, bytes.buffer) };
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** ModelProto { ir_version, graph { initializer }, opset_import }. */
function modelAround(tensor: Uint8Array): Uint8Array {
  const field = (number: number, bytes: Uint8Array): Uint8Array => Buffer.concat([Buffer.from([(number << 3) | 2]), length(bytes.length), bytes]);
  return Buffer.concat([Buffer.from([8, 8]), field(7, field(5, tensor)), field(8, Buffer.from([16, 18]))]);
}

function length(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

function view(dtype: OnnxType, buffer: ArrayBuffer): Elements {
  switch (dtype) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint8':
    case 'bool':
      return new Uint8Array(buffer);
    default:
      return new Uint16Array(buffer);
  }
}

function differenceFrom(actual: TensorData | undefined, expected: TensorData): string | null {
  if (actual === undefined) return 'is missing';
  if (actual.shape.join() !== expected.shape.join()) return `has the shape [${actual.shape.join(', ')}] and not [${expected.shape.join(', ')}]`;
  for (let i = 0; i < expected.elements.length; i++) {
    const [a, b] = [Number(actual.elements[i]), Number(expected.elements[i])];
    if (!(Math.abs(a - b) <= absoluteTolerance + relativeTolerance * Math.abs(b)) && !Object.is(a, b)) return `is ${a} and not ${b} at ${i}`;
  }
  return null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Folders below `root` that hold a test. */
function testFolders(root: string): string[] {
  if (existsSync(path.join(root, 'model.onnx'))) return [root];
  return readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => path.join(root, name)).sort().flatMap(testFolders);
}

/**
 * @param order 2: the derivatives of the gradients
 * @returns whether nothing was wrong
 */
export async function run(root: string, filter = '', order: 1 | 2 = 1): Promise<boolean> {
  const totals: Record<Verdict, number> = { agrees: 0, wrong: 0, 'no rule': 0, 'not differentiable': 0, 'not run': 0 };
  for (const folder of testFolders(root).filter((name) => name.includes(filter))) {
    const { verdict, detail } = await testFolder(folder, order);
    totals[verdict]++;
    console.log(`${verdict.padEnd(18)} ${path.basename(folder).padEnd(60)} ${detail}`);
  }
  const differentiable = totals.agrees + totals.wrong + totals['no rule'];
  console.log(Object.entries(totals).map(([verdict, count]) => `${count} ${verdict}`).join(', ') + `; rules for ${(100 * (totals.agrees + totals.wrong) / Math.max(1, differentiable)).toFixed(1)} % of the differentiable tests`);
  return totals.wrong === 0;
}
