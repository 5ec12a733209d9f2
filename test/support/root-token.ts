import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SOFTHSM } from './cloudhsm.js';

export const PIN = 'user-pin-of-tests';
export const TOKEN_LABEL = 'coffer root';

/** Runs in a process of its own: a PKCS#11 library reads its folder once, and whoever has loaded one must not fork. */
const SCRIPT = `
const js = require('pkcs11js');
const [library, request] = process.argv.slice(1);
const { work, label, pin, keys } = JSON.parse(request);
const p = new js.PKCS11();
p.load(library);
p.C_Initialize();
const slots = p.C_GetSlotList(true);
const info = (slot) => p.C_GetTokenInfo(slot);
if (work === 'init') {
  const slot = slots.find((one) => !(info(one).flags & js.CKF_TOKEN_INITIALIZED));
  p.C_InitToken(slot, 'so-pin', label.padEnd(32));
  const session = p.C_OpenSession(slot, js.CKF_SERIAL_SESSION | js.CKF_RW_SESSION);
  p.C_Login(session, js.CKU_SO, 'so-pin');
  p.C_InitPIN(session, pin);
  p.C_Logout(session);
  p.C_CloseSession(session);
}
const slot = p.C_GetSlotList(true).find((one) => info(one).label.trimEnd() === label);
const session = p.C_OpenSession(slot, js.CKF_SERIAL_SESSION | js.CKF_RW_SESSION);
p.C_Login(session, js.CKU_USER, pin);
const find = (template) => {
  p.C_FindObjectsInit(session, template);
  const found = p.C_FindObjects(session, 1000);
  p.C_FindObjectsFinal(session);
  return found;
};
for (const key of keys ?? []) {
  p.C_GenerateKey(session, { mechanism: js.CKM_AES_KEY_GEN }, [
    { type: js.CKA_TOKEN, value: true },
    { type: js.CKA_PRIVATE, value: true },
    { type: js.CKA_SENSITIVE, value: key.sensitive ?? true },
    { type: js.CKA_EXTRACTABLE, value: key.extractable ?? false },
    { type: js.CKA_ENCRYPT, value: true },
    { type: js.CKA_DECRYPT, value: true },
    { type: js.CKA_VALUE_LEN, value: key.bytes ?? 32 },
    { type: js.CKA_LABEL, value: key.label },
    { type: js.CKA_ID, value: Buffer.from(key.id ?? '01', 'hex') },
  ]);
}
const labels = find([{ type: js.CKA_CLASS, value: js.CKO_SECRET_KEY }]).map((one) =>
  p.C_GetAttributeValue(session, one, [{ type: js.CKA_LABEL }])[0].value.toString());
console.log(JSON.stringify({ labels, serial: info(slot).serialNumber.trimEnd() }));
`;

interface NewKey {
  label: string;
  id?: string;
  bytes?: number;
  sensitive?: boolean;
  extractable?: boolean;
}

/** SoftHSM tokens in a folder of their own. */
export class TokenFolder {
  private constructor(readonly conf: string) {}

  /** One token with one key, named `root`. */
  static async make(dir: string): Promise<TokenFolder> {
    await mkdir(join(dir, 'tokens'), { recursive: true });
    const conf = join(dir, 'softhsm2.conf');
    await writeFile(conf, `directories.tokendir = ${join(dir, 'tokens')}\nobjectstore.backend = file\n`);
    const folder = new TokenFolder(conf);
    folder.#run({ work: 'init', keys: [{ label: 'root' }] });
    return folder;
  }

  /** For a process that uses the token. */
  get env(): Record<string, string> {
    return { SOFTHSM2_CONF: this.conf };
  }

  addToken(label: string, pin = PIN): void {
    this.#run({ work: 'init', label, pin, keys: [{ label: 'root' }] });
  }

  addKeys(...keys: NewKey[]): void {
    this.#run({ work: 'keys', keys });
  }

  /** Labels of all secret keys. */
  labels(label = TOKEN_LABEL, pin = PIN): string[] {
    return this.#run({ work: 'list', label, pin }).labels;
  }

  get serial(): string {
    return this.#run({ work: 'list' }).serial;
  }

  destructionKeys(label = TOKEN_LABEL, pin = PIN): string[] {
    return this.labels(label, pin).filter((one) => one.startsWith('coffer-destruction:'));
  }

  #run(request: object): { labels: string[]; serial: string } {
    const json = JSON.stringify({ label: TOKEN_LABEL, pin: PIN, ...request });
    const env = { ...process.env, ...this.env };
    return JSON.parse(execFileSync(process.execPath, ['-e', SCRIPT, SOFTHSM, json], { env, encoding: 'utf8' }));
  }
}

/** Of the token that `TokenFolder.make` makes. */
export const uriOf = (object = 'object=root', token = `token=${encodeURIComponent(TOKEN_LABEL)}`): string =>
  `pkcs11:${token};${object}?module-path=${SOFTHSM}`;
