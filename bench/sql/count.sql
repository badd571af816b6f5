-- The pushes whose instructions bench/count counts: those of bench/driver.mjs, as text, one row each. A client's
-- mutations follow one another over all sizes.
CREATE TABLE body (n int PRIMARY KEY, push text);
ALTER TABLE body ALTER push SET STORAGE EXTERNAL;

CREATE FUNCTION make_bodies(first_body int, pushes int, first bigint, batch int, failing int, mutation text DEFAULT 'createMessage', zero boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
    INSERT INTO body SELECT first_body + p, format(CASE WHEN zero
            THEN '{"clientGroupID":"group-8f1b5c2e-1","mutations":[%s],"pushVersion":1,"timestamp":118,"requestID":"r1"}'
            ELSE '{"profileID":"p5e2f1a90","clientGroupID":"group-8f1b5c2e-1","mutations":[%s],"pushVersion":1,"schemaVersion":""}' END, (
        SELECT string_agg(format('{"id":%s,"name":"%s","args":%s{"id":"m%s","sender":"Ann","content":"The quick brown fox jumps over the lazy dog, and then it has a look at what the others in the room have written to it. %s","ord":%s}%s,"timestamp":%s.537055,"clientID":"client-4d7a9e3b-1"}',
            i, mutation, CASE WHEN zero THEN '[' ELSE '' END, lpad(i::text, 9, '0'), i, CASE WHEN i * failing / 100 > (i - 1) * failing / 100 THEN -1 ELSE i END,
            CASE WHEN zero THEN '],"type":"custom"' ELSE '' END, 118 + i), ',' ORDER BY i)
        FROM generate_series(first + p * batch, first + (p + 1) * batch - 1) AS i))
    FROM generate_series(0, pushes - 1) AS p
$$;

-- Uploads, each in one transaction of the client's: those of bench/powersync.mjs. A PUT is of a new row, the others are of rows that are there.
-- MIXED: all of them, not sorted.
CREATE FUNCTION make_uploads(op text, first_body int, uploads int, first bigint, batch int) RETURNS void LANGUAGE sql AS $$
    INSERT INTO body SELECT first_body + p, format('{"client_id":"client-4d7a9e3b-1","transactions":[{"crud":[%s]}]}', (
        SELECT string_agg(format('{"op_id":%s,"tx_id":%s,"op":"%s","type":"message","id":"%s%s"%s}', i, first + p, kind, CASE kind WHEN 'PUT' THEN 'm' ELSE 'b' END, lpad(i::text, 9, '0'),
            format(CASE kind WHEN 'PUT' THEN ',"data":{"sender":"Ann","content":"%1$s","ord":%2$s}' WHEN 'PATCH' THEN ',"data":{"content":"Changed: %1$s"}' ELSE '' END,
                'The quick brown fox jumps over the lazy dog, and then it has a look at what the others in the room have written to it. ' || i, i)), ',' ORDER BY i)
        FROM generate_series(first + p * batch, first + (p + 1) * batch - 1) AS i,
            LATERAL (SELECT CASE op WHEN 'MIXED' THEN ('{PUT,PATCH,PUT,PUT,PATCH,PATCH,PUT,DELETE,PATCH,PUT}'::text[])[i % 10 + 1] ELSE op END AS kind) AS k))
    FROM generate_series(0, uploads - 1) AS p
$$;

-- Pushes of the lastMutationAt protocol, 100 mutations each: those of bench/last_mutation_at.mjs. An UPDATE is of a note of zoe's.
CREATE FUNCTION make_syncs(type text, first_body int, mutations int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ids text[];
BEGIN
    IF type = 'UPDATE' THEN
        ids := ARRAY(SELECT id FROM note WHERE user_id = 'zoe' ORDER BY version);
    END IF;
    INSERT INTO body SELECT first_body + p, format('{"mutations":[%s]}', (
        SELECT string_agg(format('{"type":"%s","resource":"NOTE",%s"data":{"title":"Note %s","body":"The quick brown fox jumps over the lazy dog, and then it has a look at what the others have written down on page %s. "}}',
            type, '"resourceId":"' || ids[i] || '",', CASE type WHEN 'UPDATE' THEN -i ELSE i END, i), ',' ORDER BY i)
        FROM generate_series(p * 100 + 1, (p + 1) * 100) AS i))
    FROM generate_series(0, mutations / 100 - 1) AS p;
END $$;
