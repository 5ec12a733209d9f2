"""Reads fixtures/vectors/ by FORMAT.md alone: what Coffer wrote and what the generator wrote."""
import base64
import hashlib
import json
import pathlib
import sys

import formats as f
import segments as seg

VECTORS = pathlib.Path(__file__).parents[2] / "fixtures" / "vectors"
CHUNK = 16384
passed = failed = 0


def check(name, holds):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {name}")


def opens(call):
    try:
        return call()
    except Exception:
        return None


def read(name):
    data = json.loads((VECTORS / name).read_text())
    for vector in data["bodies"]:
        bucket, obj, part = (bytes.fromhex(vector[k]) for k in ("bucketId", "objectId", "partId"))
        chunk = vector["chunkBytes"]
        context = f.body_context(chunk, bucket, obj, part, 0)
        message = base64.b64decode(vector["message"])
        plaintext = opens(lambda: f.open_body(bytes.fromhex(vector["key"]), context, message, vector["length"], chunk))
        check(f"{name} body: {vector['comment']}", (plaintext is not None) == vector["valid"])
        if vector["valid"] and plaintext is not None:
            check(f"{name} body content: {vector['comment']}", hashlib.sha256(plaintext).hexdigest() == vector["sha256"])
    for vector in data["contexts"]:
        check(f"{name} context {vector['context']}", f.encode_context(vector["context"]).hex() == vector["encoded"])
    c = data["sseC"]
    bucket, obj = bytes.fromhex(c["bucketId"]), bytes.fromhex(c["objectId"])
    key = bytes.fromhex(c["customerKey"])
    check(f"{name} SSE-C", opens(lambda: f.open_sse_c(key, c["wrap"], bucket, obj)) == bytes.fromhex(c["dataKey"]))
    check(f"{name} SSE-C wrong key", opens(lambda: f.open_sse_c(bytes(32), c["wrap"], bucket, obj)) is None)
    check(f"{name} SSE-C elsewhere", opens(lambda: f.open_sse_c(key, c["wrap"], obj, bucket)) is None)
    n = data["current"]
    bucket, obj = bytes.fromhex(n["bucketId"]), bytes.fromhex(n["objectId"])
    key, data_key = bytes.fromhex(n["customerKey"]), bytes.fromhex(n["dataKey"])
    check(f"{name} SSE-C 2", n["wrap"]["version"] == 2 and opens(lambda: f.open_sse_c(key, n["wrap"], bucket, obj)) == data_key)
    check(f"{name} SSE-C 2 wrong key", opens(lambda: f.open_sse_c(bytes(32), n["wrap"], bucket, obj)) is None)
    check(f"{name} SSE-C 2 elsewhere", opens(lambda: f.open_sse_c(key, n["wrap"], obj, bucket)) is None)
    check(f"{name} SSE-C 3", opens(lambda: f.open_sse_c(key, {**n["wrap"], "version": 3}, bucket, obj)) is None)
    check(f"{name} checksum 2", opens(lambda: f.open_checksum(data_key, n["checksum"], bucket, obj)) == "checksum==")
    check(f"{name} checksum 2 elsewhere", opens(lambda: f.open_checksum(data_key, n["checksum"], obj, bucket)) is None)
    r = data["record"]
    fields = (bytes.fromhex(r["rootKey"]), r["type"].encode(), bytes.fromhex(r["rowKey"]), bytes.fromhex(r["sealed"]))
    check(f"{name} record", opens(lambda: f.open_record(*fields)) == bytes.fromhex(r["plaintext"]))
    check(f"{name} record of another type", opens(lambda: f.open_record(fields[0], b"upload", *fields[2:])) is None)
    check(f"{name} record in another row", opens(lambda: f.open_record(*fields[:2], b"c/other", fields[3])) is None)
    k = data["blob"]
    keys = {k["backingKeyId"]: bytes.fromhex(k["backingKey"])}
    blob = bytes.fromhex(k["blob"])
    check(f"{name} blob", opens(lambda: f.open_blob(keys, k["context"], blob)) == bytes.fromhex(k["plaintext"]))
    check(f"{name} blob in another context", opens(lambda: f.open_blob(keys, {"ab": "c"}, blob)) is None)
    if "external" in data:
        e = data["external"]
        blob, external = bytes.fromhex(e["blob"]), bytes.fromhex(e["externalKey"])
        check(f"{name} external blob", opens(lambda: f.open_external(keys, external, e["context"], blob)) == bytes.fromhex(e["plaintext"]))
        check(f"{name} external blob without the external key", opens(lambda: f.open_external(keys, bytes(32), e["context"], blob)) is None)
        wrong = {e["backingKeyId"]: bytes(32)}
        check(f"{name} external blob without the backing key", opens(lambda: f.open_external(wrong, external, e["context"], blob)) is None)
        check(f"{name} external blob in another context", opens(lambda: f.open_external(keys, external, {"ab": "c"}, blob)) is None)
    if "more" in data:
        m = data["more"]
        bucket, obj = bytes.fromhex(m["bucketId"]), bytes.fromhex(m["objectId"])
        check(f"{name} SSE-S3", opens(lambda: f.open_sse_s3(bytes.fromhex(m["storeKey"]), m["sseS3"], bucket, obj)) == bytes.fromhex(m["dataKey"]))
        opened = opens(lambda: f.open_under_bucket_key(bytes.fromhex(m["bucketKey"]), m["underBucketKey"], bucket, obj))
        check(f"{name} under a bucket key", opened == bytes.fromhex(m["bucketDataKey"]))
    if "former" in data:
        m = data["former"]
        bucket, obj = bytes.fromhex(m["bucketId"]), bytes.fromhex(m["objectId"])
        check(f"{name} checksum", opens(lambda: f.open_checksum(bytes.fromhex(m["dataKey"]), m["checksum"], bucket, obj)) == "checksum==")


def read_segment(name):
    data = json.loads((VECTORS / name).read_text())
    file = base64.b64decode(data["bytes"])
    check(f"{name} header", seg.read_header(file) == (data["segment"], bytes.fromhex(data["storeId"].replace("-", ""))))
    state = seg.read_segment_row(bytes.fromhex(data["segmentRow"]))
    live = [run for run in data["runs"] if not run["deleted"]]
    check(f"{name} row", state["liveRuns"] == len(live) and state["end"] == len(file) and not state["sealed"])
    frames = seg.read_frames(file)
    check(f"{name} frames", [frame["first"] for frame in frames] == [run["first"] for run in data["runs"]])
    used = 0
    for frame, run in zip(frames, data["runs"]):
        check(f"{name} run {run['first']} whole", frame["whole"] and frame["owner"].hex() == run["owner"])
        check(f"{name} run {run['first']} lengths", [len(value) for value in frame["values"]] == run["lengths"])
        check(f"{name} run {run['first']} content", hashlib.sha256(b"".join(frame["values"])).hexdigest() == run["sha256"])
        if run["deleted"]:
            continue
        place = seg.read_place_row(bytes.fromhex(run["row"]))
        same = (place["segment"], place["offset"], place["crc"]) == (data["segment"], frame["offset"], frame["crc"])
        check(f"{name} run {run['first']} row", same and place["lengths"] == run["lengths"])
        used += -(-(frame["end"] - frame["offset"]) // seg.BLOCK) * seg.BLOCK
    check(f"{name} live bytes", used == state["liveBytes"])


EXPECTED = 115
read_segment("segment.json")
for file in ("python.json", "coffer.json"):
    read(file)
check(f"{EXPECTED} checks ran", passed + failed == EXPECTED)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
