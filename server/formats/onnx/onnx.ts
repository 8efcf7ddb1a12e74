import path from 'node:path';
import type { ByteSource } from '../byteSource.js';
import type { Format } from '../format.js';
import { ModelFileError, type Graph, type GraphFunction, type ModelFile } from '../modelFile.js';
import { formatBytes } from '../sentences.js';
import { keyValue, normalisedDomain, setOwn, text, type Context } from './context.js';
import { resolveExternalData } from './externalData.js';
import { parseFunction, parseGraph } from './graph.js';
import { looksLikeModel } from './recognise.js';
import { MODEL, MODEL_NESTING, OPERATOR_SET } from './schema.js';
import { loadSkeleton, type Skeleton } from './skeleton.js';
import { signed64, WIRE, type Field } from './wire.js';

/** Files of IR version 3 and later must name their operator sets (onnx.proto3). */
const FIRST_VERSION_WITH_OPERATOR_SETS = 3;

/** ONNX: a ModelProto, with its weights inside or in files beside it. */
export const onnx: Format = {
  name: 'onnx',
  title: 'ONNX',
  extensions: ['.onnx'],
  matches: looksLikeModel,
  open: openOnnx,
};

interface ModelFields {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  opset: Record<string, number>;
  metadata: Record<string, string>;
  graph: Graph | null;
  functions: GraphFunction[];
}

async function openOnnx(source: ByteSource): Promise<ModelFile> {
  const name = path.basename(source.path);
  const skeleton = await loadSkeleton(source, MODEL_NESTING);
  const context: Context = { skeleton, external: [], skipped: [], nodes: 0, tensors: 0, names: 0, numbers: 0 };
  const model = parseModel(context, skeleton);
  const { graph } = model;
  const cutOff = (what: string) => new ModelFileError('model/truncated', `${name} (${formatBytes(source.size)}) ${what}: it is cut off or damaged, so copy or export it again.`);
  if (graph === null) throw cutOff('holds no graph');
  if (model.irVersion >= FIRST_VERSION_WITH_OPERATOR_SETS && Object.keys(model.opset).length === 0) throw cutOff('names no operator set');
  const neighbours = await resolveExternalData(source.path, context.external);
  const initialised = new Set(graph.initializers.map((tensor) => tensor.name));
  return {
    format: 'onnx',
    path: source.path,
    bytes: neighbours.reduce((sum, file) => sum + file.size, source.size),
    files: [source.path, ...neighbours.map((file) => file.path)],
    producer: [model.producerName, model.producerVersion].filter((part) => part !== '').join(' ') || null,
    opset: model.opset,
    // Before IR version 4 every initializer was also an input.
    inputs: graph.inputs.filter((input) => !initialised.has(input.name)),
    outputs: graph.outputs,
    tensors: [...graph.initializers],
    graph,
    ...(context.skipped.length === 0 ? {} : { skipped: context.skipped }),
    ...(Object.keys(model.metadata).length === 0 ? {} : { metadata: model.metadata }),
    ...(model.functions.length === 0 ? {} : { functions: model.functions }),
  };
}

function parseModel(context: Context, skeleton: Skeleton): ModelFields {
  const model: ModelFields = { irVersion: 0, producerName: '', producerVersion: '', opset: {}, metadata: {}, graph: null, functions: [] };
  skeleton.fields(0, skeleton.size, (field) => {
    if (field.number === MODEL.irVersion && field.type === WIRE.varint) model.irVersion = signed64(field);
    if (field.type !== WIRE.bytes) return;
    switch (field.number) {
      case MODEL.producerName:
        model.producerName = text(context, field);
        break;
      case MODEL.producerVersion:
        model.producerVersion = text(context, field);
        break;
      case MODEL.graph:
        if (model.graph !== null) throw new ModelFileError('model/corrupt', `${path.basename(skeleton.file)} holds two graphs, and a model has one: export the model again.`);
        model.graph = parseGraph(context, field.start, field.length);
        break;
      case MODEL.opsetImport: {
        const { domain, version } = parseOperatorSet(context, field);
        setOwn(model.opset, domain === '' ? 'ai.onnx' : domain, version);
        break;
      }
      case MODEL.metadataProps: {
        const entry = keyValue(context, field);
        if (entry !== null) setOwn(model.metadata, entry.key, entry.value);
        break;
      }
      case MODEL.functions:
        model.functions.push(parseFunction(context, field));
        break;
      default:
    }
  });
  return model;
}

function parseOperatorSet(context: Context, field: Field): { domain: string; version: number } {
  let domain = '';
  let version = 0;
  context.skeleton.fields(field.start, field.start + field.length, (part) => {
    if (part.number === OPERATOR_SET.domain && part.type === WIRE.bytes) domain = normalisedDomain(text(context, part));
    else if (part.number === OPERATOR_SET.version && part.type === WIRE.varint) version = signed64(part);
  });
  return { domain, version };
}
