import { parse, View, Warn } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Specification } from './charts/chart.js';

/** A drawing on the page. */
export interface Drawing {
  /** Puts these objects into a named data source and redraws. */
  setData(name: string, values: readonly unknown[]): void;
  /** Pixel inside the plot area for a value of the named scale. */
  position(scale: string, value: number): number;
  /** The plot area (the first one of stacked drawings unless another is asked for) in window coordinates. */
  plotArea(area?: number): DOMRect;
  svgText(): Promise<string>;
  finish(): void;
}

/**
 * Draws a specification into `container` as SVG. Expressions run on vega-interpreter: the page forbids eval.
 * Resolves when it is drawn.
 */
export async function draw(container: HTMLElement, specification: Specification): Promise<Drawing> {
  const compiled = compile(specification as unknown as TopLevelSpec, { logger: silent }).spec;
  const view = new View(parse(compiled, undefined, { ast: true }), { expr: expressionInterpreter, renderer: 'svg', hover: false, logLevel: Warn, tooltip: () => undefined });
  await view.initialize(container).runAsync();
  return {
    setData: (name, values) => void view.data(name, [...values]).runAsync(),
    position: (scale, value) => {
      const scaled: unknown = (view.scale(scale) as (value: number) => unknown)(value);
      return typeof scaled === 'number' ? scaled : Number.NaN;
    },
    plotArea: (area = 0) => (container.querySelector(`.concat_${area}_group path.background`) ?? container.querySelector('path.background') ?? container).getBoundingClientRect(),
    svgText: () => view.toSVG(),
    finish: () => view.finalize(),
  };
}

/** Vega-Lite's remarks (such as dropped options) are of no use to a reader; tests check them instead. */
const silent = {
  level: () => silent,
  error: () => silent,
  warn: () => silent,
  info: () => silent,
  debug: () => silent,
};
