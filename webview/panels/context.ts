import type { Host } from '../host.js';
import type { PanelModel, Tab } from '../panelModel.js';

/** What every part of the panel may use: the data, the host and the moves that concern the whole page. */
export interface PanelContext {
  readonly host: Host;
  readonly model: PanelModel;
  /** Makes this layer the selected one everywhere. */
  selectLayer(id: string | null): void;
  /** Selects the layer and shows its Weights tab. */
  openLayer(id: string): void;
  showTab(tab: Tab): void;
  /** Ends the run. The page says so at once; the engine ends its workers meanwhile. */
  cancel(): void;
  /** Has the reader's arrangement saved. */
  rearranged(): void;
}

/** The file's name without its folders. */
export function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
