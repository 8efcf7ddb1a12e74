import type { ByteSource } from '../byteSource.js';
import { GRAPH, MODEL } from './schema.js';
import { MAX_FIELD_HEADER_BYTES, readField, WIRE, type Field } from './wire.js';

/** Fields of a ModelProto before its graph; exporters write seven at most, but metadata may come first. */
const FIELDS_LOOKED_AT = 64;
/** Field numbers of ModelProto up to IR version 13 whose wire type is known: 1 and 5 are numbers, the others bytes. */
const NUMBER_FIELDS: readonly number[] = [MODEL.irVersion, 5];
const BYTES_FIELDS: readonly number[] = [MODEL.producerName, MODEL.producerVersion, 4, 6, MODEL.graph, MODEL.opsetImport, MODEL.metadataProps, 20, MODEL.functions, 26];
const GRAPH_FIELDS: readonly number[] = Object.values(GRAPH);
/** IR versions so far end at 13. */
const HIGHEST_PLAUSIBLE_VERSION = 1000;

/**
 * Whether a file begins as an ONNX model does: its IR version or graph, and only known fields of the right type
 * before the graph. A model that was cut off still looks like one. Reads a page or two.
 */
export async function looksLikeModel(source: ByteSource): Promise<boolean> {
  const field: Field = { number: 0, type: WIRE.varint, low: 0, high: 0, start: 0, length: 0 };
  let hasVersion = false;
  for (let at = 0, visited = 0; at < source.size && visited < FIELDS_LOOKED_AT; visited++) {
    const header = await source.read(at, Math.min(MAX_FIELD_HEADER_BYTES, source.size - at));
    const problem = readField(header, 0, at, field);
    if (problem !== null) return problem === 'incomplete' && hasVersion;
    if (field.type === WIRE.varint ? !NUMBER_FIELDS.includes(field.number) : field.type !== WIRE.bytes || !BYTES_FIELDS.includes(field.number)) return false;
    if (field.number === MODEL.irVersion) {
      if (field.high !== 0 || field.low < 1 || field.low > HIGHEST_PLAUSIBLE_VERSION) return false;
      hasVersion = true;
    }
    if (field.number === MODEL.graph && field.length > 0 && field.start < source.size) return (await beginsAsGraph(source, field.start)) && (hasVersion || field.start + field.length <= source.size);
    if (field.start + field.length > source.size) return hasVersion;
    at = field.start + field.length;
  }
  return hasVersion;
}

async function beginsAsGraph(source: ByteSource, start: number): Promise<boolean> {
  const field: Field = { number: 0, type: WIRE.varint, low: 0, high: 0, start: 0, length: 0 };
  const problem = readField(await source.read(start, Math.min(MAX_FIELD_HEADER_BYTES, source.size - start)), 0, start, field);
  if (problem !== null) return problem === 'incomplete';
  return field.type === WIRE.bytes && (GRAPH_FIELDS.includes(field.number) || field.number === 10 || field.number === 14);
}
