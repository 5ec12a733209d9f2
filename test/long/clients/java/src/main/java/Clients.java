import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.kms.model.DataKeySpec;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.*;

/** Runs AWS's SDK for Java against an endpoint. usage: Clients URL; prints a JSON line [step, outcome] for each step. */
public class Clients {
  interface Step {
    void run() throws Exception;
  }

  static final String BUCKET = "java-aws";
  static final byte[] BODY = "from Java".getBytes(StandardCharsets.UTF_8);

  static void step(String name, Step step) {
    String outcome = "ok";
    try {
      step.run();
    } catch (Exception error) {
      outcome = String.valueOf(error).replaceAll("[\"\\\\\\p{Cntrl}]", "'");
    }
    System.out.println("[\"" + name + "\",\"" + outcome + "\"]");
  }

  static void same(byte[] got, byte[] wanted) {
    if (!Arrays.equals(got, wanted)) throw new IllegalStateException(got.length + " other bytes came back");
  }

  public static void main(String[] args) throws Exception {
    URI endpoint = URI.create(args[0]);
    EnvironmentVariableCredentialsProvider give = EnvironmentVariableCredentialsProvider.create();
    S3Client s3 = S3Client.builder().endpointOverride(endpoint).region(Region.US_EAST_1).credentialsProvider(give).forcePathStyle(true).build();
    KmsClient kms = KmsClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1).credentialsProvider(give).build();
    String[] key = new String[1];

    step("CreateKey, GenerateDataKey, Decrypt", () -> {
      key[0] = kms.createKey().keyMetadata().arn();
      var data = kms.generateDataKey(r -> r.keyId(key[0]).keySpec(DataKeySpec.AES_256));
      same(kms.decrypt(r -> r.ciphertextBlob(data.ciphertextBlob())).plaintext().asByteArray(), data.plaintext().asByteArray());
    });
    step("CreateBucket", () -> s3.createBucket(r -> r.bucket(BUCKET)));
    step("PutObject, GetObject", () -> {
      s3.putObject(r -> r.bucket(BUCKET).key("plain"), RequestBody.fromBytes(BODY));
      same(s3.getObjectAsBytes(r -> r.bucket(BUCKET).key("plain")).asByteArray(), BODY);
    });
    step("PutObject with a checksum behind the body", () -> {
      for (ChecksumAlgorithm algorithm : new ChecksumAlgorithm[] {ChecksumAlgorithm.CRC32, ChecksumAlgorithm.SHA1, ChecksumAlgorithm.SHA256}) {
        s3.putObject(r -> r.bucket(BUCKET).key("sum").checksumAlgorithm(algorithm), RequestBody.fromBytes(BODY));
        same(s3.getObjectAsBytes(r -> r.bucket(BUCKET).key("sum").checksumMode(ChecksumMode.ENABLED)).asByteArray(), BODY);
      }
    });
    step("PutObject with aws:kms", () -> {
      var put = s3.putObject(r -> r.bucket(BUCKET).key("kms").serverSideEncryption(ServerSideEncryption.AWS_KMS).ssekmsKeyId(key[0]), RequestBody.fromBytes(BODY));
      if (!key[0].equals(put.ssekmsKeyId())) throw new IllegalStateException("the key is " + put.ssekmsKeyId());
      same(s3.getObjectAsBytes(r -> r.bucket(BUCKET).key("kms")).asByteArray(), BODY);
    });
    step("PutObject with a customer key", () -> {
      byte[] customer = "customer key of thirty-two bytes".getBytes(StandardCharsets.UTF_8);
      String text = Base64.getEncoder().encodeToString(customer);
      String md5 = Base64.getEncoder().encodeToString(MessageDigest.getInstance("MD5").digest(customer));
      s3.putObject(r -> r.bucket(BUCKET).key("own").sseCustomerAlgorithm("AES256").sseCustomerKey(text).sseCustomerKeyMD5(md5), RequestBody.fromBytes(BODY));
      same(s3.getObjectAsBytes(r -> r.bucket(BUCKET).key("own").sseCustomerAlgorithm("AES256").sseCustomerKey(text).sseCustomerKeyMD5(md5)).asByteArray(), BODY);
    });
    step("metadata", () -> {
      s3.putObject(r -> r.bucket(BUCKET).key("meta").metadata(Map.of("plain", "a, b")), RequestBody.fromBytes(BODY));
      var found = s3.headObject(r -> r.bucket(BUCKET).key("meta")).metadata();
      if (!"a, b".equals(found.get("plain"))) throw new IllegalStateException("metadata is " + found);
    });
    step("GetObjectAttributes", () -> {
      var got = s3.getObjectAttributes(r -> r.bucket(BUCKET).key("plain").objectAttributes(ObjectAttributes.E_TAG, ObjectAttributes.OBJECT_SIZE, ObjectAttributes.CHECKSUM, ObjectAttributes.STORAGE_CLASS));
      if (got.eTag() == null || got.objectSize() == null || got.storageClass() == null) throw new IllegalStateException("attributes are missing: " + got);
    });
    step("an upload in parts", () -> {
      byte[] part = new byte[5 << 20];
      // AWS answers InvalidPart to parts listed with a checksum where the upload named no algorithm.
      String id = s3.createMultipartUpload(r -> r.bucket(BUCKET).key("parts").checksumAlgorithm("CRC32")).uploadId();
      var one = s3.uploadPart(r -> r.bucket(BUCKET).key("parts").uploadId(id).partNumber(1), RequestBody.fromBytes(part));
      var two = s3.uploadPart(r -> r.bucket(BUCKET).key("parts").uploadId(id).partNumber(2), RequestBody.fromBytes(BODY));
      var parts = new CompletedPart[] {
        CompletedPart.builder().partNumber(1).eTag(one.eTag()).checksumCRC32(one.checksumCRC32()).build(),
        CompletedPart.builder().partNumber(2).eTag(two.eTag()).checksumCRC32(two.checksumCRC32()).build(),
      };
      s3.completeMultipartUpload(r -> r.bucket(BUCKET).key("parts").uploadId(id).multipartUpload(m -> m.parts(parts)));
      if (s3.headObject(r -> r.bucket(BUCKET).key("parts")).contentLength() != part.length + BODY.length) throw new IllegalStateException("another length");
    });
    step("ListObjectsV2, DeleteObjects", () -> {
      var ids = s3.listObjectsV2(r -> r.bucket(BUCKET)).contents().stream().map(o -> ObjectIdentifier.builder().key(o.key()).build()).toList();
      var gone = s3.deleteObjects(r -> r.bucket(BUCKET).delete(d -> d.objects(ids))).deleted();
      if (gone.size() != ids.size()) throw new IllegalStateException(gone.size() + " of " + ids.size());
    });
  }
}
