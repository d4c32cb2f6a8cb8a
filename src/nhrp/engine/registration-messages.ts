/** What a client sends to a next hop server about its own addresses: RFC 2332 §5.2.3 and §5.2.5, as Cisco and FRR write it. */
import { hostBits, type IpAddress, UNSPECIFIED_V4, UNSPECIFIED_V6 } from '../../wire/address.js';
import type { Cie } from '../codec/cie.js';
import type { CieMessage } from '../codec/message.js';
import { PacketType, RegistrationFlag } from '../codec/numbers.js';
import type { EngineContext } from './context.js';
import { groupExtension } from './group.js';
import { cieOf, headerOf, isHostPrefix, requestExtensions } from './messages.js';

/** The server as far as it is known. */
export interface ServerAddresses {
  /** null: its address is to be learned. */
  readonly protocolAddress: IpAddress | null;
  readonly nbmaAddress: IpAddress;
}

export function registrationRequest(
  context: EngineContext,
  server: ServerAddresses,
  requestId: number,
): CieMessage {
  const { config } = context;
  const { family } = config.address;
  const nat = cieOf({
    prefixLength: hostBits(family),
    nbmaAddress: server.nbmaAddress,
    protocolAddress: server.protocolAddress ?? (family === 4 ? UNSPECIFIED_V4 : UNSPECIFIED_V6),
  });
  return {
    ...headerOf(sourceOf(context), server.protocolAddress ?? config.address), // the own one: "whoever you are"
    type: PacketType.REGISTRATION_REQUEST,
    flags: (config.unique ? RegistrationFlag.UNIQUE : 0) | RegistrationFlag.NAT,
    requestId,
    cies: ownCies(context, false),
    extensions: [...requestExtensions(config, [nat]), ...groupExtension(config.group)],
  };
}

/** Takes back all that the registration said. */
export const purgeRequest = (
  context: EngineContext,
  server: IpAddress,
  { requestId, flags }: { readonly requestId: number; readonly flags: number },
): CieMessage => ({
  ...headerOf(sourceOf(context), server),
  type: PacketType.PURGE_REQUEST,
  flags,
  requestId,
  cies: ownCies(context, true),
  extensions: requestExtensions(context.config, []),
});

/** The own address first, by "the header's" empty fields unless they are to be explicit, then what else is registered. */
function ownCies({ config, nbmaAddress }: EngineContext, explicit: boolean): readonly Cie[] {
  const host = config.unique ? 0xff : hostBits(config.address.family);
  const common = { mtu: config.mtu, holdingTimeSeconds: config.holdingTimeSeconds };
  const own = explicit ? { nbmaAddress, protocolAddress: config.address } : {};
  return [
    cieOf({ ...common, prefixLength: host, ...own }),
    ...config.alsoRegister.map((p) =>
      cieOf({
        ...common,
        prefixLength: isHostPrefix(p) ? host : p.length,
        protocolAddress: p.address,
        nbmaAddress,
      }),
    ),
  ];
}

const sourceOf = ({ config, nbmaAddress }: EngineContext) => ({
  nbma: nbmaAddress,
  protocol: config.address,
  hopCount: config.hopCount,
});
