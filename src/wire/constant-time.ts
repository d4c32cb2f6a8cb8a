/** The door to tweetnacl, and the only comparison of secrets in the project. */
import nacl from 'tweetnacl';

/** Equal length and content, in a time that depends on the length alone. Two empty inputs are not equal. */
export const constantTimeEqual = (a: Uint8Array, b: Uint8Array): boolean => nacl.verify(a, b);
