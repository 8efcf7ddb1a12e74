import type { ByteSource } from './byteSource.js';
import type { ModelFile } from './modelFile.js';

/** One file format: `matches` recognises it by content, `open` reads what it describes. One file per format. */
export interface Format {
  readonly name: ModelFile['format'];
  /** For sentences. */
  readonly title: string;
  /** Lower case, with the dot; a file with one of these must hold this format. */
  readonly extensions: readonly string[];
  /** By content and a few small reads; never throws for what the bytes are. */
  matches(source: ByteSource): Promise<boolean>;
  /**
   * Headers only; the source stays open and belongs to the caller.
   * @throws ModelFileError with one sentence
   */
  open(source: ByteSource): Promise<ModelFile>;
}
