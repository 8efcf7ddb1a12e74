import type { ToWebview, WebviewState } from '../../server/protocol.js';
import type { InputPicture, JacobianDetail, JacobianKind, JacobianOverview, JacobianRow } from '../../server/report/jacobianViews.js';
import type { ReportOverview } from '../../server/report/views.js';

/** Details and pictures kept: a detail is at most 100 kB. */
const keptDetails = 48;
const keptPictures = 64;

/** Which Jacobian's spectrum is shown. */
export interface SpectrumChoice {
  /** null: the output. */
  layer: string | null;
  call: number;
  kind: JacobianKind;
  input: number | null;
}

type Message = ToWebview & { type: 'jacobians' | 'jacobianRows' | 'jacobianDetail' | 'inputPicture' };

/** Everything that the Jacobians tab shows, as the host told it, and what the reader chose there. */
export class JacobiansModel {
  overview: JacobianOverview | null = null;
  /** Why there is no overview; null where the analysis has not been asked for. */
  reason: string | null = null;
  progress: { done: number; total: number } | null = null;
  kind: JacobianKind = 'inputToLayer';
  /** Place in the file of the selected input. */
  input: number | null = null;
  /** Use of the selected layer. */
  call = 0;
  /** The spectrum of the output rather than of the selected layer. */
  showOutput = true;
  /** True from the moment a run was asked for until the host answers. */
  asked = false;
  private readonly details = new Map<string, JacobianDetail | null>();
  private readonly pictures = new Map<number, InputPicture | null>();
  private restored: number | null = null;

  /** A new report, or news of the same one. A report that does not speak of Jacobians says nothing new. */
  takeReport(report: ReportOverview, sameDocument: boolean): void {
    if (!sameDocument) this.take(null, null);
    if (report.jacobians !== undefined && (report.jacobians !== null || this.overview?.state !== 'running')) this.take(report.jacobians, null);
  }

  receive(message: Message): 'jacobians' | 'jacobianRows' | 'jacobianDetail' | 'picture' {
    switch (message.type) {
      case 'jacobians':
        this.take(message.overview, message.reason);
        return 'jacobians';
      case 'jacobianRows':
        this.takeRows(message.rows);
        this.progress = { done: message.done, total: message.total };
        return 'jacobianRows';
      case 'jacobianDetail':
        keep(this.details, keyOf(message), message.detail, keptDetails);
        return 'jacobianDetail';
      case 'inputPicture':
        keep(this.pictures, message.index, message.picture, keptPictures);
        return 'picture';
    }
  }

  restore(state: NonNullable<WebviewState['jacobians']>): void {
    this.kind = state.kind;
    this.restored = state.input;
  }

  get running(): boolean {
    return this.overview?.state === 'running';
  }

  /** The selected layer's row: the use that was chosen, else its first. */
  row(layer: string | null): JacobianRow | null {
    if (layer === null) return null;
    const uses = (this.overview?.rows ?? []).filter((row) => row.layer === layer);
    return uses.find((row) => row.call === this.call) ?? uses.at(0) ?? null;
  }

  /** Which spectrum is to be shown beside the stretch: of the selected layer where it has one, else of the output. */
  choice(layer: string | null): SpectrumChoice | null {
    const row = this.showOutput ? null : this.row(layer);
    if (row !== null && row.stretch[this.kind] !== null) return { layer: row.layer, call: row.call, kind: this.kind, input: this.input };
    return this.overview?.output === null || this.overview === null ? null : { layer: null, call: 0, kind: 'inputToLayer', input: this.input };
  }

  /** undefined: not here yet; null: the host has none. */
  detail(choice: SpectrumChoice): JacobianDetail | null | undefined {
    return this.details.get(keyOf(choice));
  }

  /** undefined: not here yet; null: this input is no picture. */
  picture(input: number): InputPicture | null | undefined {
    return this.pictures.get(input);
  }

  private take(overview: JacobianOverview | null, reason: string | null): void {
    const before = this.overview;
    this.overview = overview;
    this.reason = reason;
    this.progress = null;
    this.asked = false;
    this.details.clear();
    if (inputsOf(before) !== inputsOf(overview)) this.pictures.clear();
    const known = (input: number | null): input is number => input !== null && overview?.samples.index.includes(input) === true;
    // The reader's own input stays; else the one that is stretched most.
    if (known(this.restored)) this.input = this.restored;
    else if (!known(this.input)) this.input = overview?.output?.largestInput ?? null;
    if (overview !== null) this.restored = null;
  }

  private takeRows(rows: readonly JacobianRow[]): void {
    const { overview } = this;
    if (overview === null) return;
    const places = new Map(overview.rows.map((row, index) => [useOf(row), index]));
    for (const row of rows) {
      const place = places.get(useOf(row));
      if (place !== undefined) overview.rows[place] = row;
    }
  }
}

export function keyOf({ layer, call, kind, input }: SpectrumChoice): string {
  return JSON.stringify([layer, call, kind, input]);
}

/** What tells one set of inputs from another. */
const inputsOf = (overview: JacobianOverview | null): string => JSON.stringify(overview === null ? null : [overview.inputs.source, overview.inputs.file, overview.inputs.preprocessing, overview.inputs.seed]);
const useOf = (row: JacobianRow): string => `${row.call} ${row.layer}`;

/** Puts in the newest and drops the oldest beyond `most`. */
function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
