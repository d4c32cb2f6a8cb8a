/**
 * The argument of recvmmsg(2) and sendmmsg(2): up to `count` packets in one slab, each in a slot of its own with
 * the room around it that a listener is promised. Written once; per packet only lengths and addresses change.
 */
import type { Libc } from './libc.js';
import { HEADROOM_OCTETS, TAILROOM_OCTETS } from './ports.js';

/** struct sockaddr_in6, the larger of the two. */
const NAME_OCTETS = 28;
const MSG_TRUNC = 0x20;

/** Where the fields of the kernel's structures lie, in 32-bit words; little-endian, as is all that koffi runs on. */
interface Words {
  readonly header: number;
  readonly nameOctets: number;
  readonly flags: number;
  readonly octets: number;
  readonly vector: number;
  readonly vectorOctets: number;
}

export class MessageBatch {
  readonly count: number;
  /** Largest packet. */
  readonly maxOctets: number;
  readonly slab: Uint8Array;
  /** The argument itself. */
  readonly headers: Uint8Array;
  readonly #names: readonly Uint8Array[];
  readonly #headerWords: Uint32Array;
  readonly #vectorWords: Uint32Array;
  readonly #slotOctets: number;
  readonly #words: Words;

  constructor(libc: Libc, count: number, maxOctets: number) {
    this.count = count;
    this.maxOctets = maxOctets;
    this.#slotOctets = HEADROOM_OCTETS + maxOctets + TAILROOM_OCTETS;
    // ArrayBuffers do not move, so that addresses into them can be kept as long as they are.
    this.slab = new Uint8Array(new ArrayBuffer(count * this.#slotOctets));
    const names = new Uint8Array(new ArrayBuffer(count * NAME_OCTETS));
    this.#names = Array.from({ length: count }, (_, i) =>
      names.subarray(i * NAME_OCTETS, (i + 1) * NAME_OCTETS),
    );
    const { types, words } = typesOf(libc);
    this.#words = words;
    this.#headerWords = new Uint32Array(count * words.header);
    this.#vectorWords = new Uint32Array(count * words.vector);
    this.headers = new Uint8Array(this.#headerWords.buffer);
    this.#write(libc, types, libc.koffi.address(names));
  }

  /** Where packet `i` begins in the slab. */
  at(i: number): number {
    return i * this.#slotOctets + HEADROOM_OCTETS;
  }

  /** The socket address of packet `i`, 28 octets. */
  name(i: number): Uint8Array {
    const name = this.#names[i];
    if (!name) throw new Error(`bug: a batch has no packet ${i}`);
    return name;
  }

  /** Before sending: the length of packet `i` and of its address. */
  describe(i: number, octets: number, nameOctets: number): void {
    this.#vectorWords[i * this.#words.vector + this.#words.vectorOctets] = octets;
    this.#headerWords[i * this.#words.header + this.#words.nameOctets] = nameOctets;
  }

  /** Before receiving: the kernel has overwritten the lengths of addresses. */
  reset(): void {
    for (let i = 0; i < this.count; i++) this.describe(i, this.maxOctets, NAME_OCTETS);
  }

  /** After receiving: the octets of packet `i`, or 0 when it was larger than its slot. */
  received(i: number): number {
    const word = i * this.#words.header;
    if ((this.#headerWords[word + this.#words.flags] ?? 0) & MSG_TRUNC) return 0;
    return this.#headerWords[word + this.#words.octets] ?? 0;
  }

  /** The headers from packet `i` on. */
  from(i: number): Uint8Array {
    return i === 0 ? this.headers : this.headers.subarray(i * this.#words.header * 4);
  }

  #write({ koffi }: Libc, { vector, header }: Types, names: bigint): void {
    const slab = koffi.address(this.slab);
    const [vectors, headers] = [koffi.address(this.#vectorWords), koffi.address(this.headers)];
    for (let i = 0; i < this.count; i++) {
      const vectorAt = i * this.#words.vector * 4;
      koffi.encode(vectors, vectorAt, vector, {
        base: slab + BigInt(this.at(i)),
        octets: this.maxOctets,
      });
      koffi.encode(headers, i * this.#words.header * 4, header, {
        name: names + BigInt(i * NAME_OCTETS),
        nameOctets: NAME_OCTETS,
        vectors: vectors + BigInt(vectorAt),
        vectorCount: 1,
        control: null,
        controlOctets: 0,
        flags: 0,
        octets: 0,
      });
    }
  }
}

type Koffi = Libc['koffi'];
interface Types {
  readonly vector: ReturnType<Koffi['struct']>;
  readonly header: ReturnType<Koffi['struct']>;
}

/** struct iovec, and struct mmsghdr with its msghdr laid flat: that begins with a pointer and so is aligned alike. */
function typesOf({ koffi }: Libc): { types: Types; words: Words } {
  const vector = koffi.struct({ base: 'void *', octets: 'size_t' });
  const header = koffi.struct({
    name: 'void *',
    nameOctets: 'uint32_t',
    vectors: 'void *',
    vectorCount: 'size_t',
    control: 'void *',
    controlOctets: 'size_t',
    flags: [koffi.sizeof('size_t'), 'int'],
    octets: [koffi.sizeof('size_t'), 'uint32_t'],
  });
  const word = (type: Types['header'], field: string) => koffi.offsetof(type, field) / 4;
  return {
    types: { vector, header },
    words: {
      header: koffi.sizeof(header) / 4,
      nameOctets: word(header, 'nameOctets'),
      flags: word(header, 'flags'),
      octets: word(header, 'octets'),
      vector: koffi.sizeof(vector) / 4,
      vectorOctets: word(vector, 'octets'),
    },
  };
}
