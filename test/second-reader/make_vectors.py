"""Writes fixtures/vectors/python.json: one vector, one fact or one failure. Run by hand when a format changes."""
import base64
import hashlib
import json
import pathlib

import formats as f

CHUNK = 16384
LARGE = 65536


def seeded(label, size):
    return hashlib.shake_256(label.encode()).digest(size)


def text(data):
    return base64.b64encode(data).decode()


key, salt = seeded("data key", 32), seeded("salt", 24)
bucket, obj, part = seeded("bucket", 16), seeded("object", 16), seeded("part", 16)
ids = {"bucketId": bucket.hex(), "objectId": obj.hex(), "partId": part.hex()}
context = f.body_context(CHUNK, bucket, obj, part, 0)
bodies = []


def body(comment, message, length, valid, data_key=key, plaintext=None, chunk=CHUNK):
    entry = {"comment": comment, "key": data_key.hex(), **ids, "length": length, "chunkBytes": chunk, "message": text(message), "valid": valid}
    if plaintext is not None:
        entry["sha256"] = hashlib.sha256(plaintext).hexdigest()
    bodies.append(entry)


for size in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK):
    plaintext = seeded("plaintext", size)
    body(f"{size} bytes", f.seal_body(key, salt, context, plaintext, CHUNK), size, True, plaintext=plaintext)
size = 2 * CHUNK + 10
plaintext = seeded("plaintext", size)
good = f.seal_body(key, salt, context, plaintext, CHUNK)
full = CHUNK + 16
flip = lambda at: good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
body("salt changed", flip(0), size, False)
body("commitment changed", flip(30), size, False)
body("first chunk changed", flip(60), size, False)
body("last tag changed", flip(len(good) - 1), size, False)
body("last chunk cut off", good[: 56 + 2 * full], size, False)
body("one byte cut off", good[:-1], size, False)
body("one byte added", good + b"\0", size, False)
body("chunks swapped", good[:56] + good[56 + full : 56 + 2 * full] + good[56 : 56 + full] + good[56 + 2 * full :], size, False)
body("another length in the record", good, size - 1, False)
body("another data key", good, size, False, data_key=seeded("other", 32))
body("another part", f.seal_body(key, salt, f.body_context(CHUNK, bucket, obj, seeded("p2", 16), 0), plaintext, CHUNK), size, False)
body("another layer", f.seal_body(key, salt, f.body_context(CHUNK, bucket, obj, part, 1), plaintext, CHUNK), size, False)

large = f.body_context(LARGE, bucket, obj, part, 0)
for size in (LARGE, LARGE + 1):
    plaintext = seeded("plaintext", size)
    message = f.seal_body(key, salt, large, plaintext, LARGE)
    body(f"{size} bytes in chunks of {LARGE}", message, size, True, plaintext=plaintext, chunk=LARGE)
body("another chunk size in the record", message, size, False)
body("sealed for another chunk size", f.seal_body(key, salt, context, plaintext, LARGE), size, False, chunk=LARGE)

contexts = [{"context": c, "encoded": f.encode_context(c).hex()} for c in (
    {}, {"a": "bc"}, {"ab": "c"}, {"A": "1", "a": "2"}, {"b": "", "a": ""}, {"\U00010000": "x", "\ufffd": "y"}, {"aws:s3:arn": "arn:aws:s3:::b/k"},
)]
customer, nonce = seeded("customer key", 32), seeded("nonce", 24)
c_salt = seeded("sse-c salt", 32)
wrap_aad = f.wrap_aad(b"coffer/sse-c/wrap", bucket, obj)
sse_c = {
    "customerKey": customer.hex(), **ids, "dataKey": key.hex(),
    "wrap": {
        "mode": "SSE-C",
        "salt": text(c_salt),
        "verifier": text(f.sse_c_verifier(f.hkdf(customer, b"coffer/sse-c/verify", salt=c_salt), bucket, obj)),
        "dataKey": text(f.xaes_seal(f.hkdf(customer, b"coffer/sse-c/kek", salt=c_salt), nonce, wrap_aad, key)),
    },
}
kek, verifier_key = f.sse_c_keys(customer, c_salt)
current = {
    "customerKey": customer.hex(), **ids, "dataKey": key.hex(),
    "wrap": {
        "mode": "SSE-C",
        "version": 2,
        "salt": text(c_salt),
        "verifier": text(f.sse_c_verifier(verifier_key, bucket, obj)),
        "dataKey": text(f.seal_sse_c(kek, bucket, obj, key)),
    },
    "checksum": f.seal_checksum(key, salt, bucket, obj, "checksum=="),
}
root = seeded("root key", 32)
record_aad = f.lp(b"object") + f.lp(b"c/row")
record = b"\x01" + f.hkdf(root, b"coffer/root-key-id", 4) + f.xaes_seal(f.hkdf(root, b"coffer/record/object"), nonce, record_aad, b"\x01{}")
sealed = {"rootKey": root.hex(), "type": "object", "rowKey": b"c/row".hex(), "sealed": record.hex(), "plaintext": b"\x01{}".hex()}
backing, backing_id, key_id = seeded("backing", 32), seeded("backing id", 32), seeded("key id", 16)
header = b"\x01" + key_id + backing_id
blob = header + f.xaes_seal(backing, nonce, header + f.encode_context({"a": "bc"}), b"plaintext")
kms = {"backingKey": backing.hex(), "backingKeyId": backing_id.hex(), "context": {"a": "bc"}, "blob": blob.hex(), "plaintext": b"plaintext".hex()}

external_key, iv, metadata = seeded("external key", 32), seeded("external iv", 12), b"key_version=1"
header = b"\x04" + key_id + backing_id
external = {
    **kms, "keyId": key_id.hex(), "externalKey": external_key.hex(),
    "blob": f.seal_external(backing, external_key, header, {"a": "bc"}, b"plaintext", nonce, iv, metadata).hex(),
}

out = {"bodies": bodies, "contexts": contexts, "sseC": sse_c, "current": current, "record": sealed, "blob": kms, "external": external}
target = pathlib.Path(__file__).parents[2] / "fixtures" / "vectors" / "python.json"
target.write_text(json.dumps(out, indent=1) + "\n")
