import { type Curve, type LayerDetail } from '../../server/report/views.js';

/** A curve whose numbers travel to a webview as bytes instead of text. */
function typed(curve: Curve): Curve {
  return { x: Float64Array.from(curve.x), y: Float64Array.from(curve.y) };
}

/** A layer's detail with every curve as Float64Array, as the webview expects them. Linear in the number of points. */
export function typedCurves(detail: LayerDetail): LayerDetail {
  return {
    ...detail,
    spectrum: detail.spectrum && { ...detail.spectrum, curve: typed(detail.spectrum.curve) },
    energy: detail.energy && { ...detail.energy, curve: typed(detail.energy.curve) },
    noise: detail.noise && { ...detail.noise, law: detail.noise.law && typed(detail.noise.law) },
    tail: detail.tail && { ...detail.tail, curve: typed(detail.tail.curve), fit: detail.tail.fit && typed(detail.tail.fit) },
    operatorCurves: detail.operatorCurves.map((each) => ({ ...each, curve: typed(each.curve) })),
  };
}
