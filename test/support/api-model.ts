import { readFileSync } from 'node:fs';
import { referenceFile } from './reference.js';

export interface Shape {
  type:
    | 'string'
    | 'integer'
    | 'boolean'
    | 'blob'
    | 'list'
    | 'map'
    | 'structure'
    | 'timestamp'
    | 'long'
    | 'double'
    | 'float';
  min?: number;
  max?: number;
  sensitive?: boolean;
  pattern?: string;
  enum?: string[];
  required?: string[];
  members?: Record<string, { shape: string; documentation?: string }>;
  member?: { shape: string };
}

export interface ApiModel {
  operations: Record<string, { documentation: string; input: { shape: string } }>;
  shapes: Record<string, Shape>;
}

/** An API model as botocore ships it. Undefined where it isn't there. */
export function apiModel(service: string): ApiModel | undefined {
  const file = referenceFile(`api-models/${service}.json`);
  return file === undefined ? undefined : (JSON.parse(readFileSync(file, 'utf8')) as ApiModel);
}

/** Documentation without its markup, each run of white space as one blank. */
export const plainText = (html: string): string => html.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');
