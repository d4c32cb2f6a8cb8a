/** Why an adapter could not be opened: one sentence that says what to do, and a code for programs. */

export type AdapterErrorCode =
  | 'no-privilege'
  | 'no-koffi'
  | 'port-in-use'
  | 'no-such-address'
  | 'no-such-interface'
  | 'interface-in-use'
  | 'unsupported-platform'
  | 'failed';

export class AdapterError extends Error {
  override readonly name = 'AdapterError';

  constructor(
    readonly code: AdapterErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}
