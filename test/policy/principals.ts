import type { Principal } from '../../src/policy/ports.js';

export const A = '111111111111';
export const B = '222222222222';

const common = (accountId: string) => ({ accountId, userId: 'id', canonicalUserId: `canonical-${accountId}` });

export const root = (id: string): Principal => ({ ...common(id), kind: 'root', arn: `arn:aws:iam::${id}:root` });

export const user = (id: string, name: string): Principal => ({
  ...common(id),
  kind: 'user',
  arn: `arn:aws:iam::${id}:user/${name}`,
  userName: name,
});

export const role = (id: string, name: string): Principal => ({
  ...common(id),
  kind: 'role',
  arn: `arn:aws:iam::${id}:role/${name}`,
});

export const anonymous: Principal = { kind: 'anonymous', accountId: '', arn: '', userId: '', canonicalUserId: '' };

export const service: Principal = { ...anonymous, kind: 'service', arn: 's3.amazonaws.com' };
