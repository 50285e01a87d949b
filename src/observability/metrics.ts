// Metrics: families of pre-bound cells. A label set is resolved once, when a snapshot is compiled; counting is then an addition to a
// number field. Cells are shared by equal labels and disappear from the exposition when the last holder has released them.
import { type Cell, type CellMap, ComputedCell, Counter, CountersBy, Gauge, Histogram } from './metric-cell.ts';
import { escapeHelp, labelsText } from './prometheus-text.ts';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Beyond it new cells count but are not exposed; hiddenCells tells how many. */
export const MAX_CELLS_PER_FAMILY = 100_000;

export interface MetricDeclaration<L extends string = string> {
  /** Ends with its unit, as Prometheus wants it: `_seconds`, `_bytes`; counters with `_total`. */
  readonly name: string;
  readonly help: string;
  /** Names of what the configuration or the code names; never what a client sends. */
  readonly labels: readonly L[];
}

export type Labels<L extends string> = Readonly<Record<L, string>>;

type MetricType = 'counter' | 'gauge' | 'histogram';
type MakeCell<C extends Cell> = (family: CellMap, labels: string) => C;

export class Family<C extends Cell, L extends string> {
  readonly declaration: MetricDeclaration<L>;
  readonly #type: MetricType;
  readonly #make: MakeCell<C>;
  readonly #cells: CellMap = new Map();
  #hiddenCells = 0;

  constructor(type: MetricType, declaration: MetricDeclaration<L>, make: MakeCell<C>) {
    this.declaration = declaration;
    this.#type = type;
    this.#make = make;
  }

  /** The cell of these labels, the same for equal labels. To be released by whoever asked for it. */
  cell(labels: Labels<L>): C {
    const text = this.#labelsText(labels);
    const existing = this.#cells.get(text);
    if (existing !== undefined) {
      existing.hold();
      return existing as C;
    }
    const cell = this.#make(this.#cells, text);
    this.#add(text, cell);
    return cell;
  }

  /** A counter or gauge that is read at scrape time, instead of a cell. Replaces an older one of the same labels. */
  compute(labels: Labels<L>, read: () => number): Cell {
    const text = this.#labelsText(labels);
    const cell = new ComputedCell(this.#cells, text, read);
    this.#add(text, cell);
    return cell;
  }

  get hiddenCells(): number {
    return this.#hiddenCells;
  }

  /** Nothing where no cell has something to show. */
  *texts(): Generator<string> {
    const { name, help } = this.declaration;
    let header = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${this.#type}\n`;
    for (const [labels, cell] of this.#cells) {
      const text = cell.text(name, labels);
      if (text === '') continue;
      yield header + text;
      header = '';
    }
  }

  #add(labels: string, cell: Cell): void {
    if (this.#cells.size < MAX_CELLS_PER_FAMILY) this.#cells.set(labels, cell);
    else this.#hiddenCells += 1;
  }

  #labelsText(labels: Labels<L>): string {
    return labelsText(labels, this.declaration.labels);
  }
}

/** Families in the order in which they were declared. */
export class MetricRegistry {
  readonly #families: Family<Cell, string>[] = [];

  counter<L extends string>(declaration: MetricDeclaration<L>): Family<Counter, L> {
    return this.#add(new Family('counter', declaration, (family, labels) => new Counter(family, labels)));
  }

  gauge<L extends string>(declaration: MetricDeclaration<L>): Family<Gauge, L> {
    return this.#add(new Family('gauge', declaration, (family, labels) => new Gauge(family, labels)));
  }

  /** `buckets` are upper bounds, ascending; +Inf is implied. */
  histogram<L extends string>(
    declaration: MetricDeclaration<L> & { readonly buckets: readonly number[] },
  ): Family<Histogram, L> {
    const { buckets } = declaration;
    return this.#add(new Family('histogram', declaration, (family, labels) => new Histogram(family, labels, buckets)));
  }

  /** `by` is one more label, and all values that it can have. */
  countersBy<L extends string, V extends string>(
    declaration: MetricDeclaration<L> & { readonly by: { readonly label: string; readonly values: readonly V[] } },
  ): Family<CountersBy<V>, L> {
    const { label, values } = declaration.by;
    const indexes = new Map(values.map((value, index) => [value, index]));
    const make: MakeCell<CountersBy<V>> = (family, labels) => new CountersBy(family, labels, label, indexes);
    return this.#add(new Family('counter', declaration, make));
  }

  get declarations(): readonly MetricDeclaration[] {
    return this.#families.map((family) => family.declaration);
  }

  get hiddenCells(): number {
    return this.#families.reduce((sum, family) => sum + family.hiddenCells, 0);
  }

  /**
   * The Prometheus text format 0.0.4, in small pieces, as it can be long: between two of them others may run. Within a family, cells
   * come in the order of their creation.
   */
  *texts(): Generator<string> {
    for (const family of this.#families) yield* family.texts();
  }

  expose(): string {
    return Array.from(this.texts()).join('');
  }

  #add<F extends Family<Cell, string>>(family: F): F {
    this.#families.push(family);
    return family;
  }
}
