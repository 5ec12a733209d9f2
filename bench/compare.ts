import type { Context } from './context.js';
import type { Mode } from './modes.js';
import { median } from './table.js';

export interface Comparison {
  row: string;
  unit: string;
  ceiling: { name: string; measure(round: number): Promise<number> };
  measure(mode: Mode, round: number): Promise<number>;
  floor: number;
  /** Which modes the floor is promised for; the others' ratios are shown. */
  floorFor: readonly Mode[];
}

const AGAINST_SSE_S3 = 0.9;

/**
 * Ceiling and modes take turns, in another order each round, so that a disturbance of the machine meets all of them alike. A first
 * round that doesn't count warms up.
 */
export async function compare(context: Context, comparison: Comparison): Promise<void> {
  const { modes, rounds, quick } = context.options;
  const { row, unit, ceiling, floor, floorFor } = comparison;
  const ceilings: number[] = [];
  const measured = new Map<Mode, number[]>(modes.map((mode) => [mode, []]));
  for (let round = quick ? 0 : -1; round < rounds; round++) {
    const top = await ceiling.measure(round);
    if (round >= 0) ceilings.push(top);
    for (let i = 0; i < modes.length; i++) {
      const mode = modes[(i + round + modes.length) % modes.length]!;
      const rate = await comparison.measure(mode, round);
      if (round >= 0) measured.get(mode)!.push(rate);
    }
  }
  const against = (name: string, values: number[], rates: number[]) => ({
    measured: median(rates),
    against: { name, value: median(values) },
    ratio: median(rates.map((rate, i) => rate / values[i]!)),
  });
  for (const [mode, rates] of measured) {
    const promised = floorFor.includes(mode) ? floor : undefined;
    context.add({ row, mode, unit, ...against(ceiling.name, ceilings, rates), floor: promised });
  }
  const plain = measured.get('SSE-S3');
  if (!plain) return;
  for (const [mode, rates] of measured) {
    if (mode !== 'SSE-S3') context.add({ row, mode, unit, ...against('SSE-S3', plain, rates), floor: AGAINST_SSE_S3 });
  }
}
