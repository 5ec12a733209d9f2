import { cp, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HsmFile } from './hsm-file.js';
import type { MemberPlace } from './member/process.js';
import type { HsmRecord, InitialPins } from './records.js';

/** How often a folder is copied again that changed meanwhile. */
const COPIES = 10;

/** Where members' tokens lie. Of folders: `<tokens>/<hsm id>/tokens` with the library's settings beside it; backups in `<tokens>/backups`. */
export class Places {
  constructor(private readonly file: HsmFile) {}

  /** Tokens are made, copied and removed here, and not by whoever set up the slots. */
  get inFolders(): boolean {
    return this.file.tokens !== undefined;
  }

  of({ hsmId, label, slot, initialized }: Pick<HsmRecord, 'hsmId' | 'label' | 'slot' | 'initialized'>): MemberPlace {
    const { library, environment } = this.file;
    if (!this.inFolders) {
      return { library, label, environment, ...(slot !== undefined && { slot }), ...(initialized && { initialized }) };
    }
    return { library, label, environment, confFile: join(this.#folder(hsmId), 'softhsm2.conf') };
  }

  /** Of a token that is initialized already, as its files have them now. */
  async pinsOf({ slot }: Pick<HsmRecord, 'slot'>): Promise<InitialPins> {
    const files = this.file.slots.find((one) => one.slot === slot)?.pinFiles;
    if (!files) throw new Error(`COFFER_HSM_FILE names no files with the PINs of slot ${slot}.`);
    const [soPin, userPin] = await Promise.all([files.officer, files.user].map((path) => readFile(path, 'utf8')));
    return { soPin: soPin!.replace(/\r?\n$/, ''), userPin: userPin!.replace(/\r?\n$/, '') };
  }

  /** An empty folder for a new token. What was begun there is removed. */
  async prepare(hsmId: string): Promise<void> {
    if (!this.inFolders) return;
    const folder = this.#folder(hsmId);
    await rm(folder, { recursive: true, force: true });
    await mkdir(join(folder, 'tokens'), { recursive: true, mode: 0o700 });
    await this.#writeConf(folder);
  }

  async copyMember(fromHsmId: string, toHsmId: string): Promise<void> {
    await this.prepare(toHsmId);
    await copyQuiet(join(this.#folder(fromHsmId), 'tokens'), join(this.#folder(toHsmId), 'tokens'));
  }

  async restore(backupId: string, hsmId: string): Promise<void> {
    await this.prepare(hsmId);
    await copyQuiet(this.#backup(backupId), join(this.#folder(hsmId), 'tokens'));
  }

  async backUp(hsmId: string, backupId: string): Promise<void> {
    await mkdir(join(this.file.tokens!, 'backups'), { recursive: true, mode: 0o700 });
    await copyQuiet(join(this.#folder(hsmId), 'tokens'), this.#backup(backupId));
  }

  async remove(hsmId: string): Promise<void> {
    if (this.inFolders) await rm(this.#folder(hsmId), { recursive: true, force: true });
  }

  async removeBackup(backupId: string): Promise<void> {
    if (this.inFolders) await rm(this.#backup(backupId), { recursive: true, force: true });
  }

  #folder(hsmId: string): string {
    return join(this.file.tokens!, hsmId);
  }

  #backup(backupId: string): string {
    return join(this.file.tokens!, 'backups', backupId);
  }

  async #writeConf(folder: string): Promise<void> {
    const lines = [
      `directories.tokendir = ${join(folder, 'tokens')}`,
      'objectstore.backend = file',
      'log.level = ERROR',
      'slots.removable = false',
    ];
    await writeFile(join(folder, 'softhsm2.conf'), `${lines.join('\n')}\n`, { mode: 0o600 });
  }
}

/** A copy of one moment, synced, and there as a whole or not at all: its owner may write to the token meanwhile. */
async function copyQuiet(from: string, to: string): Promise<void> {
  const fresh = `${to}.new`;
  for (let attempt = 0; attempt < COPIES; attempt++) {
    await rm(fresh, { recursive: true, force: true });
    const before = await stateOf(from);
    await cp(from, fresh, { recursive: true });
    if ((await stateOf(from)) !== before) continue;
    await syncAll(fresh);
    await rm(to, { recursive: true, force: true });
    await rename(fresh, to);
    return;
  }
  throw new Error('the token changes too fast to be copied');
}

async function stateOf(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).sort();
  const states = await Promise.all(
    names.map(async (name) => {
      const { size, mtimeNs } = await stat(join(folder, name), { bigint: true });
      return `${name} ${size} ${mtimeNs}`;
    }),
  );
  return states.join('\n');
}

async function syncAll(folder: string): Promise<void> {
  for (const name of ['.', ...(await readdir(folder, { recursive: true }))]) {
    const handle = await open(join(folder, name), 'r');
    await handle.sync();
    await handle.close();
  }
}
