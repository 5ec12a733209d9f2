import type { Route } from '../s3/operation.js';

/** An operation of S3's API model that Coffer refuses by its name. */
interface Unbuilt {
  name: string;
  method: string;
  on: Route['on'];
  /** The sub-resource that names it. */
  by: string;
}

const bucket = (method: string, by: string, name: string): Unbuilt => ({ name, method, on: 'bucket', by });
const object = (method: string, by: string, name: string): Unbuilt => ({ name, method, on: 'object', by });

export const UNBUILT: readonly Unbuilt[] = [
  bucket('POST', 'metadataConfiguration', 'CreateBucketMetadataConfiguration'),
  bucket('GET', 'metadataConfiguration', 'GetBucketMetadataConfiguration'),
  bucket('DELETE', 'metadataConfiguration', 'DeleteBucketMetadataConfiguration'),
  bucket('POST', 'metadataTable', 'CreateBucketMetadataTableConfiguration'),
  bucket('GET', 'metadataTable', 'GetBucketMetadataTableConfiguration'),
  bucket('DELETE', 'metadataTable', 'DeleteBucketMetadataTableConfiguration'),
  bucket('PUT', 'metadataAnnotationTable', 'UpdateBucketMetadataAnnotationTableConfiguration'),
  bucket('PUT', 'metadataInventoryTable', 'UpdateBucketMetadataInventoryTableConfiguration'),
  bucket('PUT', 'metadataJournalTable', 'UpdateBucketMetadataJournalTableConfiguration'),
  bucket('GET', 'session', 'CreateSession'),
  bucket('PUT', 'abac', 'PutBucketAbac'),
  bucket('PUT', 'analytics', 'PutBucketAnalyticsConfiguration'),
  bucket('PUT', 'intelligent-tiering', 'PutBucketIntelligentTieringConfiguration'),
  bucket('PUT', 'inventory', 'PutBucketInventoryConfiguration'),
  bucket('PUT', 'metrics', 'PutBucketMetricsConfiguration'),
  bucket('PUT', 'website', 'PutBucketWebsite'),
  object('DELETE', 'annotation', 'DeleteObjectAnnotation'),
  object('GET', 'annotation', 'GetObjectAnnotation'),
  object('PUT', 'annotation', 'PutObjectAnnotation'),
  object('POST', 'select', 'SelectObjectContent'),
];
