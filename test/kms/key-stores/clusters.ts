import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Secret } from '../../../src/base/secret.js';
import {
  type ClusterFacts,
  type Clusters,
  ConnectionError,
  InvalidHeldCiphertext,
  type KeyHolder,
  KeyHolderUnavailable,
} from '../../../src/kms/key-stores/ports.js';
import { ACCOUNT } from '../harness.js';

export const CLUSTER_ID = 'cluster-abcdefghijk';
export const PASSWORD = 'kmsuser-password';
export const TRUST_ANCHOR = readFileSync('fixtures/xks/proxy.crt', 'utf8');

/** Members of CreateCustomKeyStore. */
export function clusterSettings(CustomKeyStoreName: string) {
  return {
    CustomKeyStoreName,
    CloudHsmClusterId: CLUSTER_ID,
    TrustAnchorCertificate: TRUST_ANCHOR,
    KeyStorePassword: PASSWORD,
  };
}

/** Clusters in memory, in place of those of CloudHSM: what the key service does with them is what is tested. */
export class TestClusters implements Clusters {
  readonly facts = new Map<string, ClusterFacts>([
    [CLUSTER_ID, { state: 'ACTIVE', trustAnchor: TRUST_ANCHOR, activeMembers: 2, allowSingleMember: false }],
  ]);
  readonly keys = new Map<string, Buffer>();
  password = PASSWORD;
  isGone = false;
  connections = 0;

  async describe(accountId: string, clusterId: string): Promise<ClusterFacts | undefined> {
    return accountId === ACCOUNT ? this.facts.get(clusterId) : undefined;
  }

  holder(_: string, __: string, password: Secret): KeyHolder {
    return new TestHolder(this, password.expose().toString('utf8'));
  }
}

class TestHolder implements KeyHolder {
  #isConnected = false;

  constructor(
    private readonly cluster: TestClusters,
    private readonly password: string,
  ) {}

  async connect(): Promise<void> {
    if (this.cluster.isGone) throw new ConnectionError('INSUFFICIENT_CLOUDHSM_HSMS', 'no HSM is active');
    if (this.password !== this.cluster.password) throw new ConnectionError('INVALID_CREDENTIALS', 'wrong password');
    this.#isConnected = true;
    this.cluster.connections++;
  }

  async disconnect(): Promise<void> {
    this.#isConnected = false;
  }

  async makeKey(): Promise<string> {
    this.#require();
    const reference = randomBytes(16).toString('hex');
    this.cluster.keys.set(reference, randomBytes(32));
    return reference;
  }

  async deleteKey(reference: string): Promise<void> {
    this.#require();
    this.cluster.keys.delete(reference);
  }

  async encrypt(reference: string, plaintext: Buffer, aad: Buffer): Promise<Buffer> {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key(reference), iv).setAAD(aad);
    return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  async decrypt(reference: string, ciphertext: Buffer, aad: Buffer): Promise<Buffer> {
    const key = this.#key(reference);
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, ciphertext.subarray(0, 12)).setAAD(aad);
      decipher.setAuthTag(ciphertext.subarray(-16));
      return Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()]);
    } catch {
      throw new InvalidHeldCiphertext();
    }
  }

  async random(bytes: number): Promise<Buffer> {
    this.#require();
    return randomBytes(bytes);
  }

  #key(reference: string): Buffer {
    this.#require();
    const key = this.cluster.keys.get(reference);
    if (!key) throw new KeyHolderUnavailable('the cluster has no such key');
    return key;
  }

  #require(): void {
    if (!this.#isConnected || this.cluster.isGone) throw new KeyHolderUnavailable('no HSM of the cluster is active');
  }
}
