/** What names of tensors tell where there is no graph. Names follow PyTorch, Hugging Face, Flax and Keras. */

export interface TensorName {
  full: string;
  /** Path of the module: all but the last part. */
  module: string;
  /** Last part of the module's path; the whole name where it has no path. */
  owner: string;
  /** Last part of the name: weight, bias, kernel, weight_ih_l0 … */
  leaf: string;
}

/** Splits at the last `.` or `/`. */
export function parseName(full: string): TensorName {
  const at = Math.max(full.lastIndexOf('.'), full.lastIndexOf('/'));
  const module = at < 0 ? '' : full.slice(0, at);
  const owner = module === '' ? full : module.slice(Math.max(module.lastIndexOf('.'), module.lastIndexOf('/')) + 1);
  return { full, module, owner, leaf: full.slice(at + 1) };
}

/** Roles that a name gives away whatever the shape; the reason why such a tensor is no layer. */
const roles: { pattern: RegExp; reason: (name: TensorName) => string }[] = [
  { pattern: /^(.*_)?bias(_(ih|hh)(_l\d+)?(_reverse)?)?$/, reason: ({ module, full }) => `bias of ${module || full}` },
  { pattern: /^(running|moving)_(mean|var|variance)$/, reason: ({ module }) => `batch-normalisation statistics of ${module}` },
  { pattern: /^num_batches_tracked$/, reason: ({ module }) => `counter of batch normalisation ${module}` },
  { pattern: /^(inv_freq|freqs?|freqs_cis|cos_cached|sin_cached|rope_freqs|cos|sin)$/, reason: () => 'rotary position table, not trained' },
  { pattern: /^(scales|zeros|zero_point|(weight|input|output|k|v|q)_(scales?|scale_inv|zero_point))$/, reason: () => 'a quantisation scale or zero point of weights that are not decoded with it' },
  { pattern: /mask$/, reason: () => 'a mask, not trained' },
  { pattern: /^weight_g$/, reason: ({ module }) => `gain of weight normalisation of ${module}` },
  { pattern: /^(qweight|qzeros|g_idx|weight_packed|weight_shape|absmax|quant_map|quant_state.*|nested_absmax|nested_quant_map)$/, reason: () => 'packed quantised weights (GPTQ, AWQ, bitsandbytes, compressed-tensors): this packing is not decoded' },
];

/** Why a tensor is no layer, as far as its name alone tells. */
export function roleReason(name: TensorName): string | null {
  return roles.find(({ pattern }) => pattern.test(name.leaf))?.reason(name) ?? null;
}

const tableNames = /^(embed(ding)?s?(_(tokens?|positions?|in|words?|types?|segments?))?|\w*_embed(ding)?s?|tok_embeddings|wte|wpe|shared|class_embedding|relative_attention_bias|relative_position_bias_table)$/;
const noTables = /^(time|patch|t)_embed(ding|der)?s?$/;

/** Whether a matrix of this name is looked up by rows: an embedding. */
export function isEmbeddingName({ owner, leaf }: TensorName): boolean {
  const own = /^(weight|embedding)$/.test(leaf) ? owner : leaf;
  return (tableNames.test(own) && !noTables.test(own)) || leaf === 'embedding';
}

/** A learned vector that some exporters store with leading axes of size 1. */
export function isTokenName({ leaf }: TensorName): boolean {
  return /(^|_)(token|tokens|gamma|scale|gain|query)$/.test(leaf);
}

/** Query, key and value in one matrix. `even`: always three equal parts, whatever the shape. */
export function fusedProjection({ owner, leaf }: TensorName): { even: boolean; splits: boolean } | null {
  if (leaf === 'in_proj_weight') return { even: true, splits: true };
  const own = leaf === 'weight' || leaf === 'kernel' ? owner : leaf;
  if (own === 'to_qkv') return { even: true, splits: true };
  if (/^(c_attn|qkv|qkv_proj|Wqkv|wqkv|in_proj_qkv)$/.test(own)) return { even: false, splits: true };
  // Stored head by head (GPT-NeoX, BLOOM) or with shared keys (Falcon): the shape does not tell which.
  return own === 'query_key_value' ? { even: false, splits: false } : null;
}

/** Layers that GPT-2 stores as Conv1D, [in, out], where other models of the same names store [out, in]. */
export function isConv1dName({ owner, leaf }: TensorName): boolean {
  return leaf === 'weight' && /^(c_attn|c_proj|c_fc|q_attn)$/.test(owner);
}

/** Flax and Keras keep the outputs last: [in, out], [k…, in, out]. */
export function isKernelName({ leaf }: TensorName): boolean {
  return leaf === 'kernel';
}

export function isTransposedConvolutionName({ module }: TensorName): boolean {
  return /(conv_?transpose|transposed?_?conv|deconv)/i.test(module);
}

/** A stack of matrices, one per expert. */
export function isExpertStackName({ full }: TensorName): boolean {
  return /(^|[._/])experts?([._/]|$)/.test(full);
}

/** PyTorch's `weight_ih_l0_reverse` and the cells' `weight_hh`. */
export function recurrentName({ leaf }: TensorName): { letter: 'w' | 'r'; layer: number; direction: 'forward' | 'backward'; sibling: string } | null {
  const match = /^weight_(ih|hh)(?:_l(\d+))?(_reverse)?$/.exec(leaf);
  if (!match) return null;
  const [, kind, layer, reverse] = match as unknown as [string, 'ih' | 'hh', string | undefined, string | undefined];
  return {
    letter: kind === 'ih' ? 'w' : 'r',
    layer: Number(layer ?? 0),
    direction: reverse ? 'backward' : 'forward',
    sibling: leaf.replace(`weight_${kind}`, 'weight_hh'),
  };
}
