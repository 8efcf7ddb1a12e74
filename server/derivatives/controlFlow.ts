import type { OnnxGraph, OnnxNode } from '../runtime/onnxWriter.js';
import { describeNode, NotDifferentiable, operatorName, type FlatGraph, type Node } from './graph.js';
import { Inliner } from './inlining.js';
import { GraphSession, type TensorData } from './session.js';

/** Nodes that loops may be written out to: onnxruntime takes half a minute or more to load the derivative of so many. */
const flattenedNodes = 15_000;

export const controlFlow: ReadonlySet<string> = new Set(['If', 'Loop', 'Scan']);

/** What a run of the network tells about one node with bodies. */
interface Outcome {
  /** If: whether the condition held. */
  condition: boolean;
  /** Loop and Scan: how often the body ran. */
  iterations: number;
  /** Samples of a Scan of operator set 8, which goes through each of them. */
  samples: number;
  /** What a Loop stacked; empty where it made no iteration. */
  stacked: readonly TensorData[];
}

/**
 * The network without If, Loop and Scan: the branch that was taken, and iterations one after the other, as they are for the
 * given inputs. The derivative of that is the network's derivative at these inputs, unless a condition changes right there.
 * Bodies in bodies come to the surface one level at a time, with a run for each.
 * https://onnx.ai/onnx/operators/onnx__Loop.html, onnx__Scan.html, onnx__If.html
 *
 * @throws NotDifferentiable for loops over sequences, more than `flattenedNodes` nodes, and where onnxruntime refuses the network
 */
export async function flattenControlFlow(network: FlatGraph, inputs: Readonly<Record<string, TensorData>>): Promise<FlatGraph> {
  let flat = network;
  for (;;) {
    const nodes = flat.nodes.filter(isControlFlow);
    if (nodes.length === 0) return flat;
    for (const node of nodes) refuseSequences(node);
    const outcomes = await outcomesOf(flat, nodes, inputs);
    const inliner = new Inliner(flat);
    for (const node of flat.nodes) {
      const outcome = outcomes.get(node);
      if (outcome === undefined) inliner.nodes.push(node);
      else inline(inliner, node, outcome, flat.opset['']);
      if (inliner.nodes.length > flattenedNodes) throw new NotDifferentiable(`${describeNode(node)} becomes more than ${flattenedNodes} nodes when it is written out: analyse an input with fewer steps.`, node);
    }
    flat = inliner.graph();
  }
}

function isControlFlow({ operator, domain }: OnnxNode): boolean {
  return domain === '' && controlFlow.has(operator);
}

function refuseSequences(node: Node): void {
  const within = (graph: OnnxGraph): OnnxNode[] => graph.nodes.flatMap((inner) => [inner, ...bodiesOf(inner).flatMap(within)]);
  const found = bodiesOf(node).flatMap(within).find(({ operator }) => /Sequence|Optional/.test(operator));
  if (found !== undefined) throw new NotDifferentiable(`${describeNode(node)} works on sequences of tensors (${operatorName(found)}), which have no derivative here: write it with tensors.`, node);
}

function bodiesOf({ attributes }: OnnxNode): OnnxGraph[] {
  return Object.values(attributes).flatMap((attribute) => (attribute.type === 'graph' ? [attribute.value] : []));
}

/** Runs the network as far as the given nodes need it. */
async function outcomesOf(network: FlatGraph, nodes: readonly Node[], inputs: Readonly<Record<string, TensorData>>): Promise<Map<Node, Outcome>> {
  const observer = new Inliner(network);
  const replaced = new Map(nodes.filter(({ operator }) => operator === 'Loop').map((node) => [node, counted(node)]));
  observer.nodes.push(...network.nodes.map((node) => replaced.get(node) ?? node));
  const watched = nodes.map((node) => observed(observer, node, replaced.get(node)));
  const graph = { ...observer.graph(), outputs: watched.flat() };
  const session = await GraphSession.create(graph, { optimization: 'disabled' });
  const results = await session.run(inputs).finally(() => session.release());
  const tensors = watched.map((names) => names.flatMap((name) => results.get(name) ?? []));
  return new Map(nodes.map((node, i) => [node, outcomeOf(node, tensors[i], network.opset[''])]));
}

/** A Loop with one more output, which stacks the numbers of its iterations. */
function counted(node: Node): Node {
  const body = bodyOf(node, 'body');
  const count = `iterations of ${node.outputs.join(' ')}`;
  const counter: OnnxNode = { operator: 'Identity', domain: '', inputs: [body.inputs[0].name], outputs: [`${count} inside`], attributes: {} };
  const counting: OnnxGraph = { ...body, nodes: [...body.nodes, counter], outputs: [...body.outputs, ...counter.outputs] };
  // Outputs that are left out at the end are the body's nevertheless.
  const missing = new Array<string>(Math.max(0, body.outputs.length - 1 - node.outputs.length)).fill('');
  return { ...node, outputs: [...node.outputs, ...missing, count], attributes: { ...node.attributes, body: { type: 'graph', value: counting } } };
}

/** Outputs that tell how a node goes. */
function observed(observer: Inliner, node: Node, counting: Node | undefined): string[] {
  const watch = (operator: string, name: string): string => observer.node(operator, [name], {})[0];
  switch (node.operator) {
    case 'If':
      return [watch('Identity', node.inputs[0])];
    case 'Loop': {
      const made = stackedOutputs(node).filter((name) => name !== '');
      return [watch('Shape', counting?.outputs.at(-1) ?? ''), ...made.map((name) => watch('Identity', name))];
    }
    default:
      return [watch('Shape', node.inputs[node.inputs.length - 1])];
  }
}

function outcomeOf(node: Node, [first, ...stacked]: readonly TensorData[], opset: number): Outcome {
  const numbers = Array.from(first.elements, Number);
  const outcome = { condition: false, iterations: 0, samples: 1, stacked };
  if (node.operator === 'If') return { ...outcome, condition: numbers[0] !== 0 };
  if (node.operator === 'Loop') return { ...outcome, iterations: numbers[0] };
  if (opset < 9) return { ...outcome, samples: numbers[0], iterations: numbers[1] };
  const axis = listOf(node, 'scan_input_axes').at(-1) ?? 0;
  return { ...outcome, iterations: numbers[axis < 0 ? axis + numbers.length : axis] };
}

function inline(inliner: Inliner, node: Node, outcome: Outcome, opset: number): void {
  if (node.operator === 'If') inlineBranch(inliner, node, outcome.condition);
  else if (node.operator === 'Loop') unrollLoop(inliner, node, outcome);
  else if (opset < 9) unrollBatchedScan(inliner, node, outcome);
  else bind(inliner, node, unrollScan(inliner, node, node.inputs, outcome.iterations, listOf(node, 'scan_input_directions')));
}

function inlineBranch(inliner: Inliner, node: Node, condition: boolean): void {
  bind(inliner, node, inliner.body(bodyOf(node, condition ? 'then_branch' : 'else_branch'), [], `of ${labelOf(node)}`));
}

/** Inputs: number of trips, condition, then carried values. A body takes the number of the iteration first, and yields the condition first. */
function unrollLoop(inliner: Inliner, node: Node, { iterations, stacked }: Outcome): void {
  const body = bodyOf(node, 'body');
  const [, given = '', ...initial] = node.inputs;
  let condition = given === '' ? inliner.constant('bool', [], [1]) : given;
  let carried = initial;
  const rows: string[][] = [];
  for (let i = 0; i < iterations; i++) {
    const number = inliner.constant('int64', body.inputs[0].shape?.length === 1 ? [1] : [], [i]);
    const outputs = inliner.body(body, [number, condition, ...carried], `of ${labelOf(node)}, iteration ${i}`);
    condition = outputs[0];
    carried = outputs.slice(1, initial.length + 1);
    rows.push(outputs.slice(initial.length + 1));
  }
  const made = stackedOutputs(node);
  const given0 = [...stacked];
  const columns = made.map((name, column) => {
    const probed = name === '' ? undefined : given0.shift();
    if (iterations > 0 || probed === undefined) return name === '' ? '' : inliner.stacked(rows.map((row) => row[column]), 0);
    return inliner.constant(probed.dtype, probed.shape, []);
  });
  bind(inliner, node, [...carried, ...columns]);
}

/** Inputs: states, then what is gone through. @returns final states and stacked outputs */
function unrollScan(inliner: Inliner, node: Node, inputs: readonly string[], iterations: number, directions: readonly number[]): string[] {
  const body = bodyOf(node, 'body');
  const scanned = integerOf(node, 'num_scan_inputs');
  let states = inputs.slice(0, inputs.length - scanned);
  const inputAxes = listOf(node, 'scan_input_axes');
  const columns = inputs.slice(states.length).map((name, i) => {
    const elements = inliner.elements(name, inputAxes.at(i) ?? 0, iterations);
    return directions.at(i) === 1 ? elements.reverse() : elements;
  });
  const rows: string[][] = [];
  for (let i = 0; i < iterations; i++) {
    const outputs = inliner.body(body, [...states, ...columns.map((column) => column[i])], `of ${labelOf(node)}, step ${i}`);
    states = outputs.slice(0, states.length);
    rows.push(outputs.slice(states.length));
  }
  const [outputAxes, outputDirections] = [listOf(node, 'scan_output_axes'), listOf(node, 'scan_output_directions')];
  const stacked = Array.from({ length: body.outputs.length - states.length }, (_, i) => {
    const column = rows.map((row) => row[i]);
    return inliner.stacked(outputDirections.at(i) === 1 ? column.reverse() : column, outputAxes.at(i) ?? 0);
  });
  return [...states, ...stacked];
}

/** In operator set 8 a Scan went through each sample of a batch, with the lengths of their sequences as an input before the others. */
function unrollBatchedScan(inliner: Inliner, node: Node, { samples, iterations }: Outcome): void {
  const [lengths, ...inputs] = node.inputs;
  if (lengths !== '') throw new NotDifferentiable(`${describeNode(node)} has sequences of different lengths: convert the model to operator set 9 or later.`, node);
  const bySample = inputs.map((name) => inliner.elements(name, 0, samples));
  const results = Array.from({ length: samples }, (_, sample) => unrollScan(inliner, node, bySample.map((parts) => parts[sample]), iterations, listOf(node, 'directions')));
  bind(inliner, node, node.outputs.map((_, i) => inliner.stacked(results.map((result) => result[i]), 0)));
}

/** Gives values the names of a node's outputs. */
function bind(inliner: Inliner, node: Node, values: readonly string[]): void {
  for (const [i, name] of node.outputs.entries()) inliner.alias(values[i], name);
}

/** Outputs of a Loop that stack a value of every iteration. */
function stackedOutputs(node: Node): readonly string[] {
  return node.outputs.slice(Math.max(0, node.inputs.length - 2));
}

function labelOf(node: Node): string {
  return node.name === '' ? `${node.operator} ${node.outputs[0]}` : node.name;
}

function bodyOf(node: Node, name: string): OnnxGraph {
  const attribute = Object.hasOwn(node.attributes, name) ? node.attributes[name] : null;
  if (attribute?.type !== 'graph') throw new NotDifferentiable(`${describeNode(node)} has no ${name}.`, node);
  return attribute.value;
}

function listOf({ attributes }: Node, name: string): readonly number[] {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : null;
  return attribute?.type === 'ints' ? attribute.value : [];
}

function integerOf({ attributes }: Node, name: string): number {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : null;
  return attribute?.type === 'int' ? attribute.value : 0;
}
