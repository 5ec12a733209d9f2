/** Keys that a bucket policy may ask for, in lower case; those that end in `/` go on with the name of a tag. */
const KEYS = new Set(
  `
  aws:CalledVia aws:CalledViaFirst aws:CalledViaLast aws:CurrentTime aws:Ec2InstanceSourcePrivateIPv4 aws:Ec2InstanceSourceVpc
  aws:EpochTime aws:FederatedProvider aws:MultiFactorAuthAge aws:MultiFactorAuthPresent aws:PrincipalAccount aws:PrincipalArn
  aws:PrincipalIsAWSService aws:PrincipalOrgID aws:PrincipalOrgPaths aws:PrincipalServiceName aws:PrincipalServiceNamesList
  aws:PrincipalTag/ aws:PrincipalType aws:Referer aws:RequestedRegion aws:RequestTag/ aws:ResourceAccount aws:ResourceOrgID
  aws:ResourceOrgPaths aws:ResourceTag/ aws:SecureTransport aws:SourceAccount aws:SourceArn aws:SourceIdentity aws:SourceIp
  aws:SourceOrgID aws:SourceOrgPaths aws:SourceOwner aws:SourceVpc aws:SourceVpcArn aws:SourceVpce aws:TagKeys
  aws:TokenIssueTime aws:UserAgent aws:userid aws:username aws:ViaAWSService aws:VpcSourceIp
  aws:VpceAccount aws:VpceOrgID aws:VpceOrgPaths
  s3:AccessGrantsInstanceArn s3:AccessPointNetworkOrigin s3:AccessPointTag/ s3:authType s3:BucketTag/ s3:DataAccessPointAccount
  s3:DataAccessPointArn s3:delimiter s3:destinationRegion s3:ExistingObjectTag/ s3:if-match s3:if-none-match
  s3:InventoryAccessibleOptionalFields s3:isReplicationPauseRequest s3:locationconstraint s3:max-keys s3:object-lock-legal-hold
  s3:object-lock-mode s3:object-lock-remaining-retention-days s3:object-lock-retain-until-date s3:ObjectCreationOperation
  s3:prefix s3:RequestObjectTag/ s3:RequestObjectTagKeys s3:ResourceAccount s3:signatureAge s3:signatureversion
  s3:TlsVersion s3:VersionId s3:x-amz-acl s3:x-amz-content-sha256 s3:x-amz-copy-source s3:x-amz-grant-full-control
  s3:x-amz-grant-read s3:x-amz-grant-read-acp s3:x-amz-grant-write s3:x-amz-grant-write-acp s3:x-amz-metadata-directive
  s3:x-amz-object-ownership s3:x-amz-server-side-encryption s3:x-amz-server-side-encryption-aws-kms-key-id
  s3:x-amz-server-side-encryption-customer-algorithm s3:x-amz-storage-class s3:x-amz-website-redirect-location`
    .trim()
    .toLowerCase()
    .split(/\s+/),
);

/** Those of listing: an action that lists nothing has no value for them. */
const OF_LISTING = new Set(['s3:prefix', 's3:delimiter', 's3:max-keys']);
const LISTING = new Set(['s3:listbucket', 's3:listbucketversions', 's3:listbucketmultipartuploads']);

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys */
export function isS3ConditionKey(key: string): boolean {
  const lower = key.toLowerCase();
  const slash = lower.indexOf('/');
  if (slash < 0) return KEYS.has(lower);
  return slash < lower.length - 1 && KEYS.has(lower.slice(0, slash + 1));
}

/** @param action in lower case */
export function hasConditionKey(action: string, key: string): boolean {
  return !OF_LISTING.has(key.toLowerCase()) || LISTING.has(action);
}
