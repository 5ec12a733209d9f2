/**
 * AWS-managed keys: one per account and service, made when their alias is first named. Services that AWS has such keys for; Coffer
 * itself uses that of S3.
 */
export const MANAGED_SERVICES: ReadonlyMap<string, string> = new Map([
  ['s3', 'Default key that protects my S3 objects when no other key is defined'],
  ['ebs', 'Default key that protects my EBS volumes when no other key is defined'],
  ['rds', 'Default key that protects my RDS database volumes when no other key is defined'],
  ['dynamodb', 'Default key that protects my DynamoDB data when no other key is defined'],
  ['lambda', 'Default key that protects my Lambda functions when no other key is defined'],
  ['secretsmanager', 'Default key that protects my Secrets Manager data when no other key is defined'],
  ['ssm', 'Default key that protects my SSM parameters when no other key is defined'],
  ['sns', 'Default key that protects my SNS data when no other key is defined'],
  ['sqs', 'Default key that protects my SQS messages when no other key is defined'],
  ['kinesis', 'Default key that protects my Kinesis data when no other key is defined'],
]);

/** `s3` of `alias/aws/s3`, where AWS has such a key. */
export function managedServiceOf(alias: string): string | undefined {
  const service = alias.slice('alias/aws/'.length);
  return MANAGED_SERVICES.has(service) ? service : undefined;
}
