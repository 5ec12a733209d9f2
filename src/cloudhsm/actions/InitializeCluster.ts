import { hsmAction } from '../action.js';
import { noCluster } from '../call.js';
import { requireClaim } from '../certificates.js';
import { invalid } from '../errors.js';
import { idPattern } from '../ids.js';
import { certificatesRow } from '../records.js';

const CERT = { max: 20_000, pattern: /[a-zA-Z0-9+-/=\s]*/ };

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_InitializeCluster.html */
export const initializeCluster = hsmAction({
  name: 'InitializeCluster',
  input: (fields) => ({
    clusterId: fields.requiredText('ClusterId', { pattern: idPattern('cluster') }),
    signedCert: fields.requiredText('SignedCert', CERT),
    trustAnchor: fields.requiredText('TrustAnchor', CERT),
  }),
  async run({ clusterId, signedCert, trustAnchor }, call) {
    const { book, clock } = call.parts;
    await call.cluster(clusterId);
    const row = certificatesRow(call.accountId, clusterId);
    const certificates = await book.certificates.get(row);
    const changed = await book.changeCluster(
      call.accountId,
      clusterId,
      (found, commit) => {
        const [hsm] = found.hsms;
        if (found.state !== 'UNINITIALIZED') throw invalid(`The cluster ${clusterId} is ${found.state}.`);
        if (!certificates?.record.clusterCsr || hsm?.state !== 'ACTIVE' || hsm.publicKey === undefined) {
          throw invalid(`The cluster ${clusterId} has no active HSM, and so no ClusterCsr yet.`);
        }
        requireClaim(signedCert, trustAnchor, Buffer.from(hsm.publicKey, 'base64'), clock.now());
        const { clusterCsr: _, ...kept } = certificates.record;
        commit.expect(row, certificates);
        commit.put(book.certificates.put(row, { ...kept, clusterCertificate: signedCert, trustAnchor }));
        return { ...found, state: 'INITIALIZED' };
      },
      call.committing,
    );
    if (!changed) throw noCluster(clusterId);
    return {
      State: 'INITIALIZE_IN_PROGRESS',
      StateMessage: 'Cluster is initializing. State will change to INITIALIZED upon completion.',
    };
  },
});
