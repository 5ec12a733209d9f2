import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface CpuProfile {
  nodes: { id: number; children?: number[]; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const SHOWN = 40;

/** The functions with the most time of their own, and Coffer's with what they call, in the profile of a directory; idle time left out. */
export async function hottest(directory: string): Promise<string> {
  const file = (await readdir(directory)).find((name) => name.endsWith('.cpuprofile'));
  if (!file) return 'no profile was written';
  const { nodes, samples, timeDeltas }: CpuProfile = JSON.parse(await readFile(join(directory, file), 'utf8'));
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const where = url.split('/').slice(-3).join('/');
      return [id, `${functionName || '(anonymous)'}${where ? ` ${where}:${lineNumber + 1}` : ''}`];
    }),
  );
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const ours = new Set(
    nodes.filter(({ callFrame: { url } }) => /\/dist[a-z]*\//.test(url)).map(({ id }) => names.get(id)!),
  );

  const self = new Map<string, number>();
  const total = new Map<string, number>();
  samples.forEach((sample, i) => {
    const micros = timeDeltas[i]!;
    add(self, names.get(sample)!, micros);
    const stack = new Set<string>();
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) stack.add(names.get(id)!);
    for (const name of stack) if (ours.has(name)) add(total, name, micros);
  });
  const idle = self.get('(idle)') ?? 0;
  self.delete('(idle)');
  const busy = [...self.values()].reduce((sum, value) => sum + value, 0);
  return [
    `main thread: busy ${seconds(busy)}, idle ${seconds(idle)}; time of their own:`,
    ...top(self, busy),
    "Coffer's functions with what they call:",
    ...top(total, busy),
  ].join('\n');
}

const add = (sums: Map<string, number>, name: string, micros: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + micros);
};

const top = (sums: Map<string, number>, whole: number): string[] =>
  [...sums]
    .sort((a, b) => b[1] - a[1])
    .slice(0, SHOWN)
    .map(([name, value]) => `${((100 * value) / whole).toFixed(1).padStart(6)} %  ${name}`);

const seconds = (micros: number): string => `${(micros / 1e6).toFixed(2)} s`;
