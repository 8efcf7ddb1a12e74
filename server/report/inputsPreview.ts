import type { InputPicture } from './jacobianViews.js';

/** What a person sees of inputs before an analysis runs on them: whether they are read, laid out and scaled as they should be. */
export interface InputsPreview {
  n: number;
  /** [n, ...sample] as the model is fed. */
  shape: number[];
  /** As the file holds them. */
  stored: { dtype: string; shape: number[] };
  /** In input space. */
  range: [number | null, number | null];
  /** The first few. */
  items: PreviewItem[];
  /** Of all that is fed, after mean and std. */
  channels: PreviewChannel[];
  hasLabels: boolean;
  /** Names of the classes, by label, where subfolders are classes; null otherwise. */
  classes: string[] | null;
  /** Share of `accuracyOf` inputs, spread over the file, whose largest output is the label's; null without labels or predictions. */
  accuracy: number | null;
  accuracyOf: number;
  /** Sentences: why there are no predictions or no labels, how many pictures were resized. */
  notes: string[];
}

export interface PreviewItem {
  index: number;
  label: number | null;
  /** null where the model's output is no vector. */
  prediction: number | null;
  /** null for inputs that are no pictures; `values` then begins the input. */
  picture: InputPicture | null;
  values: (number | null)[] | null;
}

export interface PreviewChannel {
  smallest: number | null;
  largest: number | null;
  mean: number | null;
}

/** A field of the form that a sentence is about. */
export type InputsField = 'file' | 'array' | 'labels' | 'layout' | 'preprocess' | 'range' | 'resize';

export interface InputsMistake {
  sentence: string;
  field: InputsField;
}
