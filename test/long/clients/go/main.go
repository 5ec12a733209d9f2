// Runs MinIO's client and AWS's SDK for Go against an endpoint. usage: clients URL; prints a JSON line [step, outcome] for each step.
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
)

var (
	background = context.Background()
	accessKey  = os.Getenv("AWS_ACCESS_KEY_ID")
	secretKey  = os.Getenv("AWS_SECRET_ACCESS_KEY")
	customer   = []byte("customer key of thirty-two bytes")
	large      = make([]byte, 12<<20)
)

func step(name string, run func() error) {
	outcome := "ok"
	if err := run(); err != nil {
		outcome = err.Error()
	}
	line, _ := json.Marshal([]string{name, outcome})
	fmt.Println(string(line))
}

func same(body io.Reader, wanted []byte, err error) error {
	if err != nil {
		return err
	}
	got, err := io.ReadAll(body)
	if err == nil && !bytes.Equal(got, wanted) {
		err = fmt.Errorf("%d other bytes came back", len(got))
	}
	return err
}

func main() {
	endpoint, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	rand.New(rand.NewSource(1)).Read(large)
	key := withAws(endpoint)
	withMinio(endpoint, key)
}

func withAws(endpoint *url.URL) string {
	give := awscredentials.NewStaticCredentialsProvider(accessKey, secretKey, "")
	config := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(endpoint.String()), Credentials: give}
	client := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	keys := kms.NewFromConfig(config)
	bucket := aws.String("go-aws-" + endpoint.Scheme)
	var key string

	step("aws: CreateKey, GenerateDataKey, Decrypt", func() error {
		made, err := keys.CreateKey(background, &kms.CreateKeyInput{})
		if err != nil {
			return err
		}
		key = *made.KeyMetadata.Arn
		data, err := keys.GenerateDataKey(background, &kms.GenerateDataKeyInput{KeyId: &key, KeySpec: "AES_256"})
		if err != nil {
			return err
		}
		opened, err := keys.Decrypt(background, &kms.DecryptInput{CiphertextBlob: data.CiphertextBlob})
		if err != nil {
			return err
		}
		return same(bytes.NewReader(opened.Plaintext), data.Plaintext, nil)
	})
	step("aws: CreateBucket", func() error {
		_, err := client.CreateBucket(background, &s3.CreateBucketInput{Bucket: bucket})
		return err
	})
	put := func(name string, input s3.PutObjectInput) {
		input.Bucket, input.Key = bucket, aws.String(name)
		step("aws: PutObject and GetObject, "+name, func() error {
			input.Body = strings.NewReader("from Go")
			if _, err := client.PutObject(background, &input); err != nil {
				return err
			}
			get := &s3.GetObjectInput{Bucket: bucket, Key: input.Key}
			get.SSECustomerAlgorithm, get.SSECustomerKey, get.SSECustomerKeyMD5 = input.SSECustomerAlgorithm, input.SSECustomerKey, input.SSECustomerKeyMD5
			get.ChecksumMode = types.ChecksumModeEnabled
			got, err := client.GetObject(background, get)
			if err != nil {
				return err
			}
			for name, value := range input.Metadata {
				if got.Metadata[name] != value {
					return fmt.Errorf("metadata %s is %q", name, got.Metadata[name])
				}
			}
			return same(got.Body, []byte("from Go"), nil)
		})
	}
	put("plain", s3.PutObjectInput{})
	for _, algorithm := range types.ChecksumAlgorithm("").Values() {
		switch algorithm {
		case "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256":
			put("checksum "+string(algorithm), s3.PutObjectInput{ChecksumAlgorithm: algorithm})
		}
	}
	put("aws:kms", s3.PutObjectInput{ServerSideEncryption: "aws:kms", SSEKMSKeyId: &key})
	put("metadata", s3.PutObjectInput{Metadata: map[string]string{"plain": "a, b", "two": "a  b"}})
	sum := md5.Sum(customer)
	if endpoint.Scheme == "https" {
		// The SDK sends customer keys over TLS only.
		put("customer key", s3.PutObjectInput{
			SSECustomerAlgorithm: aws.String("AES256"),
			SSECustomerKey:       aws.String(base64.StdEncoding.EncodeToString(customer)),
			SSECustomerKeyMD5:    aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		})
	}
	step("aws: GetObjectAttributes", func() error {
		wanted := []types.ObjectAttributes{"ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"}
		got, err := client.GetObjectAttributes(background, &s3.GetObjectAttributesInput{Bucket: bucket, Key: aws.String("plain"), ObjectAttributes: wanted})
		if err != nil {
			return err
		}
		if got.ETag == nil || got.ObjectSize == nil || *got.ObjectSize != 7 || got.StorageClass == "" {
			return fmt.Errorf("attributes are missing: %+v", got)
		}
		return nil
	})
	step("aws: an upload in parts and a download in ranges", func() error {
		_, err := manager.NewUploader(client).Upload(background, &s3.PutObjectInput{
			Bucket: bucket, Key: aws.String("large"), Body: bytes.NewReader(large), ServerSideEncryption: "aws:kms", SSEKMSKeyId: &key})
		if err != nil {
			return err
		}
		buffer := manager.NewWriteAtBuffer(nil)
		_, err = manager.NewDownloader(client).Download(background, buffer, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("large")})
		return same(bytes.NewReader(buffer.Bytes()), large, err)
	})
	step("aws: a presigned URL", func() error {
		signed, err := s3.NewPresignClient(client).PresignGetObject(background, &s3.GetObjectInput{Bucket: bucket, Key: aws.String("plain")})
		if err != nil {
			return err
		}
		return fetched(signed.URL, "from Go")
	})
	step("aws: ListObjectsV2, DeleteObjects", func() error {
		listed, err := client.ListObjectsV2(background, &s3.ListObjectsV2Input{Bucket: bucket})
		if err != nil {
			return err
		}
		var dead []types.ObjectIdentifier
		for _, one := range listed.Contents {
			dead = append(dead, types.ObjectIdentifier{Key: one.Key})
		}
		gone, err := client.DeleteObjects(background, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: dead}})
		if err == nil && len(gone.Deleted) != len(dead) {
			err = fmt.Errorf("%d of %d deleted", len(gone.Deleted), len(dead))
		}
		return err
	})
	return key
}

func withMinio(endpoint *url.URL, key string) {
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Secure: endpoint.Scheme == "https", Region: "us-east-1", TrailingHeaders: true})
	if err != nil {
		panic(err)
	}
	bucket := "go-minio-" + endpoint.Scheme
	step("minio: MakeBucket", func() error {
		return client.MakeBucket(background, bucket, minio.MakeBucketOptions{})
	})
	put := func(name string, body []byte, size int64, options minio.PutObjectOptions) {
		// The client adds to the map that it is given.
		metadata := maps.Clone(options.UserMetadata)
		step("minio: PutObject and GetObject, "+name, func() error {
			if _, err := client.PutObject(background, bucket, name, bytes.NewReader(body), size, options); err != nil {
				return err
			}
			get := minio.GetObjectOptions{}
			if options.ServerSideEncryption != nil && options.ServerSideEncryption.Type() == encrypt.SSEC {
				get.ServerSideEncryption = options.ServerSideEncryption
			}
			got, err := client.GetObject(background, bucket, name, get)
			if err != nil {
				return err
			}
			if err := same(got, body, nil); err != nil {
				return err
			}
			found, err := got.Stat()
			for name, value := range metadata {
				if err == nil && found.UserMetadata[name] != value {
					return fmt.Errorf("metadata %s is %q", name, found.UserMetadata[name])
				}
			}
			return err
		})
	}
	small := []byte("from MinIO's client")
	put("plain", small, int64(len(small)), minio.PutObjectOptions{})
	put("of unknown size", large, -1, minio.PutObjectOptions{PartSize: 5 << 20})
	put("in parts", large, int64(len(large)), minio.PutObjectOptions{PartSize: 5 << 20, NumThreads: 3})
	for _, checksum := range []minio.ChecksumType{minio.ChecksumCRC32, minio.ChecksumCRC32C, minio.ChecksumCRC64NVME, minio.ChecksumSHA1, minio.ChecksumSHA256} {
		put("checksum "+checksum.String(), small, int64(len(small)), minio.PutObjectOptions{Checksum: checksum})
	}
	put("metadata", small, int64(len(small)), minio.PutObjectOptions{UserMetadata: map[string]string{"Colour": "blau, grün"}})
	if sse, err := encrypt.NewSSEKMS(key, nil); err == nil {
		put("aws:kms", small, int64(len(small)), minio.PutObjectOptions{ServerSideEncryption: sse})
	}
	if endpoint.Scheme == "https" {
		if sse, err := encrypt.NewSSEC(customer); err == nil {
			put("customer key", small, int64(len(small)), minio.PutObjectOptions{ServerSideEncryption: sse})
			put("customer key, in parts", large, int64(len(large)), minio.PutObjectOptions{ServerSideEncryption: sse, PartSize: 5 << 20})
		}
	}
	step("minio: GetObjectAttributes", func() error {
		got, err := client.GetObjectAttributes(background, bucket, "plain", minio.ObjectAttributesOptions{})
		if err == nil && got.ObjectSize != len(small) {
			err = fmt.Errorf("the size is %d", got.ObjectSize)
		}
		return err
	})
	step("minio: ComposeObject", func() error {
		source := minio.CopySrcOptions{Bucket: bucket, Object: "in parts"}
		target := minio.CopyDestOptions{Bucket: bucket, Object: "composed"}
		if _, err := client.ComposeObject(background, target, source, minio.CopySrcOptions{Bucket: bucket, Object: "plain"}); err != nil {
			return err
		}
		got, err := client.GetObject(background, bucket, "composed", minio.GetObjectOptions{})
		return same(got, append(append([]byte{}, large...), small...), err)
	})
	step("minio: a presigned URL", func() error {
		signed, err := client.PresignedGetObject(background, bucket, "plain", 600e9, url.Values{})
		if err != nil {
			return err
		}
		return fetched(signed.String(), string(small))
	})
	step("minio: ListObjects, RemoveObjects", func() error {
		for failed := range client.RemoveObjects(background, bucket, client.ListObjects(background, bucket, minio.ListObjectsOptions{Recursive: true}), minio.RemoveObjectsOptions{}) {
			return failed.Err
		}
		return client.RemoveBucket(background, bucket)
	})
}

func fetched(address string, wanted string) error {
	answer, err := http.Get(address)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	return same(answer.Body, []byte(wanted), nil)
}
