/** A policy that can't be taken; one line that says where and why. */
export class PolicyError extends Error {
  override name = 'PolicyError';
}
