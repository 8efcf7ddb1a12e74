import type { ModelFile } from '../formats/modelFile.js';
import { graphModel } from './graphModel.js';
import type { Model } from './model.js';
import { namedModel } from './namedTensors.js';

/**
 * The layers of a model file, with every other tensor and the reason why it is none. With a graph the layers are what
 * the operations compute with; without one they are told by names and shapes (docs/layers.md).
 *
 * Reads small constants only (shapes, axes, scalars), never a weight.
 * @throws ModelFileError `model/corrupt` for a graph with a cycle, `model/limit` for absurd nesting
 */
export async function buildModel(file: ModelFile): Promise<Model> {
  return file.graph === null ? namedModel(file) : graphModel(file, file.graph);
}
