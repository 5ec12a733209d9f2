import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import {
  bitString,
  explicit,
  integer,
  NULL,
  octetString,
  oid,
  pem,
  sequence,
  set,
  TRUE,
  time,
  utf8String,
} from './der.js';
import { invalid } from './errors.js';

const SHA256_WITH_RSA = sequence(oid('1.2.840.113549.1.1.11'), NULL);
const SHA256_WITH_ECDSA = sequence(oid('1.2.840.10045.4.3.2'));
const YEARS_MS = 20 * 365 * 86_400_000;

/** A distinguished name of pairs that the code chose. */
const name = (common: string): Buffer =>
  sequence(
    set(sequence(oid('2.5.4.10'), utf8String('Coffer'))),
    set(sequence(oid('2.5.4.11'), utf8String('CloudHSM'))),
    set(sequence(oid('2.5.4.3'), utf8String(common))),
  );

/**
 * A certificate request (PKCS #10, RFC 2986) for a member's key pair, PEM.
 * @param publicKey SPKI @param signIt PKCS #1 v1.5 with SHA-256, in the token
 */
export async function clusterCsr(
  { clusterId, hsmId }: { clusterId: string; hsmId: string },
  publicKey: Buffer,
  signIt: (data: Buffer) => Promise<Buffer>,
): Promise<string> {
  const info = sequence(integer(Buffer.of(0)), name(`${hsmId}:${clusterId}`), publicKey, explicit(0));
  return pem('CERTIFICATE REQUEST', sequence(info, SHA256_WITH_RSA, bitString(await signIt(info))));
}

/**
 * What stands where AWS has the certificates of its hardware: a chain down to the member's public key, of keys that are forgotten at
 * once. It says which key the token has, and nothing about hardware.
 */
export function hardwareCertificates(hsmId: string, publicKey: Buffer, nowMs: number) {
  const maker = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const host = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
  const root = 'Software token (no hardware)';
  const middle = 'Coffer host of software tokens';
  const make = (issuer: string, key: KeyObject, subject: string, spki: Buffer, isCa: boolean): string => {
    const extensions = sequence(sequence(oid('2.5.29.19'), TRUE, octetString(isCa ? sequence(TRUE) : sequence())));
    const certificate = sequence(
      explicit(0, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      SHA256_WITH_ECDSA,
      name(issuer),
      sequence(time(nowMs - 3_600_000), time(nowMs + YEARS_MS)),
      name(subject),
      spki,
      explicit(3, extensions),
    );
    return pem('CERTIFICATE', sequence(certificate, SHA256_WITH_ECDSA, bitString(sign('sha256', certificate, key))));
  };
  return {
    manufacturerHardwareCertificate: make(root, maker.privateKey, root, spkiOf(maker.publicKey), true),
    awsHardwareCertificate: make(root, maker.privateKey, middle, spkiOf(host.publicKey), true),
    hsmCertificate: make(middle, host.privateKey, hsmId, publicKey, false),
  };
}

/**
 * The customer's claim on a cluster: a self-made CA, and its certificate over the very key of the cluster's request.
 * https://docs.aws.amazon.com/cloudhsm/latest/userguide/initialize-cluster.html
 * @param publicKey SPKI of the member's key pair @throws CloudHsmInvalidRequestException
 */
export function requireClaim(signedCert: string, trustAnchor: string, publicKey: Buffer, nowMs: number): void {
  const anchor = one(trustAnchor, 'TrustAnchor');
  const cert = one(signedCert, 'SignedCert');
  if (!anchor.checkIssued(anchor) || !anchor.verify(anchor.publicKey)) {
    throw invalid('The TrustAnchor is not a self-signed certificate.');
  }
  requireValid(anchor, nowMs, 'TrustAnchor');
  requireValid(cert, nowMs, 'SignedCert');
  if (cert.issuer !== anchor.subject || !cert.verify(anchor.publicKey)) {
    throw invalid('The SignedCert is not issued by the TrustAnchor.');
  }
  const wanted = createPublicKey({ key: publicKey, type: 'spki', format: 'der' });
  if (!cert.publicKey.equals(wanted)) {
    throw invalid('The SignedCert is not for the key of the ClusterCsr of this cluster.');
  }
}

function one(text: string, member: string): X509Certificate {
  if ((text.match(/-----BEGIN CERTIFICATE-----/g) ?? []).length !== 1) {
    throw invalid(`The ${member} is not one certificate in PEM.`);
  }
  try {
    return new X509Certificate(text);
  } catch {
    throw invalid(`The ${member} can not be read.`);
  }
}

function requireValid({ validFrom, validTo }: X509Certificate, nowMs: number, member: string): void {
  if (Date.parse(validFrom) > nowMs || Date.parse(validTo) < nowMs) {
    throw invalid(`The ${member} is expired or not valid yet.`);
  }
}
