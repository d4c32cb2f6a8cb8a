/** Where a transport listens, and so from where it sends. */
import type { IpAddress } from '../wire/address.js';
import {
  type Carrier,
  type Endpoint,
  GRE_UDP_PORT,
  IKE_NATT_PORT,
  IKE_PORT,
} from '../wire/path.js';

/** One local end. Its address is one of the machine's own, not the unspecified one: replies leave from it. */
export interface Bind {
  readonly carrier: Carrier;
  readonly local: Endpoint;
}

const PORTS: Readonly<Record<Carrier, number>> = {
  gre: 0,
  esp: 0,
  'gre-udp': GRE_UDP_PORT,
  ike: IKE_PORT,
  'ike-natt': IKE_NATT_PORT,
};

/** The carriers at an address, each on its registered port. */
export const bindsAt = (address: IpAddress, carriers: readonly Carrier[]): Bind[] =>
  carriers.map((carrier) => ({ carrier, local: { address, port: PORTS[carrier] } }));
