"""MongoDB's client-side encryption with Coffer as its KMS: libmongocrypt parses the answers itself, byte by byte.

usage: mongo.py HOST:PORT KEY_ARN CA_FILE; prints one JSON line for each step.
"""
import json
import os
import socket
import ssl
import sys

import bson
from bson.codec_options import CodecOptions
from pymongocrypt.errors import MongoCryptError
from pymongocrypt.options import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

endpoint, key, ca = sys.argv[1:]


class Callback(MongoCryptCallback):
    """A key vault in memory; requests go over TLS as pymongo sends them."""

    def __init__(self):
        self.vault = []

    def kms_request(self, kms_context):
        host, port = kms_context.endpoint.split(":")
        trusted = ssl.create_default_context(cafile=ca)
        with socket.create_connection((host, int(port)), 60) as plain:
            with trusted.wrap_socket(plain, server_hostname=host) as connection:
                connection.sendall(kms_context.message)
                while kms_context.bytes_needed > 0:
                    data = connection.recv(kms_context.bytes_needed)
                    if not data:
                        raise OSError("the KMS closed the connection")
                    kms_context.feed(data)

    def fetch_keys(self, filter):
        yield from self.vault

    def insert_data_key(self, data_key):
        self.vault.append(data_key)
        return bson.decode(data_key, CodecOptions(uuid_representation=4))["_id"]

    def bson_encode(self, doc):
        return bson.encode(doc)

    def collection_info(self, database, filter):
        raise NotImplementedError

    def mark_command(self, database, cmd):
        raise NotImplementedError

    def close(self):
        pass


def told(step, value):
    print(json.dumps([step, value]), flush=True)


def encrypter(callback, secret):
    providers = {"aws": {"accessKeyId": os.environ["AWS_ACCESS_KEY_ID"], "secretAccessKey": secret}}
    return ExplicitEncrypter(callback, MongoCryptOptions(providers))


callback = Callback()
secret = os.environ["AWS_SECRET_ACCESS_KEY"]
master = {"region": "us-east-1", "key": key, "endpoint": endpoint}
try:
    made = encrypter(callback, secret).create_data_key("aws", master_key=master)
    told("data key made", len(made.bytes) == 16)
    plain = bson.encode({"v": "gr\u00fc\u00dfe"})
    algorithm = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
    sealed = encrypter(callback, secret).encrypt(plain, algorithm, key_id=made.bytes)
    told("value encrypted", b"gr\xc3\xbc\xc3\x9fe" not in sealed)
    # Another client, which has cached no key.
    told("value decrypted", encrypter(callback, secret).decrypt(sealed) == plain)
except (MongoCryptError, OSError) as error:
    told("failed", str(error))
try:
    encrypter(Callback(), "wrong").create_data_key("aws", master_key=master)
    told("wrong secret", "taken")
except MongoCryptError as error:
    told("wrong secret", "400" in str(error) or "403" in str(error) or "signature" in str(error).lower())
