import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RenameTokens } from '../../src/store/rename-tokens.js';
import { CommitBuilder } from '../../src/store/table.js';
import { ENGINES, type Engine, plain } from './engines.js';

describe.each(ENGINES)('client tokens %s', (_name, open) => {
  let engine: Engine;
  let tokens: RenameTokens;
  beforeEach(async () => {
    engine = await open();
    tokens = new RenameTokens(engine.meta, plain);
  });
  afterEach(() => engine.close());

  const digest = (n: number) => Buffer.alloc(32, n);
  const remember = async (n: number, old?: Awaited<ReturnType<RenameTokens['find']>>) => {
    const commit = new CommitBuilder();
    tokens.remember(commit, digest(n), old, `parameters ${n}`, engine.clock.now());
    return engine.meta.commit(commit.build());
  };

  test('are remembered once, for their time, and then forgotten', async () => {
    expect(await remember(1)).toBe(true);
    expect(await remember(1)).toBe(false);
    engine.clock.advance(9 * 60_000);
    expect(await remember(2)).toBe(true);
    await tokens.prune(engine.clock.now());
    expect((await tokens.find(digest(1)))?.record.parameters).toBe('parameters 1');
    engine.clock.advance(60_000);
    await tokens.prune(engine.clock.now());
    expect(await tokens.find(digest(1))).toBeUndefined();
    expect((await tokens.find(digest(2)))?.record.parameters).toBe('parameters 2');
  });
});
