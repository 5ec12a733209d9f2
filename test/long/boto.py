"""What boto3 does by Signature V4 and by V2: the same calls, each answer printed as one line of JSON. Usage: boto.py URL VERSION"""

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
import uuid

import boto3
from botocore.config import Config

url, version = sys.argv[1:]
config = Config(signature_version=version, s3={"addressing_style": "path"})
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)
bucket = f"boto-{version}"


def tell(what, value):
    print(json.dumps([what, value], ensure_ascii=True))


def send(method, target, body=None, headers={}):
    request = urllib.request.Request(target, data=body, method=method, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.headers, answer.read()


def status_of(method, target, body, headers):
    try:
        return send(method, target, body, headers)[0]
    except urllib.error.HTTPError as refused:
        return refused.code


def post(form, filename, content):
    boundary = uuid.uuid4().hex
    lines = []
    for name, value in form["fields"].items():
        lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n')
    named = f'; filename="{filename}"' if filename else ""
    lines.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"{named}\r\n\r\n{content}\r\n')
    lines.append(f"--{boundary}--\r\n")
    body = "".join(lines).encode("utf-8")
    return send("POST", form["url"], body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})[0]


s3.create_bucket(Bucket=bucket)
asked = {"acl": "private", "success_action_status": "201"}
conditions = [{name: value} for name, value in asked.items()] + [["content-length-range", 1, 100]]
form = s3.generate_presigned_post(bucket, "form/${filename}", Fields=asked, Conditions=conditions)
tell("post", post(form, "a ü.txt", "hello"))
tell("post without a filename", post(form, None, "hello"))
s3.put_object(Bucket=bucket, Key="k ey", Body=b"x" * 100_000, Metadata={"a": "b, c"})
tell("get", len(s3.get_object(Bucket=bucket, Key="k ey", ResponseContentType="text/css")["Body"].read()))
tell("metadata", s3.head_object(Bucket=bucket, Key="k ey")["Metadata"])
tell("list", [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]])
upload = s3.create_multipart_upload(Bucket=bucket, Key="mp")["UploadId"]
etag = s3.upload_part(Bucket=bucket, Key="mp", UploadId=upload, PartNumber=1, Body=b"abc")["ETag"]
parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
s3.complete_multipart_upload(Bucket=bucket, Key="mp", UploadId=upload, MultipartUpload=parts)
tell("delete", [one["Key"] for one in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "mp"}]})["Deleted"]])
named = {"Bucket": bucket, "Key": "k ey", "ResponseContentType": "text/css"}
status, headers, body = send("GET", s3.generate_presigned_url("get_object", Params=named, ExpiresIn=60))
tell("presigned get", [status, headers["Content-Type"], len(body)])
named = {"Bucket": bucket, "Key": "put", "ContentType": "text/plain", "Metadata": {"q": "r"}}
target = s3.generate_presigned_url("put_object", Params=named, ExpiresIn=60)
tell("presigned put", send("PUT", target, b"z", {"Content-Type": "text/plain", "x-amz-meta-q": "r"})[0])
tell("its metadata", s3.head_object(Bucket=bucket, Key="put")["Metadata"])
plain = {"Content-Type": "text/plain"}
hoisted = {"Bucket": bucket, "Key": "hoisted", "ContentType": "text/plain", "StorageClass": "STANDARD_IA"}
digest = base64.b64encode(hashlib.md5(b"z").digest()).decode()
target = s3.generate_presigned_url("put_object", Params={**hoisted, "ContentMD5": digest}, ExpiresIn=60)
tell("a digest in the URL", [status_of("PUT", target, body, plain) for body in (b"y", b"z")])
tell("its class", [one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="hoisted").get("Contents", [])])
s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
tell("versioning", s3.get_bucket_versioning(Bucket=bucket)["Status"])
