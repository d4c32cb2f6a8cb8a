/**
 * Real strongSwan in guests, plain Debian: transport mode for GRE, one PSK for everybody. The kernel's trap brings
 * up IKE with whatever address a GRE packet is for, so that nhrpd needs to know nothing of it (its own
 * `tunnel protection vici` wants a patched strongSwan). One packet a new peer is lost while IKE runs.
 */
import type { Guest } from './guest.js';
import { nbmaOf } from './roles.js';

export interface SwanSettings {
  readonly psk?: string;
  /** IKE and ESP proposals as in swanctl.conf. */
  readonly ike?: string;
  readonly esp?: string;
  /** Seconds; default an hour and half an hour. */
  readonly ikeRekeySeconds?: number;
  readonly espRekeySeconds?: number;
  readonly dpdSeconds?: number;
  /** `trap`: GRE starts IKE; `none`: only answers. */
  readonly start?: 'trap' | 'none';
  /** More lines of the connection and of its child. */
  readonly connectionLines?: readonly string[];
  readonly childLines?: readonly string[];
}

/** Starts strongSwan in a guest. Its log, secrets and derived keys included, is /var/log/charon.log. */
export async function swan(guest: Guest, settings: SwanSettings = {}): Promise<void> {
  const said = await guest.run(
    `xfrm_watch; swan <<'CONF'\n${configuration(guest, settings)}\nCONF`,
  );
  if (!/loaded connection 'dmvpn'|successfully loaded/.test(said))
    throw new Error(`${guest.role}: strongSwan refuses: ${said}`);
}

/** Gives strongSwan another configuration; what it has established is deleted. */
export async function swanAgain(guest: Guest, settings: SwanSettings = {}): Promise<void> {
  const said = await guest.run(`cat >/etc/swanctl/conf.d/lab.conf <<'CONF'
${configuration(guest, settings)}
CONF
said=$(swanctl --load-all --clear 2>&1); swanctl --terminate --ike dmvpn --force >/dev/null 2>&1; echo "$said"`);
  if (!/successfully loaded/.test(said))
    throw new Error(`${guest.role}: strongSwan refuses: ${said}`);
}

function configuration(guest: Guest, settings: SwanSettings): string {
  const {
    psk = 'secret',
    ike = 'aes256gcm16-prfsha256-ecp256',
    esp = 'aes256gcm16-ecp256',
  } = settings;
  const {
    ikeRekeySeconds = 3_600,
    espRekeySeconds = 1_800,
    dpdSeconds = 30,
    start = 'trap',
  } = settings;
  return `
connections {
  dmvpn {
    version = 2
    local_addrs = ${nbmaOf(guest.role)}
    remote_addrs = %any
    proposals = ${ike}
    mobike = no
    rand_time = 0s
    rekey_time = ${ikeRekeySeconds}s
    dpd_delay = ${dpdSeconds}s
    ${(settings.connectionLines ?? []).join('\n    ')}
    local { auth = psk }
    remote { auth = psk }
    children {
      dmvpn {
        mode = transport
        local_ts = dynamic[gre]
        remote_ts = 0.0.0.0/0[gre]
        esp_proposals = ${esp}
        rekey_time = ${espRekeySeconds}s
        rand_time = 0s
        dpd_action = clear
        start_action = ${start}
        ${(settings.childLines ?? []).join('\n        ')}
      }
    }
  }
}
secrets { ike-all { secret = "${psk}" } }`;
}

/** `strongSwan 6.0.1`. */
export async function swanVersion(guest: Guest): Promise<string> {
  const said = await guest.run('swanctl --version | head -1');
  return said.replace('swanctl ', '').trim();
}

/** An IKE SA with its children, as strongSwan lists them. */
export interface SwanAssociation {
  readonly state: string;
  readonly remoteHost: string;
  /** `AES_GCM_16-256/PRF_HMAC_SHA2_256/ECP_256`. */
  readonly suite: string;
  readonly children: readonly {
    readonly state: string;
    readonly mode: string;
    readonly suite: string;
  }[];
}

/** `swanctl --list-sas`, read from its text: three lines of an SA that matter, two of a child. */
export async function swanAssociations(guest: Guest): Promise<SwanAssociation[]> {
  const text = await guest.run('swanctl --list-sas');
  const blocks = text.split(/^(?=\S)/m).filter((block) => /IKEv2/.test(block));
  return blocks.map((block) => ({
    state: /^\S+: #\d+, (\w+), IKEv2/.exec(block)?.[1] ?? '',
    remoteHost: /remote +'.*?' @ ([0-9a-f.:]+)\[/.exec(block)?.[1] ?? '',
    suite: /^ {2}([A-Z0-9_]+-?\d*\/\S+)$/m.exec(block)?.[1] ?? '',
    children: [...block.matchAll(/^ {2}\S+: #\d+, reqid \d+, (\w+), (\w+)\S*, ESP:(\S+)/gm)].map(
      ([, state = '', mode = '', suite = '']) => ({ state, mode, suite }),
    ),
  }));
}

/** Both SPIs of each established IKE SA, `1f…_i* 9c…_r`: the end with the star is strongSwan's own. */
export async function swanIkeSpis(guest: Guest): Promise<string[]> {
  const text = await guest.run('swanctl --list-sas');
  const lines = text.matchAll(/^\S+: #\d+, ESTABLISHED, IKEv2, ([0-9a-f]+_i\*? [0-9a-f]+_r\*?)/gm);
  return [...lines].map(([, spis = '']) => spis);
}

/** The SPIs of the ESP SAs in the guest's kernel. */
export async function kernelSpis(guest: Guest): Promise<string[]> {
  const text = await guest.run('ip -o xfrm state');
  return [...text.matchAll(/proto esp spi (0x[0-9a-f]+)/g)].map(([, spi = '']) => spi);
}

/** strongSwan's log without its dumps and secrets. */
export const swanLog = (guest: Guest): Promise<string> =>
  guest.run(
    String.raw`grep -P '\[(IKE|NET|ENC|JOB)\]' /var/log/charon.log | grep -vP '=> \d+ bytes|  +\d+: ' | cut -c1-200`,
  );
