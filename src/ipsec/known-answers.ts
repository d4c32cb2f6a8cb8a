/**
 * Published answers of the algorithms in suites.ts, one each: RFC 2202 and 4231 (HMAC, case 1), FIPS 180 ("abc"), SP 800-38A
 * (CBC), the GCM specification (cases 4, 10 and 16), RFC 8439 §2.8.2, RFC 7748 §6.1 and RFC 5903 §8. Hexadecimal.
 */
import type { AesBits, DhGroupNumber, HashName } from './suites.js';

type SecureHash = Exclude<HashName, 'md5'>;

/** Of "abc". */
export const HASHES: Readonly<Record<SecureHash, string>> = {
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384:
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
};

/** Of "Hi There", under twenty octets 0x0b. */
export const HMACS: Readonly<Record<SecureHash, string>> = {
  sha1: 'b617318655057264e28bc0b6fb378c8ef146be00',
  sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  sha384:
    'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
  sha512:
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
};

/** One packet: `header | iv | text`, encrypted. The key has its salt behind it; `icv` is null where HMAC gives it. */
export interface CipherAnswer {
  readonly key: string;
  readonly header: string;
  readonly iv: string;
  readonly text: string;
  readonly encrypted: string;
  readonly icv: string | null;
}

const cbc = (key: string, encrypted: string): CipherAnswer => ({
  key,
  header: '0000000100000001',
  iv: '000102030405060708090a0b0c0d0e0f',
  text: '6bc1bee22e409f96e93d7e117393172a',
  encrypted,
  icv: null,
});

export const CBC: Readonly<Record<AesBits, CipherAnswer>> = {
  128: cbc('2b7e151628aed2a6abf7158809cf4f3c', '7649abac8119b246cee98e9b12e9197d'),
  192: cbc('8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b', '4f021db243bc633d7178183a9fa071e8'),
  256: cbc(
    '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
    'f58c4c04d6e5f1ba779eabfb5f7bfbd6',
  ),
};

const gcm = (key: string, encrypted: string, icv: string): CipherAnswer => ({
  key: `${key}cafebabe`,
  header: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
  iv: 'facedbaddecaf888',
  text: 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  encrypted,
  icv,
});

export const GCM: Readonly<Record<AesBits, CipherAnswer>> = {
  128: gcm(
    'feffe9928665731c6d6a8f9467308308',
    '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091',
    '5bc94fbc3221a5db94fae95ae7121a47',
  ),
  192: gcm(
    'feffe9928665731c6d6a8f9467308308feffe9928665731c',
    '3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710',
    '2519498e80f1478f37ba55bd6d27618c',
  ),
  256: gcm(
    'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
    '76fc6ece0f4e1768cddf8853bb2d551b',
  ),
};

export const CHACHA20_POLY1305: CipherAnswer = {
  key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f07000000',
  header: '50515253c0c1c2c3c4c5c6c7',
  iv: '4041424344454647',
  text: '4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f756c642062652069742e',
  encrypted:
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116',
  icv: '1ae10b594f09e26a7e902ecbd0600691',
};

/** The private values of both ends, and what they share. */
export interface DhAnswer {
  readonly ours: string;
  readonly theirs: string;
  readonly shared: string;
}

/** 2 to the power of 200, to the power of 3: the prime is not reached, so arithmetic is the authority. */
const modp = (octets: number): DhAnswer => ({
  ours: '03',
  theirs: 'c8',
  shared: `01${'00'.repeat(75)}`.padStart(2 * octets, '0'),
});

export const DH: Readonly<Partial<Record<DhGroupNumber, DhAnswer>>> = {
  14: modp(256),
  15: modp(384),
  16: modp(512),
  19: {
    ours: 'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
    theirs: 'c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53',
    shared: 'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
  },
  20: {
    ours: '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
    theirs:
      '41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc',
    shared:
      '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
  },
  21: {
    ours: '0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52',
    theirs:
      '0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9',
    shared:
      '01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea',
  },
  31: {
    ours: '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a',
    theirs: '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb',
    shared: '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742',
  },
};
