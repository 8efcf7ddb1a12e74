import type { TensorScan } from '../formats/decode.js';
import type { StoredTensor } from '../formats/modelFile.js';
import { Scanner } from '../formats/scan.js';

/** The scan of a layer from those of its tensors: usually one; several where tensors are concatenated. */
export class ScanCollector {
  private readonly scans: (() => TensorScan)[] = [];

  add(scan: TensorScan): void {
    this.scans.push(() => scan);
  }

  /** A scanner for the used elements of a tensor that is not used as a whole. */
  partial(tensor: StoredTensor): Scanner {
    const scanner = new Scanner(tensor.dtype);
    this.scans.push(() => scanner.result());
    return scanner;
  }

  result(): TensorScan {
    const scans = this.scans.map((scan) => scan());
    const first = scans.at(0);
    if (first && scans.length === 1) return first;
    const constants = new Set(scans.map((scan) => scan.constant));
    return {
      nonFinite: {
        count: scans.reduce((sum, scan) => sum + scan.nonFinite.count, 0),
        firstIndex: scans.find((scan) => scan.nonFinite.firstIndex !== null)?.nonFinite.firstIndex ?? null,
      },
      zeros: scans.reduce((sum, scan) => sum + scan.zeros, 0),
      denormals: scans.reduce((sum, scan) => sum + scan.denormals, 0),
      constant: constants.size === 1 ? (first?.constant ?? null) : null,
      digest: scans.map((scan) => scan.digest).join(' '),
    };
  }
}
