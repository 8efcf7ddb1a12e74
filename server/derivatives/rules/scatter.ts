import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { plus, type Rule } from '../rule.js';
import { picked, positionsIn, putBack, selection } from './positions.js';

/**
 * Updates written to places in a copy of the data, or combined with what is there:
 * https://onnx.ai/onnx/operators/onnx__ScatterElements.html, https://onnx.ai/onnx/operators/onnx__ScatterND.html
 * @param gather the operator that reads the same places
 */
export function scatter(gather: 'GatherElements' | 'GatherND'): Rule {
  const combined: Rule = {
    forward(operation, [data, , updates = null]) {
      const { graph } = operation;
      const places = placesOf(operation, gather);
      const { ofData, ofUpdates } = factors(operation, places);
      const scaled = (tangent: Value, factor: Value | null): Value => (factor === null ? tangent : graph.multiply(tangent, factor));
      return [plus(graph, data && scaled(data, ofData), updates && putBack(graph, scaled(updates, ofUpdates), places, operation.input(0).shape))];
    },
    reverse(operation, [cotangent], needed) {
      if (cotangent === null) return [];
      const { graph } = operation;
      const places = placesOf(operation, gather);
      const { ofData, ofUpdates } = factors(operation, places);
      const scaled = (value: Value, factor: Value | null): Value => (factor === null ? value : graph.multiply(value, factor));
      return [needed[0] ? scaled(cotangent, ofData) : null, null, needed[2] ? scaled(picked(graph, cotangent, places), ofUpdates) : null];
    },
  };
  const rule = (operation: Operation): Rule => (operation.text('reduction', 'none') === 'none' ? written : combined);
  return {
    forward: (operation, tangents) => rule(operation).forward(operation, tangents),
    reverse: (operation, cotangents, needed) => rule(operation).reverse(operation, cotangents, needed),
  };
}

/** Without a reduction every element is one of the data or one of the updates. */
const written = selection([0, 2]);

/** Positions in the data that the updates go to. */
function placesOf(operation: Operation, gather: 'GatherElements' | 'GatherND'): Value {
  const { graph } = operation;
  const { shape } = operation.input(0);
  const attributes = gather === 'GatherElements' ? { axis: operation.axis(operation.integer('axis', 0)) } : {};
  return graph.one(gather, [positionsIn(graph, shape), operation.input(1)], operation.input(2).shape, attributes);
}

/** ∂y/∂data by element and ∂y/∂updates, each for the element that it goes to; null stands for 1. */
function factors(operation: Operation, places: Value): { ofData: Value | null; ofUpdates: Value | null } {
  const reduction = operation.text('reduction', 'none');
  if (reduction === 'add') return { ofData: null, ofUpdates: null };
  if (reduction === 'mul') return productFactors(operation, places);
  if (reduction === 'max' || reduction === 'min') return extremeFactors(operation, places);
  return operation.fail(`has the reduction ${reduction}, which is none of ONNX`);
}

/** The products of all other factors: zeros are counted, since nothing can be divided by them. */
function productFactors(operation: Operation, places: Value): { ofData: Value; ofUpdates: Value } {
  const { graph } = operation;
  const [data, updates] = [operation.input(0), operation.input(2)];
  const one = graph.scalar(1, updates);
  const isZero = graph.compare('Equal', updates, 0);
  const nonzero = graph.where(isZero, one, updates);
  const zero = graph.cast(isZero, updates.dtype);
  const zeros = collected(operation, zero, places);
  const ones = graph.filled(1, data.shape, data.dtype);
  const product = graph.one(operation.node.operator, [ones, operation.input(1), nonzero], data.shape, operation.node.attributes);
  const none = (count: Value): Value => graph.indicator('Less', count, 0.5);
  const otherZeros = graph.subtract(read(operation, zeros, places), zero);
  const others = graph.multiply(graph.divide(read(operation, product, places), nonzero), none(otherZeros));
  return { ofData: graph.multiply(product, none(zeros)), ofUpdates: graph.multiply(read(operation, data, places), others) };
}

/** 1 for the largest, divided among those that are equal, as PyTorch does. */
function extremeFactors(operation: Operation, places: Value): { ofData: Value; ofUpdates: Value } {
  const { graph } = operation;
  const [data, updates, y] = [operation.input(0), operation.input(2), operation.output()];
  const fromData = graph.indicator('Equal', data, y);
  const fromUpdates = graph.indicator('Equal', updates, read(operation, y, places));
  const share = graph.unary('Reciprocal', graph.add(fromData, collected(operation, fromUpdates, places)));
  return { ofData: graph.multiply(fromData, share), ofUpdates: graph.multiply(fromUpdates, read(operation, share, places)) };
}

/** Elements of a value of the data's shape at the places of the updates. */
function read({ graph }: Operation, value: Value, places: Value): Value {
  return graph.reshape(picked(graph, graph.reshape(value, [1, ...value.shape]), places), places.shape);
}

/** Sums of a value of the updates' shape over equal places. */
function collected(operation: Operation, value: Value, places: Value): Value {
  const { graph } = operation;
  const { shape } = operation.input(0);
  return graph.reshape(putBack(graph, graph.reshape(value, [1, ...value.shape]), places, shape), shape);
}
