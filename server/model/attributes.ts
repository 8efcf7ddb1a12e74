import type { GraphNode, StoredTensor } from '../formats/modelFile.js';

/** Attributes of a node with their type checked: a wrong type counts as absent. */

export function numberAttribute(node: GraphNode, name: string, fallback: number): number {
  const value = node.attributes[name];
  return typeof value === 'number' ? value : fallback;
}

export function stringAttribute(node: GraphNode, name: string, fallback: string): string {
  const value = node.attributes[name];
  return typeof value === 'string' ? value : fallback;
}

export function numbersAttribute(node: GraphNode, name: string): number[] | null {
  const value = node.attributes[name];
  if (!Array.isArray(value)) return null;
  const list: unknown[] = value;
  return list.every((item) => typeof item === 'number') ? list : null;
}

export function tensorAttribute(node: GraphNode, name: string): StoredTensor | null {
  const value = node.attributes[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'dtype' in value && 'data' in value ? value : null;
}

/** Operator sets whose operators are known here: the standard one and onnxruntime's. */
export function isKnownDomain(domain: string): boolean {
  return domain === '' || domain === 'com.microsoft';
}
