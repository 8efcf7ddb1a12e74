import { ModelFileError, type AttributeValue, type Graph, type GraphFunction, type GraphNode, type StoredTensor, type ValueInfo } from '../modelFile.js';
import { quote } from '../sentences.js';
import { countNumbers, MAX_GRAPH_DEPTH, MAX_NODES, modelName, normalisedDomain, setOwn, text, type Context } from './context.js';
import { orderNodes } from './graphChecks.js';
import { ATTRIBUTE, ATTRIBUTE_TYPE, dataType, DIMENSION, FUNCTION, GRAPH, NODE, SHAPE, SPARSE_TENSOR, TENSOR, TENSOR_TYPE, TYPE, VALUE_INFO } from './schema.js';
import { KEPT_BYTES } from './skeleton.js';
import { appendIntegers, parseTensor } from './tensor.js';
import { floatingPoint, signed64, WIRE, type Field } from './wire.js';

/**
 * A GraphProto with its nodes in topological order.
 * @param depth of graphs in graphs
 * @throws ModelFileError for graphs that are too deep, cyclic or define a value twice
 */
export function parseGraph(context: Context, start: number, length: number, depth = 0): Graph {
  if (depth > MAX_GRAPH_DEPTH) throw new ModelFileError('model/limit', `${modelName(context)} has more than ${MAX_GRAPH_DEPTH} graphs in each other: it is damaged, or its control flow must be flattened.`);
  const graph: Graph = { name: '', nodes: [], inputs: [], outputs: [], values: [], initializers: [] };
  context.skeleton.fields(start, start + length, (field) => {
    if (field.type !== WIRE.bytes) return;
    switch (field.number) {
      case GRAPH.node:
        graph.nodes.push(parseNode(context, field, depth));
        break;
      case GRAPH.name:
        graph.name = text(context, field);
        break;
      case GRAPH.initializer:
        graph.initializers.push(parseTensor(context, field.start, field.length));
        break;
      case GRAPH.sparseInitializer:
        context.skipped.push({ tensor: sparseName(context, field), reason: 'stored in sparse format, which is not analysed' });
        break;
      case GRAPH.input:
        graph.inputs.push(parseValueInfo(context, field));
        break;
      case GRAPH.output:
        graph.outputs.push(parseValueInfo(context, field));
        break;
      case GRAPH.valueInfo:
        graph.values.push(parseValueInfo(context, field));
        break;
      default:
    }
  });
  checkInitializers(context, graph);
  graph.nodes = orderNodes(graph.nodes, [...graph.initializers.map(({ name }) => name), ...graph.inputs.map(({ name }) => name)], modelName(context));
  return graph;
}

function checkInitializers(context: Context, graph: Graph): void {
  const names = new Set<string>();
  for (const { name } of graph.initializers) {
    if (names.has(name)) throw new ModelFileError('model/corrupt', `${modelName(context)} holds two tensors named ${quote(name)}, and names must be unique: export the model again.`);
    names.add(name);
  }
}

/** A FunctionProto. */
export function parseFunction(context: Context, field: Field): GraphFunction {
  const result: GraphFunction = { name: '', domain: '', inputs: [], outputs: [], attributes: [], nodes: [] };
  context.skeleton.fields(field.start, field.start + field.length, (part) => {
    if (part.type !== WIRE.bytes) return;
    switch (part.number) {
      case FUNCTION.name:
        result.name = text(context, part);
        break;
      case FUNCTION.domain:
        result.domain = normalisedDomain(text(context, part));
        break;
      case FUNCTION.input:
        result.inputs.push(text(context, part));
        break;
      case FUNCTION.output:
        result.outputs.push(text(context, part));
        break;
      case FUNCTION.attribute:
        result.attributes.push(text(context, part));
        break;
      case FUNCTION.node:
        result.nodes.push(parseNode(context, part, 0));
        break;
      default:
    }
  });
  result.nodes = orderNodes(result.nodes, result.inputs, modelName(context));
  return result;
}

function parseNode(context: Context, field: Field, depth: number): GraphNode {
  if (++context.nodes > MAX_NODES) throw new ModelFileError('model/limit', `${modelName(context)} has more than ${MAX_NODES} nodes: it is damaged, or too large to be shown.`);
  const node: GraphNode = { name: '', opType: '', domain: '', inputs: [], outputs: [], attributes: {} };
  const { start, length } = field;
  context.skeleton.fields(start, start + length, (part) => {
    if (part.type !== WIRE.bytes) return;
    switch (part.number) {
      case NODE.input:
        node.inputs.push(text(context, part));
        break;
      case NODE.output:
        node.outputs.push(text(context, part));
        break;
      case NODE.name:
        node.name = text(context, part);
        break;
      case NODE.opType:
        node.opType = text(context, part);
        break;
      case NODE.domain:
        node.domain = normalisedDomain(text(context, part));
        break;
      case NODE.attribute: {
        const { name, value, isFloat } = parseAttribute(context, part, depth, node.outputs.at(0) ?? '');
        setOwn(node.attributes, name, value);
        if (isFloat) (node.floatAttributes ??= []).push(name);
        break;
      }
      default:
    }
  });
  return node;
}

/** The values that an AttributeProto may hold, each in the field of its type. */
interface AttributeFields {
  float: number | null;
  int: number | null;
  string: string | null;
  tensor: StoredTensor | null;
  graph: Graph | null;
  floats: number[] | null;
  ints: number[] | null;
  strings: string[] | null;
  graphs: Graph[] | null;
}

/** An AttributeProto; null for lists too long to be of use, references to a function's attributes, and other types. */
function parseAttribute(context: Context, field: Field, depth: number, output: string): { name: string; value: AttributeValue; isFloat: boolean } {
  const { skeleton } = context;
  const values: AttributeFields = { float: null, int: null, string: null, tensor: null, graph: null, floats: null, ints: null, strings: null, graphs: null };
  let name = '';
  let type = 0;
  let isReference = false;
  skeleton.fields(field.start, field.start + field.length, (part) => {
    const isBytes = part.type === WIRE.bytes;
    const kept = isBytes ? skeleton.bytes(part.start, part.length) : null;
    if (part.number === ATTRIBUTE.type && part.type === WIRE.varint) type = part.low;
    else if (part.number === ATTRIBUTE.int && part.type === WIRE.varint) values.int = signed64(part);
    else if (part.number === ATTRIBUTE.float && part.type === WIRE.fixed32) values.float = floatingPoint(part);
    else if (part.number === ATTRIBUTE.floats && (part.type === WIRE.fixed32 || kept !== null)) appendFloats(context, part, kept, (values.floats ??= []));
    else if (part.number === ATTRIBUTE.ints && (part.type === WIRE.varint || kept !== null)) appendIntegers(context, part, (values.ints ??= []));
    else if (!isBytes) return;
    else if (part.number === ATTRIBUTE.reference) isReference = true;
    else if (part.number === ATTRIBUTE.name) name = text(context, part);
    else if (part.number === ATTRIBUTE.string) values.string = kept?.toString('utf8') ?? null;
    else if (part.number === ATTRIBUTE.strings && kept !== null) (values.strings ??= []).push(kept.toString('utf8'));
    else if (part.number === ATTRIBUTE.tensor) values.tensor = parseTensor(context, part.start, part.length, output);
    else if (part.number === ATTRIBUTE.graph) values.graph = parseGraph(context, part.start, part.length, depth + 1);
    else if (part.number === ATTRIBUTE.graphs) (values.graphs ??= []).push(parseGraph(context, part.start, part.length, depth + 1));
    else if (part.number === ATTRIBUTE.sparseTensor) context.skipped.push({ tensor: output, reason: 'stored in sparse format, which is not analysed' });
  });
  const isFloat = type === ATTRIBUTE_TYPE.float || type === ATTRIBUTE_TYPE.floats || (type === 0 && (values.float ?? values.floats) !== null);
  return { name, value: attributeValue(type, values, field.length <= KEPT_BYTES && !isReference), isFloat };
}

function appendFloats(context: Context, field: Field, kept: Buffer | null, values: number[]): void {
  countNumbers(context, Math.ceil((kept?.length ?? field.length) / 4));
  if (kept === null) values.push(floatingPoint(field));
  else for (let at = 0; at + 4 <= kept.length; at += 4) values.push(kept.readFloatLE(at));
}

/** @param written whether what is absent was never written (and has its default), rather than left out or passed in by a caller */
function attributeValue(type: number, values: AttributeFields, written: boolean): AttributeValue {
  switch (type) {
    // Writers of proto3 leave out numbers that are 0 and texts and lists that are empty.
    case ATTRIBUTE_TYPE.float:
      return values.float ?? (written ? 0 : null);
    case ATTRIBUTE_TYPE.int:
      return values.int ?? (written ? 0 : null);
    case ATTRIBUTE_TYPE.string:
      return values.string ?? (written ? '' : null);
    case ATTRIBUTE_TYPE.tensor:
      return values.tensor;
    case ATTRIBUTE_TYPE.graph:
      return values.graph;
    case ATTRIBUTE_TYPE.floats:
      return values.floats ?? (written ? [] : null);
    case ATTRIBUTE_TYPE.ints:
      return values.ints ?? (written ? [] : null);
    case ATTRIBUTE_TYPE.strings:
      return values.strings ?? (written ? [] : null);
    case ATTRIBUTE_TYPE.graphs:
      return values.graphs;
    case 0:
      // Before IR version 2 the type was not written: the field that is there tells.
      return values.float ?? values.int ?? values.string ?? values.tensor ?? values.graph ?? values.floats ?? values.ints ?? values.strings ?? values.graphs;
    default:
      return null;
  }
}

/** A ValueInfoProto; shape null where none is declared, a dimension null where it is neither a number nor a name. */
function parseValueInfo(context: Context, field: Field): ValueInfo {
  const { skeleton } = context;
  const info: ValueInfo = { name: '', dtype: 'unknown', shape: null };
  const within = (outer: Field, visit: (inner: Field) => void) => {
    const { start, length, type } = outer;
    if (type === WIRE.bytes) skeleton.fields(start, start + length, visit);
  };
  within(field, (part) => {
    if (part.number === VALUE_INFO.name && part.type === WIRE.bytes) info.name = text(context, part);
    else if (part.number === VALUE_INFO.type) {
      within(part, (type) => {
        if (type.number !== TYPE.tensor) return;
        within(type, (tensor) => {
          if (tensor.number === TENSOR_TYPE.elementType) info.dtype = dataType(tensor.low) ?? 'unknown';
          else if (tensor.number === TENSOR_TYPE.shape) info.shape = parseShape(context, tensor, within);
        });
      });
    }
  });
  return info;
}

function parseShape(context: Context, field: Field, within: (outer: Field, visit: (inner: Field) => void) => void): ValueInfo['shape'] {
  const shape: (number | string | null)[] = [];
  within(field, (part) => {
    if (part.number !== SHAPE.dimension) return;
    const at = shape.push(null) - 1;
    within(part, (dimension) => {
      if (dimension.number === DIMENSION.value && dimension.type === WIRE.varint) {
        const size = signed64(dimension);
        // −1 and 0 are how exporters write "not known".
        shape[at] = size > 0 ? size : null;
      } else if (dimension.number === DIMENSION.parameter && dimension.type === WIRE.bytes) shape[at] = text(context, dimension) || null;
    });
  });
  return shape;
}

function sparseName(context: Context, field: Field): string {
  let name = '';
  context.skeleton.fields(field.start, field.start + field.length, (part) => {
    if (part.number !== SPARSE_TENSOR.values || part.type !== WIRE.bytes) return;
    const { start, length } = part;
    context.skeleton.fields(start, start + length, (inner) => {
      if (inner.number === TENSOR.name && inner.type === WIRE.bytes) name = text(context, inner);
    });
  });
  return name;
}
