"""Coffer's formats, written from src/encryption/FORMAT.md alone. Shares no code with the program."""
import base64
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand


def u32(value):
    return struct.pack(">I", value)


def lp(data):
    return u32(len(data)) + data


def b64(text):
    return base64.b64decode(text, validate=True)


def hkdf(key, info, length=32, salt=b""):
    return HKDF(hashes.SHA512(), length, salt, info).derive(key)


def message_keys(data_key, salt, context):
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    okm = HKDFExpand(hashes.SHA512(), 76, info).derive(data_key)
    return okm[:32], okm[32:44], okm[44:]


def chunk_nonce(base, number):
    return (int.from_bytes(base, "big") ^ number).to_bytes(12, "big")


def body_context(chunk, bucket, obj, part, layer):
    return b"\x01" + u32(chunk) + bucket + obj + part + bytes([layer])


def seal_body(data_key, salt, context, plaintext, chunk):
    key, base, commitment = message_keys(data_key, salt, context)
    out = salt + commitment
    for number in range(len(plaintext) // chunk + 1):
        out += AESGCM(key).encrypt(chunk_nonce(base, number), plaintext[number * chunk : (number + 1) * chunk], None)
    return out


def open_body(data_key, context, message, length, chunk):
    key, base, commitment = message_keys(data_key, message[:24], context)
    if not hmac.compare_digest(commitment, message[24:56]):
        raise ValueError("commitment")
    rest, out = message[56:], b""
    for number in range(length // chunk + 1):
        size = min(chunk, length - number * chunk) + 16
        if len(rest) < size:
            raise ValueError("short")
        out += AESGCM(key).decrypt(chunk_nonce(base, number), rest[:size], None)
        rest = rest[size:]
    if rest:
        raise ValueError("trailing")
    return out


def xaes_key(key, nonce):
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    block = int.from_bytes(ecb.update(bytes(16)), "big")
    k1 = ((block << 1) & ((1 << 128) - 1)) ^ (0x87 if block >> 127 else 0)
    derive = lambda n: ecb.update((int.from_bytes(bytes([0, n, 0x58, 0]) + nonce[:12], "big") ^ k1).to_bytes(16, "big"))
    return derive(1) + derive(2)


def xaes_seal(key, nonce, aad, plaintext):
    return nonce + AESGCM(xaes_key(key, nonce)).encrypt(nonce[12:], plaintext, aad)


def xaes_open(key, aad, sealed):
    return AESGCM(xaes_key(key, sealed[:24])).decrypt(sealed[12:24], sealed[24:], aad)


def encode_context(context):
    pairs = sorted(context.items(), key=lambda pair: pair[0].encode())
    return u32(len(pairs)) + b"".join(lp(k.encode()) + lp(v.encode()) for k, v in pairs)


def wrap_aad(label, bucket, obj):
    return label + b"\0" + bucket + obj


def sse_c_keys(customer_key, salt):
    okm = hmac.new(salt, u32(1) + customer_key + b"coffer/sse-c/2", hashlib.sha512).digest()
    return okm[:32], okm[32:]


def sse_c_verifier(verifier_key, bucket, obj):
    return hmac.new(verifier_key, bucket + obj, hashlib.sha256).digest()


def seal_sse_c(kek, bucket, obj, data_key):
    return AESGCM(kek).encrypt(bytes(12), data_key, wrap_aad(b"coffer/sse-c/wrap", bucket, obj))


def open_sse_c(customer_key, wrap, bucket, obj):
    salt, version = b64(wrap["salt"]), wrap.get("version")
    if version not in (None, 2):
        raise ValueError("another version")
    if version == 2:
        kek, verifier_key = sse_c_keys(customer_key, salt)
    else:
        kek, verifier_key = (hkdf(customer_key, info, salt=salt) for info in (b"coffer/sse-c/kek", b"coffer/sse-c/verify"))
    if not hmac.compare_digest(sse_c_verifier(verifier_key, bucket, obj), b64(wrap["verifier"])):
        raise ValueError("wrong customer key")
    aad, sealed = wrap_aad(b"coffer/sse-c/wrap", bucket, obj), b64(wrap["dataKey"])
    return AESGCM(kek).decrypt(bytes(12), sealed, aad) if version == 2 else xaes_open(kek, aad, sealed)


def open_sse_s3(store_key, wrap, bucket, obj):
    return xaes_open(store_key, wrap_aad(b"coffer/sse-s3/wrap", bucket, obj), b64(wrap["dataKey"]))


def open_under_bucket_key(bucket_key, wrap, bucket, obj):
    aad = wrap_aad(b"coffer/sse-kms/bucket-key-wrap", bucket, obj) + encode_context(wrap["context"])
    return xaes_open(bucket_key, aad, b64(wrap["underBucketKey"]))


def checksum_keys(data_key, salt, bucket, obj):
    okm = HKDFExpand(hashes.SHA512(), 44, b"coffer/checksum/2\0" + bucket + obj + salt).derive(data_key)
    return okm[:32], okm[32:]


def seal_checksum(data_key, salt, bucket, obj, text):
    key, nonce = checksum_keys(data_key, salt, bucket, obj)
    return "2." + base64.b64encode(salt + AESGCM(key).encrypt(nonce, text.encode(), None)).decode()


def open_checksum(data_key, sealed, bucket, obj):
    if sealed.startswith("2."):
        raw = b64(sealed[2:])
        key, nonce = checksum_keys(data_key, raw[:24], bucket, obj)
        return AESGCM(key).decrypt(nonce, raw[24:], None).decode()
    return xaes_open(hkdf(data_key, b"coffer/checksum", salt=bucket + obj), b"", b64(sealed)).decode()


def open_record(root_key, type_name, row_key, sealed):
    if sealed[0] != 1 or sealed[1:5] != hkdf(root_key, b"coffer/root-key-id", 4):
        raise ValueError("version or root key")
    return xaes_open(hkdf(root_key, b"coffer/record/" + type_name), lp(type_name) + lp(row_key), sealed[5:])


def open_blob(backing_keys, context, blob):
    if blob[0] != 1:
        raise ValueError("version")
    header = blob[:49]
    return xaes_open(backing_keys[blob[17:49].hex()], header + encode_context(context), blob[49:])


def held_aad(header, context):
    """What the holder of a key in a custom key store binds its ciphertext to."""
    return header + hashlib.sha256(encode_context(context)).digest()


def xks_aad(aad, metadata):
    """As the XKS proxy API specification advises: lengths keep the two apart."""
    return struct.pack(">H", len(aad)) + aad + bytes([len(metadata)]) + metadata


def seal_external(backing_key, external_key, header, context, plaintext, nonce, iv, metadata):
    inner = xaes_seal(backing_key, nonce, header + encode_context(context), plaintext)
    sealed = AESGCM(external_key).encrypt(iv, inner, xks_aad(held_aad(header, context), metadata))
    return header + bytes([len(metadata)]) + metadata + bytes([len(iv)]) + iv + sealed[-16:] + sealed[:-16]


def open_external(backing_keys, external_key, context, blob):
    if blob[0] != 4:
        raise ValueError("version")
    header, rest = blob[:49], blob[49:]
    metadata, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    iv, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    inner = AESGCM(external_key).decrypt(iv, rest[16:] + rest[:16], xks_aad(held_aad(header, context), metadata))
    return xaes_open(backing_keys[blob[17:49].hex()], header + encode_context(context), inner)
