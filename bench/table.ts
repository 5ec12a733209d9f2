import type { Mode } from './modes.js';

export interface Line {
  row: string;
  mode?: Mode | undefined;
  /** In `unit`. */
  measured: number;
  unit: string;
  /** What it is held against, in the same unit. */
  against: { name: string; value: number } | undefined;
  /** Median of the rounds' ratios: what was measured next to each other is compared. measured ÷ against where absent. */
  ratio?: number | undefined;
  /** The ratio must be at least this, or at most where `below`. */
  floor?: number | undefined;
  below?: boolean;
}

export const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const HEADINGS = ['row', 'mode', 'measured', 'unit', 'against', '', 'ratio', 'floor', ''];

export function format(lines: Line[]): string {
  const cells = lines.map((line) => {
    const ratio = line.ratio ?? (line.against && line.measured / line.against.value);
    return [
      line.row,
      line.mode ?? '',
      number(line.measured),
      line.unit,
      line.against?.name ?? '',
      line.against ? number(line.against.value) : '',
      ratio === undefined ? '' : ratio.toFixed(2),
      line.floor === undefined ? '' : `${line.below ? '≤' : '≥'} ${line.floor.toFixed(2)}`,
      ratio === undefined || line.floor === undefined ? '' : holds(line, ratio) ? 'PASS' : 'SHORT',
    ];
  });
  const all = [HEADINGS, ...cells];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const text = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return [text[0], widths.map((width) => '-'.repeat(width)).join('  '), ...text.slice(1)].join('\n');
}

const holds = (line: Line, ratio: number): boolean => (line.below ? ratio <= line.floor! : ratio >= line.floor!);

const number = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(value >= 10 ? 1 : 3);
