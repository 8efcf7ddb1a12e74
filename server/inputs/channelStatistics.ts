import { imageSize, layoutOf } from './layout.js';
import type { PreparedInputs } from './prepare.js';

/** Stacks of more channels than this are described as a whole. */
const MOST_CHANNELS = 4;

export interface ChannelStatistics {
  smallest: number;
  largest: number;
  mean: number;
}

/**
 * Smallest, largest and mean value that the model is fed, over all inputs, by channel; one entry for inputs without
 * channels. Values that are no numbers make the mean NaN. Cost: one pass.
 */
export function channelStatistics({ shape, inputSpace, scaling }: PreparedInputs): ChannelStatistics[] {
  const { count, inner } = channelsOf(shape.slice(1), scaling);
  const statistics = Array.from({ length: count }, () => ({ smallest: Infinity, largest: -Infinity, sum: 0 }));
  for (let start = 0; start < inputSpace.length; start += inner) {
    const channel = statistics[(start / inner) % count];
    for (let i = start; i < start + inner; i++) {
      const value = inputSpace[i];
      if (value < channel.smallest) channel.smallest = value;
      if (value > channel.largest) channel.largest = value;
      channel.sum += value;
    }
  }
  // Subtraction and division keep the order, since deviations are positive.
  return statistics.map(({ smallest, largest, sum }, channel) => {
    const at = scaling.count === 1 ? 0 : channel;
    const fed = (value: number): number => (value - scaling.mean[at]) / scaling.std[at];
    return { smallest: fed(smallest), largest: fed(largest), mean: fed((sum * count) / inputSpace.length) };
  });
}

/** Channels as mean and std count them; without such, those of a picture. */
function channelsOf(sample: readonly number[], scaling: PreparedInputs['scaling']): { count: number; inner: number } {
  if (scaling.count > 1) return scaling;
  const whole = { count: 1, inner: sample.reduce((product, size) => product * size, 1) };
  const layout = layoutOf(sample);
  if (layout === null) return whole;
  const { channels } = imageSize(sample, layout);
  if (channels === null || channels > MOST_CHANNELS) return whole;
  return { count: channels, inner: layout === 'nchw' ? whole.inner / channels : 1 };
}
