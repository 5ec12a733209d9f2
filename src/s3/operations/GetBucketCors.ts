import type { XmlNode } from '../../base/xml/ports.js';
import { CORS, type CorsRule } from '../cors.js';
import { S3Error } from '../error.js';
import { bucketArn, operation } from '../operation.js';

export const getBucketCors = operation({
  name: 'GetBucketCors',
  route: { method: 'GET', on: 'bucket', query: ['cors'] },
  input: {},
  facts: ['bucket'],
  needs: ({ bucket }) => [{ action: 's3:GetBucketCORS', resource: bucketArn(bucket) }],
  errors: ['NoSuchCORSConfiguration'],
  async handle({ bucket }, { facts, services }) {
    const rules = await services.configs.read(facts.bucket.record, CORS);
    if (!rules) throw new S3Error('NoSuchCORSConfiguration', { extra: { BucketName: bucket } });
    return rules;
  },
  reply: (rules) => ({ xml: ['CORSConfiguration', rules.map(ruleNode)] }),
});

function ruleNode(rule: CorsRule): XmlNode {
  const each = (name: string, values: readonly string[] = []): XmlNode[] => values.map((value) => [name, value]);
  return [
    'CORSRule',
    [
      ['ID', rule.id],
      ...each('AllowedHeader', rule.allowedHeaders),
      ...each('AllowedMethod', rule.allowedMethods),
      ...each('AllowedOrigin', rule.allowedOrigins),
      ...each('ExposeHeader', rule.exposeHeaders),
      ['MaxAgeSeconds', rule.maxAgeSeconds],
    ],
  ];
}
