import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

const SHOWN = 30;

/** The functions with the most time of their own in the newest profile of a directory, idle time left out. */
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
  const micros = new Map<string, number>();
  samples.forEach((id, i) => {
    const name = names.get(id)!;
    micros.set(name, (micros.get(name) ?? 0) + timeDeltas[i]!);
  });
  const idle = micros.get('(idle)') ?? 0;
  micros.delete('(idle)');
  const busy = [...micros.values()].reduce((sum, value) => sum + value, 0);
  const top = [...micros].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
  const lines = top.map(([name, value]) => `${((100 * value) / busy).toFixed(1).padStart(6)} %  ${name}`);
  return [`main thread: busy ${seconds(busy)}, idle ${seconds(idle)}`, ...lines].join('\n');
}

const seconds = (micros: number): string => `${(micros / 1e6).toFixed(2)} s`;
