import { isNumeric } from '../formats/dtypes.js';
import type { Graph, ModelFile } from '../formats/modelFile.js';
import { isKnownDomain } from './attributes.js';
import { ConstantResolver } from './constantResolver.js';
import type { Detected, FoundLayer, LayerDraft } from './draft.js';
import { contentKey, elementsOf, weightTensors } from './expression.js';
import { Scope, type PlacedNode } from './graphScope.js';
import { inlineFunctions } from './inlineFunctions.js';
import { baseId, fullName, UniqueIds } from './layerNames.js';
import { layerUses, type FoundUse } from './layerUses.js';
import type { Layer, Model } from './model.js';
import { networkFunction } from './networkFunction.js';
import { detectFusedAttention } from './operators/attention.js';
import { detectConvolution } from './operators/convolution.js';
import { detectDense } from './operators/dense.js';
import { detectEmbedding } from './operators/embedding.js';
import { detectRecurrent } from './operators/recurrent.js';
import { attachReaders } from './readers.js';
import { ShapeInference } from './shapes.js';
import { skippedTensors } from './skippedTensors.js';
import { SmallConstants } from './smallConstants.js';
import { splitProjection } from './splitProjection.js';

/** The layers of a graph in topological order; bodies of If, Loop and Scan at the place of their node. */
export async function graphModel(file: ModelFile, graph: Graph): Promise<Model> {
  const root = new Scope(inlineFunctions(graph, file.functions ?? []));
  const resolver = new ConstantResolver(await SmallConstants.load(root));
  const shapes = new ShapeInference(root, resolver);
  const found = new Map<string, FoundLayer>();
  const uses: FoundUse[] = [];
  const refused = new Map<string, string>();
  const ids = new UniqueIds();
  for (const placed of root.allNodes()) {
    const detected = detect(placed, resolver, shapes);
    if (!detected) continue;
    if ('reason' in detected) {
      for (const name of constantInputs(placed, resolver)) refused.set(name, detected.reason);
      continue;
    }
    for (const draft of detected.layers.flatMap((layer) => splitProjection(layer, resolver, shapes) ?? [layer])) {
      // What holds no numbers is listed among the skipped tensors with that reason.
      if (elementsOf(draft.weight.shape) === 0 || !weightTensors(draft.weight).every(({ dtype }) => isNumeric(dtype))) continue;
      const key = contentKey(draft.weight);
      const known = found.get(key) ?? { layer: layerOf(draft, ids), uses: [] };
      found.set(key, known);
      known.uses.push(draft);
      uses.push({ found: known, use: draft });
    }
  }
  const layers = [...found.values()];
  attachReaders(layers, root, resolver, shapes);
  return {
    file,
    layers: layers.map(({ layer }) => layer),
    uses: layerUses(uses, root, resolver, shapes),
    skipped: skippedTensors(file, root, resolver, layers, refused),
    function: networkFunction(root, layers),
  };
}

function detect(placed: PlacedNode, resolver: ConstantResolver, shapes: ShapeInference): Detected | null {
  if (!isKnownDomain(placed.node.domain)) return null;
  return (
    detectDense(placed, resolver) ??
    detectConvolution(placed, resolver, shapes) ??
    detectEmbedding(placed, resolver) ??
    detectRecurrent(placed, resolver) ??
    detectFusedAttention(placed, resolver)
  );
}

function constantInputs({ node, scope }: PlacedNode, resolver: ConstantResolver): string[] {
  return node.inputs.flatMap((input) => {
    const expression = resolver.resolve(scope, input);
    return expression ? weightTensors(expression).map((tensor) => tensor.name) : [];
  });
}

function layerOf(draft: LayerDraft, ids: UniqueIds): Layer {
  const [tensor] = weightTensors(draft.weight);
  const [groups, rows, columns] = draft.weight.shape;
  return {
    id: ids.next(baseId(tensor.name, draft.at.node, draft.idFromTensor) + draft.suffix),
    name: fullName(tensor.name, draft.at.node),
    kind: draft.kind,
    tensor: tensor.name,
    shape: draft.shape,
    dtype: tensor.dtype,
    parameters: elementsOf(draft.weight.shape),
    groups,
    matrixShape: [groups * rows, groups * columns],
    weight: draft.weight,
    convolution: draft.convolution,
  };
}
