import type { Value } from '../graph.js';
import type { Operation } from '../operation.js';
import { alignTangent, plus, shifted, sumToShape, type Rule, type Rules } from '../rule.js';

/** How an operation normalizes: y = scale·x̂ + bias with x̂ = (x − μ)·r and r = 1/√(mean (x − μ)² + ε) over `axes`. */
interface Settings {
  axes: number[];
  /** Whether μ is the mean over the axes, or 0. */
  centred: boolean;
  epsilon: number;
  /** The shape in which scale and bias broadcast against x. */
  parameterShape: (parameter: Value) => readonly number[];
}

interface Statistics extends Settings {
  /** r, with the axes kept at size 1. */
  inverseDeviation: Value;
  /** x̂. */
  normalized: Value;
}

/**
 * x̂ has the Jacobian r·(1 − 1·1ᵀ/n − x̂·x̂ᵀ/n) over the n elements that are normalized together, which is symmetric; without
 * centring the term 1·1ᵀ/n is missing.
 * Source: Ba, Kiros, Hinton: Layer normalization, arXiv 1607.06450.
 */
function normalization(settings: (operation: Operation) => Settings): Rule {
  return {
    forward(operation, [ofX, ofScale, ofBias]) {
      const { graph, directions } = operation;
      const known = statistics(operation, settings(operation));
      const parameter = (tangent: Value, index: number): Value => parameterDirection(operation, known, tangent, index);
      const fromX = ofX && graph.multiply(projected(operation, known, ofX), slopeOf(operation, known));
      const fromScale = ofScale ? graph.multiply(parameter(ofScale, 1), known.normalized) : null;
      const fromBias = ofBias ? parameter(ofBias, 2) : null;
      const sum = plus(graph, plus(graph, fromX, fromScale), fromBias);
      return [sum && graph.expand(sum, [directions, ...operation.output().shape])];
    },
    reverse(operation, [cotangent], needed) {
      if (cotangent === null) return [null, null, null];
      const { graph, directions } = operation;
      const known = statistics(operation, settings(operation));
      const summed = (value: Value, index: number): Value => {
        const parameter = operation.input(index);
        return graph.reshape(sumToShape(operation, value, known.parameterShape(parameter)), [directions, ...parameter.shape]);
      };
      return [
        needed[0] ? projected(operation, known, graph.multiply(cotangent, slopeOf(operation, known))) : null,
        needed.at(1) ? summed(graph.multiply(cotangent, known.normalized), 1) : null,
        needed.at(2) ? summed(cotangent, 2) : null,
      ];
    },
  };
}

function statistics(operation: Operation, settings: Settings): Statistics {
  const { graph } = operation;
  const x = operation.input(0);
  const centred = settings.centred ? graph.subtract(x, graph.mean(x, settings.axes)) : x;
  const variance = graph.mean(graph.multiply(centred, centred), settings.axes);
  const inverseDeviation = graph.reciprocalRoot(graph.add(variance, settings.epsilon));
  return { ...settings, inverseDeviation, normalized: graph.multiply(centred, inverseDeviation) };
}

/** The part of a direction that changes x̂: (1 − 1·1ᵀ/n − x̂·x̂ᵀ/n)·v. r is one number for all that is normalized together, and may come before or after. */
function projected({ graph }: Operation, { axes, centred, normalized }: Statistics, direction: Value): Value {
  const along = graph.multiply(normalized, graph.mean(graph.multiply(direction, normalized), shifted(axes)));
  const rest = centred ? graph.subtract(direction, graph.mean(direction, shifted(axes))) : direction;
  return graph.subtract(rest, along);
}

/** r·scale: what every direction is multiplied by, known without it. */
function slopeOf({ graph, inputs: [, scale] }: Operation, { parameterShape, inverseDeviation }: Statistics): Value {
  return scale ? graph.multiply(inverseDeviation, graph.reshape(scale, parameterShape(scale))) : inverseDeviation;
}

/** The tangent of scale or bias, in the shape in which it broadcasts against directions of x. */
function parameterDirection(operation: Operation, { parameterShape }: Statistics, tangent: Value, index: number): Value {
  const shape = parameterShape(operation.input(index));
  return alignTangent(operation, operation.graph.reshape(tangent, [operation.directions, ...shape]), operation.rank);
}

/** Over the last axes, from `axis` on. */
function overLastAxes(operation: Operation, centred: boolean): Settings {
  const first = operation.axis(operation.integer('axis', -1));
  const axes = operation.input(0).shape.flatMap((_, axis) => (axis < first ? [] : [axis]));
  return { axes, centred, epsilon: operation.float('epsilon', 1e-5), parameterShape: ({ shape }) => shape };
}

/** Over the axes behind samples and channels; scale and bias are by channel. */
function overSpatialAxes(operation: Operation): Settings {
  const axes = operation.input(0).shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));
  return { axes, centred: true, epsilon: operation.float('epsilon', 1e-5), parameterShape: ({ shape: [channels] }) => [channels, ...axes.map(() => 1)] };
}

/** Definitions: https://onnx.ai/onnx/operators */
export const normalizations: Rules = {
  LayerNormalization: normalization((operation) => overLastAxes(operation, true)),
  RMSNormalization: normalization((operation) => overLastAxes(operation, false)),
  InstanceNormalization: normalization(overSpatialAxes),
};
