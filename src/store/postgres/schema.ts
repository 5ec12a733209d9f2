/** How commits of different gateways are kept apart. A row of the store: two modes at once would lose updates. */
export type CommitMode = 'locks' | 'serializable';

export const POSTGRES_FORMAT = 'coffer-postgres-v1';
export const POSTGRES_VERSION = 1;

/** Isolation level that `commit_v1` demands, so that no setting of the server or of a proxy can take it away. */
export const ISOLATION: Record<CommitMode, string> = { locks: 'read committed', serializable: 'serializable' };

/** Every statement that makes a store in an empty schema (storage/README.md). One transaction. */
export const creation = (schema: string, mode: CommitMode): string => `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE ${schema}.store (name text PRIMARY KEY, value text NOT NULL);

CREATE TABLE ${schema}.meta (key bytea PRIMARY KEY, revision bytea NOT NULL, value bytea NOT NULL);
ALTER TABLE ${schema}.meta ALTER COLUMN key SET STORAGE PLAIN, ALTER COLUMN revision SET STORAGE PLAIN,
  ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE ${schema}.meta SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);

CREATE TABLE ${schema}.session (id bytea PRIMARY KEY, last bytea NOT NULL, closed boolean NOT NULL, used timestamptz NOT NULL)
  WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE ${schema}.blob_run (owner bytea, first bigint, count integer NOT NULL, PRIMARY KEY (owner, first));
CREATE TABLE ${schema}.blob_value (owner bytea, number bigint, value bytea NOT NULL, PRIMARY KEY (owner, number));
ALTER TABLE ${schema}.blob_value ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE ${schema}.blob_value SET (autovacuum_vacuum_scale_factor = 0.02);

${commitFunction(schema, mode)}

CREATE FUNCTION ${schema}.put_v1(p_owner bytea, p_first bigint, p_values bytea[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO ${schema}.blob_run VALUES (p_owner, p_first, cardinality(p_values)) ON CONFLICT (owner, first) DO NOTHING;
  IF NOT FOUND THEN
    RETURN (SELECT r.count = cardinality(p_values) FROM ${schema}.blob_run r WHERE r.owner = p_owner AND r.first = p_first);
  END IF;
  INSERT INTO ${schema}.blob_value
    SELECT p_owner, p_first + x.n - 1, x.v FROM unnest(p_values) WITH ORDINALITY AS x (v, n);
  RETURN true;
END $$;

CREATE FUNCTION ${schema}.delete_v1(p_owner bytea, p_firsts bigint[], p_counts bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_other bigint;
BEGIN
  PERFORM FROM ${schema}.blob_run r WHERE r.owner = p_owner AND r.first = ANY (p_firsts) ORDER BY r.first FOR UPDATE;
  SELECT r.first INTO v_other FROM unnest(p_firsts, p_counts) AS w (first, count)
    JOIN ${schema}.blob_run r ON r.owner = p_owner AND r.first = w.first WHERE r.count <> w.count LIMIT 1;
  IF FOUND THEN
    RETURN v_other;
  END IF;
  DELETE FROM ${schema}.blob_value v USING unnest(p_firsts, p_counts) AS w (first, count), ${schema}.blob_run r
    WHERE r.owner = p_owner AND r.first = w.first
      AND v.owner = p_owner AND v.number >= w.first AND v.number < w.first + w.count;
  DELETE FROM ${schema}.blob_run r WHERE r.owner = p_owner AND r.first = ANY (p_firsts);
  RETURN NULL;
END $$;
`;

/**
 * One commit. Locks are sorted by their numbers, those with an odd one for writing; what only a check names is locked for reading.
 * The checks are a statement of their own, so that in `read committed` they see everything that was committed before the locks
 * were granted. The session's row tells later whether this commit came to its end: see `sessions.ts`.
 */
function commitFunction(schema: string, mode: CommitMode): string {
  const locks = `
  FOREACH v_lock IN ARRAY p_locks LOOP
    IF v_lock & 1 = 1 THEN
      PERFORM pg_catalog.pg_advisory_xact_lock(v_lock);
    ELSE
      PERFORM pg_catalog.pg_advisory_xact_lock_shared(v_lock | 1);
    END IF;
  END LOOP;`;
  return `
CREATE FUNCTION ${schema}.commit_v1(
  p_mode text, p_session bytea, p_retired bytea, p_token bytea, p_locks bigint[], p_check_keys bytea[], p_check_revisions bytea[],
  p_put_keys bytea[], p_put_values bytea[], p_del_keys bytea[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_lock bigint;
BEGIN
  IF p_mode <> '${mode}' OR current_setting('transaction_isolation') <> '${ISOLATION[mode]}' THEN
    RAISE EXCEPTION 'this store is committed to in mode ${mode}, at isolation level ${ISOLATION[mode]}' USING ERRCODE = '0A000';
  END IF;${mode === 'locks' ? locks : ''}
  IF cardinality(p_check_keys) > 0 AND EXISTS (
    SELECT FROM unnest(p_check_keys, p_check_revisions) AS c (key, revision)
      LEFT JOIN ${schema}.meta m ON m.key = c.key WHERE m.revision IS DISTINCT FROM c.revision
  ) THEN
    RETURN false;
  END IF;
  IF p_session IS NULL THEN
    RETURN true;
  END IF;
  INSERT INTO ${schema}.session AS s VALUES (p_session, p_token, false, now())
    ON CONFLICT (id) DO UPDATE SET last = EXCLUDED.last, used = EXCLUDED.used WHERE NOT s.closed;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this commit was given up' USING ERRCODE = '57014';
  END IF;
  IF p_retired IS NOT NULL THEN
    DELETE FROM ${schema}.session s WHERE s.id = p_retired;
  END IF;
  IF cardinality(p_put_keys) > 0 THEN
    INSERT INTO ${schema}.meta AS m SELECT p.key, p_token, p.value FROM unnest(p_put_keys, p_put_values) AS p (key, value)
      ON CONFLICT (key) DO UPDATE SET revision = EXCLUDED.revision, value = EXCLUDED.value;
  END IF;
  IF cardinality(p_del_keys) > 0 THEN
    DELETE FROM ${schema}.meta m USING unnest(p_del_keys) AS d (key) WHERE m.key = d.key;
  END IF;
  RETURN true;
END $$;`;
}
