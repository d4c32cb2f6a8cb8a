/**
 * IKE_AUTH with a preshared key: RFC 7296 §1.2, §2.15. Both ends prove that they know the key and that nobody
 * changed the IKE_SA_INIT messages; the first Child SA comes with it.
 */
import { constantTimeEqual } from '../../../wire/constant-time.js';
import type { FailureReason } from '../../key-exchange.js';
import type { SecretBytes } from '../../secret.js';
import { AUTH_METHOD_SHARED_KEY, EXCHANGE, NOTIFY } from '../numbers.js';
import type { AuthPayload, IkePayload } from '../payload.js';
import type { TypedData } from '../payload-body.js';
import { pskAuth } from '../psk-auth.js';
import {
  acceptChild,
  checkChildResponse,
  childRequest,
  childResponse,
  installChild,
} from './child.js';
import { type Identity, identityData, identityOf } from './identity.js';
import type { IkeSa, Reply } from './ike-sa.js';
import { espPath } from './nat.js';
import {
  authPayload,
  hasNotification,
  idPayload,
  notify,
  payloadOf,
  sidePayload,
} from './payloads.js';
import type { Task } from './window.js';

/** The initiator's exchange. */
export function authTask(self: IkeSa): Task {
  const inboundSpi = self.context.newEspSpi();
  return {
    kind: 'auth',
    exchangeType: EXCHANGE.IKE_AUTH,
    request: (sa) => {
      const auth = ownAuth(sa);
      if (auth === null) return failLater(sa);
      const contact = sa.context.hasOther(sa) ? [] : [notify(NOTIFY.INITIAL_CONTACT)];
      const id = idPayload(true, identityData(ownIdentity(sa)));
      return [id, ...contact, auth, ...childRequest(sa, inboundSpi, [])];
    },
    complete: (sa, now, response) => completeAuth(sa, now, response, inboundSpi),
    abandon: () => self.context.freeEspSpi(inboundSpi),
  };
}

/** The responder's answer. A peer that cannot prove itself leaves a half-open IKE SA that takes nothing more. */
export function respondAuth(sa: IkeSa, now: number, request: readonly IkePayload[]): Reply {
  const id = sidePayload(request, 'id', true)?.id;
  const auth = payloadOf(request, 'auth');
  const identity = id === undefined ? null : identityOf(id);
  if (id === undefined || auth === undefined || identity === null) return refused(sa);
  const key = sa.context.settings.keys.lookup(identity, sa.path.remote.address);
  if (key === null || !isAuthentic(sa, key, id, auth)) return refused(sa);
  const own = ownAuthWith(sa, key);
  sa.remoteIdentity = identity;
  const nonces = noncesOf(sa);
  const chosen = acceptChild(sa, request, false);
  sa.establish(now);
  sa.peer = espPath(sa.path, sa.nat).remote; // it may have floated since IKE_SA_INIT: several can share one address
  const head = [idPayload(false, identityData(ownIdentity(sa))), own];
  const initialContact = hasNotification(request, NOTIFY.INITIAL_CONTACT);
  if (typeof chosen === 'number') {
    const after = (): void => {
      sa.context.established(now, sa, initialContact);
      sa.context.settle(now, sa);
    };
    return { payloads: [...head, notify(chosen)], after };
  }
  const inboundSpi = sa.context.newEspSpi();
  const payloads = [...head, ...childResponse(sa, chosen, inboundSpi, [])];
  const after = (): void => {
    sa.context.established(now, sa, initialContact);
    const agreement = { ...nonces, shared: null };
    installChild(sa, { initiatedHere: false, inboundSpi, chosen, agreement, replaces: null });
    sa.context.settle(now, sa);
  };
  return { payloads, after };
}

function completeAuth(
  sa: IkeSa,
  now: number,
  response: readonly IkePayload[],
  inboundSpi: number,
): void {
  const failed = checkAuth(sa, response);
  if (failed !== null) {
    sa.context.freeEspSpi(inboundSpi);
    return sa.fail(now, failed);
  }
  const nonces = noncesOf(sa);
  const chosen = checkChildResponse(sa, response, false);
  sa.establish(now);
  if (typeof chosen === 'string') {
    // the IKE SA is good, but of no use without the child
    sa.context.freeEspSpi(inboundSpi);
    sa.context.failed(now, sa, chosen);
    return sa.delete(now, 'released');
  }
  sa.context.established(now, sa, false);
  const agreement = { ...nonces, shared: null };
  installChild(sa, { initiatedHere: true, inboundSpi, chosen, agreement, replaces: null });
  sa.context.settle(now, sa);
}

/** Null when the responder has proven who it is. */
function checkAuth(sa: IkeSa, response: readonly IkePayload[]): FailureReason | null {
  const id = sidePayload(response, 'id', false)?.id;
  const auth = payloadOf(response, 'auth');
  if (hasNotification(response, NOTIFY.AUTHENTICATION_FAILED)) return 'authentication';
  if (id === undefined || auth === undefined) return 'malformed';
  const identity = identityOf(id);
  if (identity === null) return 'authentication';
  const key = sa.context.settings.keys.lookup(identity, sa.path.remote.address);
  if (key === null || !isAuthentic(sa, key, id, auth)) return 'authentication';
  sa.remoteIdentity = identity;
  return null;
}

/** The AUTH octets of one of the ends. */
function authOf(sa: IkeSa, key: SecretBytes, ofInitiator: boolean, id: TypedData): Uint8Array {
  const { keys, init, suite, context } = sa;
  const { initiatorNonce, responderNonce } = noncesOf(sa);
  if (init === null) throw new Error('bug: the first messages are gone');
  return pskAuth(context.crypto, suite.prf, key, {
    message: ofInitiator ? init.request : init.response,
    nonce: ofInitiator ? responderNonce : initiatorNonce,
    skP: ofInitiator ? keys.pi : keys.pr,
    id,
  });
}

function isAuthentic(sa: IkeSa, key: SecretBytes, id: TypedData, { auth }: AuthPayload): boolean {
  if (auth.type !== AUTH_METHOD_SHARED_KEY) return false;
  return constantTimeEqual(auth.data, authOf(sa, key, !sa.isInitiator, id));
}

/** Null when no key is configured for the peer. */
function ownAuth(sa: IkeSa): AuthPayload | null {
  const key = sa.context.settings.keys.lookup(null, sa.path.remote.address);
  return key === null ? null : ownAuthWith(sa, key);
}

function ownAuthWith(sa: IkeSa, key: SecretBytes): AuthPayload {
  const data = authOf(sa, key, sa.isInitiator, identityData(ownIdentity(sa)));
  return authPayload({ type: AUTH_METHOD_SHARED_KEY, reserved: 0, data });
}

const ownIdentity = (sa: IkeSa): Identity =>
  sa.context.settings.identity ?? { kind: 'address', address: sa.path.local.address };

const noncesOf = (sa: IkeSa): NonNullable<IkeSa['nonces']> => {
  if (sa.nonces === null) throw new Error('bug: no nonces yet');
  return sa.nonces;
};

/** It stays half-open to repeat this answer if need be, and takes no other request. */
function refused(sa: IkeSa): Reply {
  sa.isRefused = true;
  sa.context.notice({ kind: 'closed', peer: sa.path.remote, why: 'authentication' });
  return { payloads: [notify(NOTIFY.AUTHENTICATION_FAILED)] };
}

/** Nothing is sent: the attempt ends with the next timeout. */
function failLater(sa: IkeSa): null {
  sa.deadline = Number.NEGATIVE_INFINITY;
  return null;
}
