import type { MatrixWorkspace } from '../../linalg/matrixWorkspace.js';
import type { SolveControl } from '../../linalg/steps.js';
import { NotDifferentiable } from '../../derivatives/graph.js';
import type { MatrixProducts } from '../../linalg/matrixProducts.js';
import { createOnnxProducts, hasNativeProducts } from '../../runtime/onnxProducts.js';
import type { JacobianSpectra } from '../../report/jacobians.js';
import type { Skipped } from '../../report/report.js';
import { attributionStability } from './attribution.js';
import { jacobianBounds } from './bounds.js';
import { OperatorNorms } from './lipschitz/operatorNorms.js';
import { openNetwork, type NetworkAtInputs } from './networkAtInputs.js';
import { answerNetwork } from './networkQuestion.js';
import { saturationOf } from './saturation.js';
import { spectraOf } from './spectra.js';
import type { AttributionAnswer, BoundsAnswer, JacobianTask, LayerAnswer, NetworkAnswer, NetworkTask, OutputAnswer, ReachedUse } from './task.js';

/** Answers the questions of a Jacobian analysis; keeps the network of the last one open for the next. */
export class JacobianWorkbench {
  private products: Promise<MatrixProducts> | null = null;
  private opened: { key: string; network: Promise<NetworkAtInputs> } | null = null;

  /**
   * @param workspaceFor a workspace for single matrices, which few questions need
   * @throws what `openNetwork` throws, and NotDifferentiable where the whole question cannot be answered
   */
  async carryOut({ network: task, ...question }: JacobianTask, workspaceFor: () => Promise<MatrixWorkspace>, control: SolveControl): Promise<NetworkAnswer | OutputAnswer | LayerAnswer | BoundsAnswer | AttributionAnswer> {
    const at = await this.open(task, control.signal);
    const spectra = (of: string, by: string, part: SolveControl): Promise<JacobianSpectra> => spectraOf(at, of, by, { memoryBytes: task.memoryBytes, seed: task.seed, loadProducts: () => this.productsFor(task.threads) }, part);
    switch (question.question) {
      case 'network':
        return answerNetwork(at, task.seed, control);
      case 'output':
        return spectra(at.f.tensor, at.f.input, control);
      case 'layer':
        return layerAnswer(at, question.use, spectra, control);
      case 'bounds':
        return boundsAnswer(at, question.values, await workspaceFor(), control);
      case 'attribution':
        return attributionStability(at, task.seed, control);
    }
  }

  /** onnxruntime's products; null where its native ones are no faster. */
  private async productsFor(threads: number): Promise<MatrixProducts | null> {
    return hasNativeProducts ? (this.products ??= createOnnxProducts(threads)) : null;
  }

  private async open(task: NetworkTask, signal?: AbortSignal): Promise<NetworkAtInputs> {
    const key = JSON.stringify(task);
    if (this.opened?.key === key) return this.opened.network;
    const previous = this.opened;
    this.opened = null;
    await previous?.network.then(({ derivatives }) => derivatives.release());
    const network = openNetwork(task, signal);
    // One that could not be opened is tried anew by the next question: a file may be there by then.
    this.opened = await network.then(
      () => ({ key, network }),
      () => null,
    );
    return network;
  }
}

/** The three Jacobians of a layer; one that has no derivative rule does not keep the others back. */
async function layerAnswer(at: NetworkAtInputs, use: ReachedUse, spectra: (of: string, by: string, control: SolveControl) => Promise<JacobianSpectra>, control: SolveControl): Promise<LayerAnswer> {
  const { layer, call, value, localFrom, localValue } = use;
  const skipped: Skipped[] = [];
  const tried = async (part: number, of: string, by: string): Promise<JacobianSpectra | null> => {
    try {
      return await spectra(of, by, partOf(control, part, 3));
    } catch (error) {
      if (!(error instanceof NotDifferentiable)) throw error;
      skipped.push({ layer, analysis: 'jacobian', reason: error.message });
      return null;
    }
  };
  const inputToLayer = await tried(0, value, at.f.input);
  const layerLocal = localValue === at.f.input ? inputToLayer : await tried(1, value, localValue);
  const layerToOutput = await tried(2, at.f.tensor, value);
  const largest = inputToLayer?.singularValues.flatMap((values) => (values.length > 0 ? [values[0]] : [])) ?? [];
  return {
    layer,
    call,
    value,
    inputToLayer,
    layerLocal,
    localFrom,
    layerToOutput,
    truth: largest.length === 0 ? null : Math.max(...largest),
    saturation: await saturationOf(at, value, control.signal),
    skipped,
  };
}

async function boundsAnswer(at: NetworkAtInputs, values: readonly string[], workspace: MatrixWorkspace, control: SolveControl): Promise<BoundsAnswer> {
  const bounds = await jacobianBounds(at.derivatives.single.imported, at.f.input, values, new OperatorNorms(workspace, control.signal));
  return values.map((value) => ({ value, bound: bounds.get(value)?.bound ?? null, reason: bounds.get(value)?.reason ?? null }));
}

/** Progress of one of several parts of equal length. */
function partOf(control: SolveControl, part: number, parts: number): SolveControl {
  const { progress } = control;
  return progress === undefined ? control : { ...control, progress: (fraction) => progress((part + fraction) / parts) };
}
