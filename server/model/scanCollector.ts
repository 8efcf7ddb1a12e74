import type { TensorScan } from '../formats/decode.js';
import type { StoredTensor } from '../formats/modelFile.js';
import { Scanner } from '../formats/scan.js';

/** What the stored elements of a layer tell, before scales. */
export interface StoredScan {
  nonFinite: { count: number; firstIndex: number | null };
  denormals: number;
  /** Of the stored bytes, those of scales and zero points among them. */
  digest: string;
}

/** Joins the scans of a layer's tensors: usually one; several where tensors are concatenated or have scales. */
export class ScanCollector {
  private readonly scans: (() => TensorScan)[] = [];
  private readonly scaleDigests: string[] = [];

  add(scan: TensorScan): void {
    this.scans.push(() => scan);
  }

  /** A tensor of scales or zero points: its bytes belong to the weights, its elements are none. */
  addScale(scan: TensorScan): void {
    this.scaleDigests.push(scan.digest);
  }

  /** A scanner for the used elements of a tensor that is not used as a whole. */
  partial(tensor: StoredTensor): Scanner {
    const scanner = new Scanner(tensor.dtype);
    this.scans.push(() => scanner.result());
    return scanner;
  }

  result(): StoredScan {
    const scans = this.scans.map((scan) => scan());
    return {
      nonFinite: {
        count: scans.reduce((sum, scan) => sum + scan.nonFinite.count, 0),
        firstIndex: scans.find((scan) => scan.nonFinite.firstIndex !== null)?.nonFinite.firstIndex ?? null,
      },
      denormals: scans.reduce((sum, scan) => sum + scan.denormals, 0),
      digest: [...scans.map((scan) => scan.digest), ...this.scaleDigests].join(' '),
    };
  }
}
